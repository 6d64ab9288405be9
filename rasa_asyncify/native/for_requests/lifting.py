"""Where a request stands in its statement, and whether it may be made before the rest of it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from enum import Enum

from rasa_asyncify.flow.positions import enclosing, statement_of
from rasa_asyncify.native.statements import check_alone
from rasa_asyncify.native.strategy import Refused
from rasa_asyncify.project.bindings import last_name
from rasa_asyncify.project.model import COMPREHENSIONS, Scope

_SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Expr)
# What may be called before the request instead of after it, or the other way round: nobody sees the difference.
_QUIET = frozenset(
    "get get_slot format strip lower upper replace split join title capitalize items keys values str int float len "
    "list dict tuple set repr bool getenv SlotSet FollowupAction BeautifulSoup loads dumps "
    "latest_message current_state encode decode copy".split()
)


class Standing(Enum):
    """How the statement of a request is written with aiohttp."""

    ASSIGNED = "assigned"  # the block takes the place of `response = requests.get(...)`
    INSIDE = "inside"  # the statement goes into the block
    BEFORE = "before"  # the block goes before the statement
    ENTERED = "entered"  # the block takes the place of the head of `with requests.get(...) as response:`


@dataclass(frozen=True)
class Position:
    """The statement of a call, how it is written, and the name that it binds the response to, if it does."""

    statement: ast.stmt
    standing: Standing
    name: str | None = None


def position(call: ast.Call, scope: Scope) -> Position:
    """Where a call stands.

    Raises:
        Refused: where the request can't be made before the rest of its statement.
    """
    parent = scope.facts.parents.get(call)
    around = enclosing(call, scope)
    statement = statement_of(call, scope)
    if statement is None:
        raise Refused("it stands outside of a statement")
    check_alone(statement, scope)
    if isinstance(statement, ast.Assign) and parent is statement and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Name):
            return Position(statement, Standing.ASSIGNED, target.id)
    if (
        isinstance(statement, ast.AnnAssign)
        and parent is statement
        and isinstance(statement.target, ast.Name)
    ):
        return Position(statement, Standing.ASSIGNED, statement.target.id)
    if isinstance(parent, ast.withitem):
        return _entered(parent, statement)
    if isinstance(parent, ast.Expr):
        return Position(statement, Standing.ASSIGNED)
    _check_order(call, around, scope)
    if isinstance(statement, _SIMPLE):
        if statement.value is None or not _is_below(call, statement.value):
            raise Refused("it stands in what is assigned to")
        return Position(statement, Standing.INSIDE)
    heads = {ast.If: "test", ast.For: "iter"}
    head = heads.get(type(statement))
    if head is None or not _is_below(call, getattr(statement, head)):
        raise Refused("its statement can't follow the request")
    if _is_elif(statement, scope):
        raise Refused("it's the condition of an `elif`")
    return Position(statement, Standing.BEFORE)


def _entered(item: ast.withitem, statement: ast.stmt) -> Position:
    if not isinstance(statement, ast.With) or len(statement.items) != 1:
        raise Refused("something else is entered with it")
    if not isinstance(item.optional_vars, ast.Name):
        raise Refused("its response isn't named")
    return Position(statement, Standing.ENTERED, item.optional_vars.id)


def _is_below(node: ast.AST, root: ast.AST) -> bool:
    return any(inner is node for inner in ast.walk(root))


def _is_elif(statement: ast.stmt, scope: Scope) -> bool:
    parent = scope.facts.parents.get(statement)
    if not isinstance(parent, ast.If) or parent.orelse != [statement]:
        return False
    return scope.module.lines[statement.lineno - 1].lstrip().startswith("elif")


def _check_order(call: ast.Call, around: list[ast.AST], scope: Scope) -> None:
    """Refuse where something is evaluated before the request that the request might change, or that decides on it."""
    child: ast.AST = call
    for parent in around:
        if isinstance(parent, ast.Lambda):
            raise Refused("it stands in a lambda")
        if isinstance(parent, COMPREHENSIONS):
            if not _is_below(call, parent.generators[0].iter):
                raise Refused("it's made for each item of a comprehension")
        elif isinstance(parent, ast.BoolOp):
            if child is not parent.values[0]:
                raise Refused("it's made on a condition")
        elif isinstance(parent, ast.IfExp):
            if child is not parent.test:
                raise Refused("it's made on a condition")
        elif isinstance(parent, ast.Compare) and len(parent.ops) > 1 and child is not parent.left:
            raise Refused("it's made on a condition")
        elif isinstance(parent, (ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.Starred)):
            raise Refused("its response goes elsewhere")
        if isinstance(parent, ast.stmt):
            if isinstance(parent, ast.AugAssign) and not isinstance(parent.target, ast.Name):
                raise Refused("what it's added to is read before")
            return
        for before in _before(child, parent):
            if not _is_quiet(before):
                raise Refused("something else is called before it")
        child = parent


def _before(child: ast.AST, parent: ast.AST) -> list[ast.AST]:
    """The parts of an expression that are evaluated before its part ``child``."""
    parts = list(ast.iter_child_nodes(parent))
    return parts[: parts.index(child)] if child in parts else []


def _is_quiet(node: ast.AST) -> bool:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and last_name(inner.func) not in _QUIET:
            if not _is_request(inner):
                return False
        if isinstance(inner, (ast.Await, ast.NamedExpr, ast.Yield)):
            return False
    return True


def _is_request(call: ast.Call) -> bool:
    """Whether it is a request itself, which is made before in its turn."""
    return isinstance(call.func, ast.Attribute) and last_name(call.func.value) == "requests"
