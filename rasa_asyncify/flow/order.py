"""What may run after what in a function, by where it stands; and where the function waits."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rasa_asyncify.project.model import COMPREHENSIONS, Function

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_ENDS = (ast.Return, ast.Raise)
_TARGETS = ("targets", "target")
# What stands in front of what runs before it.
_LATER: dict[type[ast.AST], tuple[str, ...]] = {
    ast.ListComp: ("elt",),
    ast.SetComp: ("elt",),
    ast.GeneratorExp: ("elt",),
    ast.DictComp: ("key", "value"),
    ast.Assign: _TARGETS,
    ast.AnnAssign: _TARGETS,
    ast.AugAssign: _TARGETS,
    ast.NamedExpr: _TARGETS,
}
# Parts of which only one runs.
_BRANCHES: dict[type[ast.AST], tuple[str, ...]] = {
    ast.If: ("body", "orelse"),
    ast.IfExp: ("body", "orelse"),
}
_OF_A_TRY = {"body": 0, "handlers": 1, "orelse": 1, "finalbody": 2}


@dataclass(frozen=True)
class Wait:
    """What a coroutine function waits for from now on: an expression, or the statements of a block.

    ``alone`` tells whether it runs in the one thread, and is None where it runs in none.
    """

    nodes: tuple[ast.AST, ...]
    line: int
    alone: bool | None = None

    @property
    def node(self) -> ast.AST:
        """Where it begins."""
        return self.nodes[0]

    def holds(self, inner: ast.AST) -> bool:
        """Whether ``inner`` is a part of it."""
        return any(holds(node, inner) for node in self.nodes)


@dataclass(frozen=True)
class _Meeting:
    """The innermost node around two others, with the fields and the children of it that these stand in."""

    node: ast.AST
    fields: tuple[str, str]
    children: tuple[ast.AST, ast.AST]


def holds(node: ast.AST, inner: ast.AST) -> bool:
    """Whether ``inner`` is ``node`` or stands in it."""
    return any(below is inner for below in ast.walk(node))


def may_follow(first: ast.AST, second: ast.AST, function: Function, *, turns: bool = True) -> bool:
    """Whether ``second`` may run after ``first`` in one call of the function.

    That is further down, or with ``turns`` in another turn of a loop around both.
    """
    if turns and repeats(first, function, second) is not None:
        return True
    meeting = _meet(first, second, function)
    if meeting is None:  # one holds the other: a call runs after what stands in it
        return isinstance(second, ast.expr) and second is not first and holds(second, first)
    return _goes_on(meeting) and not _leaves(first, meeting.children[0], function, _ENDS)


def in_handler_of(first: ast.AST, second: ast.AST, function: Function) -> bool:
    """Whether ``second`` stands in an ``except`` of the ``try`` whose body holds ``first``."""
    meeting = _meet(first, second, function)
    return meeting is not None and meeting.fields == ("body", "handlers")


def repeats(node: ast.AST, function: Function, beside: ast.AST | None = None) -> ast.AST | None:
    """The innermost loop or comprehension around ``node`` that may go on to another turn after it.

    With ``beside`` the loop has to hold that as well.
    """
    path = _path(node, function)
    other = _path(beside if beside is not None else node, function)
    turned = {id(loop) for loop, child in pairwise(other) if _is_turned(loop, child)}
    for loop, child in reversed(list(pairwise(path))):
        if id(loop) in turned and _is_turned(loop, child):
            if not _leaves(node, loop, function, (*_ENDS, ast.Break)):
                return loop
    return None


def _is_turned(loop: ast.AST, child: ast.AST) -> bool:
    """Whether ``child`` is a part of the loop that runs once a turn."""
    if isinstance(loop, _LOOPS):
        return _field(loop, child) in ("body", "test")
    return isinstance(loop, COMPREHENSIONS) and _field(loop, child) != "generators"


def _path(node: ast.AST, function: Function) -> list[ast.AST]:
    """From the function down to the node."""
    found = [node]
    while found[-1] is not function.node:
        parent = function.facts.parents.get(found[-1])
        if parent is None:
            break
        found.append(parent)
    return found[::-1]


def _meet(first: ast.AST, second: ast.AST, function: Function) -> _Meeting | None:
    one, other = _path(first, function), _path(second, function)
    depth = 0
    while depth < min(len(one), len(other)) and one[depth] is other[depth]:
        depth += 1
    if depth in (0, len(one), len(other)):
        return None
    node, children = one[depth - 1], (one[depth], other[depth])
    return _Meeting(node, (_field(node, children[0]), _field(node, children[1])), children)


def _field(node: ast.AST, child: ast.AST) -> str:
    for name, value in ast.iter_fields(node):
        if value is child or (isinstance(value, list) and any(item is child for item in value)):
            return name
    return ""


def _goes_on(meeting: _Meeting) -> bool:
    """Whether control may get from the first child to the second within one turn."""
    before, after = meeting.fields
    node = meeting.node
    if before == after:
        first, second = map(_place, meeting.children)
        return before not in ("cases", "handlers") and first < second
    if before in _BRANCHES.get(type(node), ()):
        return False
    if isinstance(node, ast.Try):
        return _OF_A_TRY[before] < _OF_A_TRY[after]
    later = _LATER.get(type(node), ())
    if before in later or after in later:
        return after in later
    if after in _BRANCHES.get(type(node), ()):
        return True
    names = [name for name, _ in ast.iter_fields(node)]
    return names.index(before) < names.index(after)


def _place(node: ast.AST) -> tuple[int, int]:
    placed = next((n for n in ast.walk(node) if hasattr(n, "lineno")), node)
    return (getattr(placed, "lineno", 0), getattr(placed, "col_offset", 0))


def _leaves(node: ast.AST, top: ast.AST, function: Function, ends: tuple[type[ast.stmt], ...]) -> bool:
    """Whether ``top``, once ``node`` in it is through, always ends in one of ``ends``."""
    path = _path(node, function)
    inner = path[path.index(top) :]
    if isinstance(top, ends):
        return True
    for parent, child in pairwise(inner):
        if isinstance(child, ends) or any(_always(suite, ends) for suite in _suites_after(parent, child)):
            return True
    return False


def _suites_after(parent: ast.AST, child: ast.AST) -> list[Sequence[ast.stmt]]:
    """What runs after ``child`` where nothing fails: the rest of its suite, and the ``else`` of a ``try``."""
    field = _field(parent, child)
    suite = getattr(parent, field, None)
    if not isinstance(suite, list) or not isinstance(child, ast.stmt):
        return []
    rest: list[Sequence[ast.stmt]] = [suite[suite.index(child) + 1 :]]
    return [*rest, parent.orelse] if isinstance(parent, ast.Try) and field == "body" else rest


def _always(suite: Sequence[ast.stmt], ends: tuple[type[ast.stmt], ...]) -> bool:
    """Whether the suite always ends in one of ``ends``."""
    for statement in suite:
        if isinstance(statement, ends):
            return True
        if isinstance(statement, ast.If) and statement.orelse:
            if _always(statement.body, ends) and _always(statement.orelse, ends):
                return True
        if isinstance(statement, (ast.With, ast.AsyncWith)) and _always(statement.body, ends):
            return True
    return False
