"""Consecutive statements that go to a worker thread together, as a function within the function.

What is checked here is that the statements mean the same there: names that they bind are seen where they were seen,
`return` and the like leave what they left. Where they would not, a wider piece of the function may do.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from rasa_asyncify.flow.block_names import FunctionNames, Seen
from rasa_asyncify.flow.dataflow import Swallows, bound_names, flow, own_nodes
from rasa_asyncify.flow.liveness import LOOPS, suite_of
from rasa_asyncify.flow.positions import CURRENT_EXCEPTION, enclosing
from rasa_asyncify.project.model import Function
from rasa_asyncify.project.walking import walk

_NEEDS_FRAME = frozenset({"super", "__class__"})
_NEEDS_LOOP = frozenset(
    "all_tasks call_at call_later call_soon create_future create_task current_task ensure_future gather "
    "get_event_loop get_running_loop run_in_executor run_until_complete shield wait_for".split()
)


class Immovable(Exception):
    """The statements can't go to a thread; ``wider`` tells whether more of the function might."""

    def __init__(self, reason: str, *, wider: bool = True) -> None:
        super().__init__(reason)
        self.wider = wider


@dataclass(frozen=True, eq=False)
class Block:
    """``statements`` stand one after the other in one suite of ``function``."""

    function: Function
    statements: tuple[ast.stmt, ...]
    reason: str

    @cached_property
    def nodes(self) -> set[int]:
        """The ids of all nodes in it."""
        return {id(inner) for statement in self.statements for inner in walk(statement)}


@dataclass(frozen=True)
class Moved:
    """How a block's names go on: as results, or as variables of the function around it; ``leaves``: it returns."""

    results: tuple[str, ...] = ()
    outer: tuple[str, ...] = ()
    outermost: tuple[str, ...] = ()
    leaves: bool = False


def cover(nodes: Iterable[ast.AST], function: Function, reason: str) -> Block:
    """The shortest run of statements in one suite that holds all the ``nodes`` of the function."""
    chains = [_statements_around(node, function) for node in nodes]
    depth = 0
    while all(len(chain) > depth + 1 for chain in chains) and len({chain[depth] for chain in chains}) == 1:
        depth += 1
    while True:
        heads = {chain[depth] for chain in chains}
        suite = suite_of(next(iter(heads)), function)
        if all(head in suite for head in heads):
            break
        depth -= 1
    places = [suite.index(head) for head in heads]
    return Block(function, tuple(suite[min(places) : max(places) + 1]), reason)


def widened(block: Block) -> Block | None:
    """The next larger piece: the statement around, or all that follows; None where there is none."""
    function = block.function
    suite = suite_of(block.statements[0], function)
    if suite is function.node.body:
        rest = tuple(suite[suite.index(block.statements[0]) :])
        return None if rest == block.statements else Block(function, rest, block.reason)
    around = _statements_around(block.statements[0], function)
    return Block(function, (around[-2],), block.reason)


class Settled:
    """How blocks of one function move; what is found out about a block is kept for the next time."""

    def __init__(self, names: FunctionNames) -> None:
        self.names = names
        self._seen: dict[Block, Seen] = {}
        self._leaves: dict[Block, bool] = {}

    def moves(self, blocks: Sequence[Block]) -> dict[Block, Moved]:
        """How each of the ``blocks`` moves, where the others move too.

        Raises:
            Immovable: where one of them would not mean the same.
        """
        if self.names.looks_at_all:
            raise Immovable(f"`{self.names.looks_at_all}()` looks at all variables", wider=False)
        inside = set[int]().union(*(block.nodes for block in blocks))
        bound, read = self.names.bound_outside(inside), self.names.read_outside(inside)
        found: dict[Block, Moved] = {}
        for block in blocks:
            self._look(block)
        times = Counter(name for block in blocks for name in self._seen[block].results)
        for block in blocks:
            own = self._seen[block].results
            kept = bound | {n for n, count in times.items() if count > (n in own)}
            found[block] = self._moved(block, kept, read)
        return found

    def _look(self, block: Block) -> None:
        if block not in self._seen:
            _check_lines(block)
            self._leaves[block] = _check_code(block, self.names.swallows)
            self._seen[block] = self.names.seen(block.statements, block.nodes)

    def _moved(self, block: Block, kept: set[str], read: set[str]) -> Moved:
        """The names of a block; ``kept`` are bound and ``read`` are read outside of what moves."""
        seen, declared = self._seen[block], self.names.declared
        outer = [name for name in seen.others if name in kept and not _is_annotated(name, block)]
        for name in sorted(seen.others.difference(outer)):
            if name in kept or name in seen.needed:
                raise Immovable(f"`{name}` may be unbound after it")
        lost = (seen.bound & read) - kept - set(seen.results)
        if lost:  # would be looked for around the function
            raise Immovable(f"`{min(lost)}` would be another variable outside of it")
        bound = bound_names(block.statements)
        outer += [name for name in bound if declared.get(name) == "nonlocal"]
        outermost = sorted(name for name in bound if declared.get(name) == "global")
        return Moved(seen.results, tuple(sorted(outer)), tuple(outermost), self._leaves[block])


