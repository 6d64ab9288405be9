"""The blocks of a project's coroutine functions: statements that go to a worker thread together."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable

from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.flow.block_names import FunctionNames
from rasa_asyncify.project.model import Function
from rasa_asyncify.threads.block import Block, Immovable, Moved, Settled, cover, widened
from rasa_asyncify.threads.swallowing import Swallowing

Allows = Callable[[Block], bool]


class Blocks:
    """Grows blocks around what belongs together. Those of one function never overlap."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.swallowing = Swallowing(graph)
        self.of: dict[Function, list[Block]] = {}
        self.changes = 0
        self._known: dict[Function, Settled] = {}

    def add(self, nodes: Iterable[ast.AST], function: Function, reason: str, allows: Allows) -> Block | None:
        """The block that holds the nodes, as small as it can be; None where no statements will do.

        None as well where that is a block already: its maker would come back with the nodes for ever.
        """
        block: Block | None = cover(nodes, function, reason)
        known = [one.statements for one in self.of.get(function, ())]
        while block is not None:
            block, others = self._merged(block)
            try:
                if not allows(block):
                    return None
                self._settled(function).moves([block, *others])
            except Immovable as immovable:
                if not immovable.wider:
                    return None
                block = widened(block)
                continue
            self.of[function] = [*others, block]
            self.changes += 1
            return None if block.statements in known else block
        return None

    def _merged(self, block: Block) -> tuple[Block, list[Block]]:
        """The block with those that it overlaps, and the rest."""
        others = self.of.get(block.function, [])
        while True:
            inside = block.nodes
            beside = [
                o for o in others if not inside & {id(s) for s in o.statements} and not _within(block, o)
            ]
            if len(beside) == len(others):
                return block, list(others)
            statements = [s for o in [block, *others] if o not in beside for s in o.statements]
            block, others = cover(statements, block.function, block.reason), beside

    def drop(self, function: Function) -> None:
        """Forget the blocks of a function that goes to a thread whole."""
        self.changes += self.of.pop(function, None) is not None

    def around(self, node: ast.AST, function: Function | None) -> Block | None:
        """The block that ``node`` stands in."""
        blocks = self.of.get(function, ()) if function is not None else ()
        return next((block for block in blocks if id(node) in block.nodes), None)

    def hold(self, site: Site) -> bool:
        """Whether the site goes to a thread with a block."""
        return bool(self.of) and self.around(site.node, site.scope.function) is not None

    def moved(self, block: Block) -> Moved:
        """How the names of a block go on."""
        return self._settled(block.function).moves(self.of[block.function])[block]

    def _settled(self, function: Function) -> Settled:
        known = self._known.get(function)
        if known is None:

            def swallows(item: ast.withitem) -> bool:
                return self.swallowing.may_swallow(item, function.scope)

            known = self._known[function] = Settled(FunctionNames(function, swallows))
        return known


def _within(block: Block, other: Block) -> bool:
    return any(id(statement) in other.nodes for statement in block.statements)
