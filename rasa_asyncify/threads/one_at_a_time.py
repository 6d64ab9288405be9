"""What of a coroutine function uses things that are for one action at a time, and so must not be taken apart."""

from __future__ import annotations

import ast
from collections.abc import Callable, Container

from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.flow.liveness import LOOPS
from rasa_asyncify.flow.positions import enclosing
from rasa_asyncify.flow.state_uses import instance_state, shared_state
from rasa_asyncify.project.model import Function
from rasa_asyncify.project.walking import walk
from rasa_asyncify.threads.block import Block
from rasa_asyncify.threads.block_set import Blocks
from rasa_asyncify.threads.offload import Offload, needs_one_thread, shares, thread_names

ThreadUse = Callable[[Site], Offload | bool]


class OneAtATime:
    """Answers for the functions of a project, by how their sites go to a thread, or whether they are awaited."""

    def __init__(self, graph: Graph, blocks: Blocks, thread_use: ThreadUse) -> None:
        self.graph = graph
        self.blocks = blocks
        self.thread_use = thread_use

    def nodes(self, function: Function, stuck: Container[Site]) -> list[ast.AST]:
        """All that has to go into one block; empty where one block, or one call, has it already."""
        blocks = [b for b in self.blocks.of.get(function, ()) if self.is_alone(b)]
        alone, shared = self._alone_nodes(function, stuck)
        state = self._state_with([*alone, *(b.statements[0] for b in blocks)], function, blocks)
        if not state:  # writers of what nobody reads needn't keep together
            blocks = [b for b in blocks if self.is_alone(b, uninterrupted=True)]
            alone, shared = self._alone_nodes(function, stuck, uninterrupted=True)
        nodes = [*alone, *(b.statements[0] for b in blocks)]
        nodes += state + self._names_with(
            [*shared, *(b.statements[0] for b in blocks)], function, nodes, blocks
        )
        return nodes if len(nodes) > 1 or any(isinstance(n, LOOPS) for n in alone) else []

    def is_alone(self, block: Block, *, uninterrupted: bool = False) -> bool:
        """Whether the block uses what is for one action at a time."""
        inside = block.nodes
        sites = [s for s in self.graph.active_sites(block.function.scope) if id(s.node) in inside]
        return any(
            needs_one_thread(s, self.graph, uninterrupted=uninterrupted)
            for s in sites
            if self.graph.site_blocks(s)
        )

    def _alone_nodes(
        self, function: Function, stuck: Container[Site], *, uninterrupted: bool = False
    ) -> tuple[list[ast.AST], list[ast.AST]]:
        """What uses, outside of blocks, what is for one action at a time: calls, expressions, loops around them.

        And those of them that do so by an object, whose other uses belong to them.
        """
        found: list[ast.AST] = []
        shared: list[ast.AST] = []
        for site in self.graph.active_sites(function.scope):
            if site in stuck or self.blocks.hold(site):
                continue
            use = self.thread_use(site)
            if isinstance(use, Offload):
                if not use.alone or (uninterrupted and not self._keeps_together(use, site)):
                    continue
                found += [use.node, *_loop_around(site)]
                if site.thread and site.shared:
                    shared.append(use.node)
            elif use and any(shares(t, self.graph, uninterrupted=uninterrupted) for t in site.targets):
                found.append(site.node)
        return _outermost(found), shared

    def _keeps_together(self, offload: Offload, site: Site) -> bool:
        """Whether something in what goes to the thread reads what actions write, or uses an object that they share."""
        inside = {id(inner) for inner in walk(offload.node)}
        sites = [s for s in self.graph.active_sites(site.scope) if id(s.node) in inside]
        return any(needs_one_thread(s, self.graph, uninterrupted=True) for s in sites)

    def _names_with(
        self, nodes: list[ast.AST], function: Function, known: list[ast.AST], blocks: list[Block]
    ) -> list[ast.AST]:
        """Other uses of the objects that the nodes use, outside of what is known already."""
        names = thread_names(nodes, function.scope, self.graph) if nodes else []
        inside = {id(inner) for node in known for inner in walk(node)}.union(*(b.nodes for b in blocks))
        return [name for name in names if id(name) not in inside]

    def _state_with(self, known: list[ast.AST], function: Function, blocks: list[Block]) -> list[ast.AST]:
        """Other uses of module, class and instance variables that the nodes use, where the function changes them."""
        inside = {id(inner) for node in known for inner in walk(node)}.union(*(b.nodes for b in blocks))
        uses = [*shared_state(function, self.graph.inference), *instance_state(function)] if inside else []
        there = {use.name for use in uses if id(use.node) in inside}
        changed = {use.name for use in uses if use.writes}
        return [use.node for use in uses if use.name in there & changed and id(use.node) not in inside]


def _loop_around(site: Site) -> list[ast.AST]:
    """The loop that a call of a library stands in: each turn adds to what the one before did."""
    around = enclosing(site.node, site.scope) if site.blockers else []
    loops: list[ast.AST] = [n for n in around if isinstance(n, LOOPS)]
    return loops[-1:]


def _outermost(nodes: list[ast.AST]) -> list[ast.AST]:
    """The nodes that stand in no other of them."""
    below = {id(inner) for node in nodes for inner in walk(node) if inner is not node}
    return [node for node in dict.fromkeys(nodes) if id(node) not in below]