def _is_annotated(name: str, block: Block) -> bool:
    return any(
        isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name) and n.target.id == name
        for s in block.statements
        for n in own_nodes(s)
    )


def is_whole(block: Block) -> bool:
    """Whether the rest of the function is a docstring, or returns what needs no calls."""
    rest = [s for s in block.function.node.body if s not in block.statements]
    return block.statements[0] in block.function.node.body and all(map(_is_little, rest))


def _is_little(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Return):
        return not any(isinstance(n, ast.Call) for n in ast.walk(statement))
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _statements_around(node: ast.AST, function: Function) -> list[ast.stmt]:
    """The statements of the function that hold ``node``, outermost first, ending with the innermost."""
    found = [n for n in [node, *enclosing(node, function.scope)] if isinstance(n, ast.stmt)]
    return found[::-1]


# -- code ---------------------------------------------------------------


def _check_lines(block: Block) -> None:
    """Refuse what shares a line with something else: `if x: f()` and `a(); b()`."""
    suite = suite_of(block.statements[0], block.function)
    parent = block.function.facts.parents.get(block.statements[0], block.function.node)
    lines = [s.lineno for s in suite]
    if len(set(lines)) < len(lines) or (isinstance(parent, ast.stmt) and parent.lineno == lines[0]):
        raise Immovable("it shares its line with something else")


def _check_code(block: Block, swallows: Swallows) -> bool:
    """Refuse what can't stand in a function of its own; whether the block always returns."""
    returns = False
    for statement in block.statements:
        for node in own_nodes(statement):
            if isinstance(node, (ast.Await, ast.AsyncFor, ast.AsyncWith)) or _is_async(node):
                raise Immovable("it awaits", wider=False)
            if isinstance(node, (ast.Yield, ast.YieldFrom)):
                raise Immovable("it yields", wider=False)
            if isinstance(node, (ast.Global, ast.Nonlocal)):
                raise Immovable("it declares names")
            if isinstance(node, (ast.Break, ast.Continue)):
                _check_jump(node, block)
            if isinstance(node, ast.Raise) and node.exc is None:
                _check_handler(node, block)
            returns = returns or isinstance(node, ast.Return)
        _check_names_in(statement, block)
    if not returns:
        return False
    last = block.function.node.body[-1]
    if block.statements[-1] is last or flow(block.statements, swallows).leaves:
        return True
    raise Immovable("it may return")


def _is_async(node: ast.AST) -> bool:
    return isinstance(node, ast.comprehension) and bool(node.is_async)


def _check_names_in(statement: ast.stmt, block: Block) -> None:
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and node.id in _NEEDS_FRAME:
            raise Immovable(f"it uses `{node.id}`", wider=False)
        if _last_part(node) in _NEEDS_LOOP:
            raise Immovable(f"`{_last_part(node)}` needs the event loop's thread", wider=False)
        if _looks_at_exception(node):
            _check_handler(node, block)


def _looks_at_exception(node: ast.AST) -> bool:
    if isinstance(node, ast.keyword):
        given = not isinstance(node.value, ast.Constant) or bool(node.value.value)
        return given and node.arg in ("exc_info", "exception")
    return _last_part(node) in CURRENT_EXCEPTION


def _last_part(node: ast.AST) -> str:
    """``c`` for ``a.b.c``, where ``node`` is a name or an attribute."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _check_jump(node: ast.AST, block: Block) -> None:
    loop = next(n for n in enclosing(node, block.function.scope) if isinstance(n, LOOPS))
    if id(loop) not in block.nodes:
        raise Immovable("it leaves a loop")


def _check_handler(node: ast.AST, block: Block) -> None:
    """Refuse what looks at the exception that a clause around the block handles."""
    handler = next(
        (n for n in enclosing(node, block.function.scope) if isinstance(n, ast.ExceptHandler)), None
    )
    if handler is not None and id(handler) not in block.nodes:
        raise Immovable("it uses the exception that is being handled")
