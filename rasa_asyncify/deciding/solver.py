"""Which functions become coroutine functions: the largest set in which nothing is left un-awaited.

Every candidate starts as one; a function is dropped as soon as a caller can't await it, something in it can't stand
in a coroutine function, or a relative or another function that the same call may reach is dropped. What is dropped
stays synchronous and is sent to a worker thread where a coroutine function calls it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from types import MappingProxyType

from rasa_asyncify.call_graph.unseen import Unseen
from rasa_asyncify.call_graph.value_uses import ValueUses
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.deciding.candidates import Candidates
from rasa_asyncify.deciding.decisions import (
    Await,
    Decision,
    Decisions,
    InBlock,
    Inputs,
    MovedBody,
    Native,
    Stuck,
    ThreadBlock,
)
from rasa_asyncify.deciding.draft import Draft
from rasa_asyncify.deciding.obstacles import Obstacles
from rasa_asyncify.deciding.site_decisions import SiteDecider
from rasa_asyncify.project.model import Function, by_place
from rasa_asyncify.threads.block import Block, is_whole
from rasa_asyncify.threads.block_set import Blocks
from rasa_asyncify.threads.offload import Offload, TooTangled, shares, thread_names
from rasa_asyncify.threads.one_at_a_time import OneAtATime

_ROUNDS = 2000
_ALONE = "what it uses is for one action at a time"


class Solver:
    """Decides for one project."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.graph = inputs.graph
        self.entries = inputs.entries
        self.draft = Draft()
        self.blocks = Blocks(inputs.graph)
        self.site_decider = SiteDecider(inputs, self.draft, self.blocks)
        self.candidates = Candidates(inputs, self.draft, self.site_decider)
        self.obstacles = Obstacles(inputs, self.draft, self.blocks, self.candidates.wrapped)
        self.one_at_a_time = OneAtATime(inputs.graph, self.blocks, self._thread_use)
        self._pinned: dict[Function, set[str]] = {}
        self._groups: dict[Function, set[Function]] = {}
        self._checked: dict[Function, tuple[int, ...]] = {}

    def solve(self) -> Decisions:
        """Run to the fixpoint."""
        self.candidates.start_with_entries()
        self.site_decider.find_running()
        candidates = self.candidates.helpers()
        self._groups = self.candidates.group(candidates)
        self._begin({m for f in candidates for m in self._groups[f]})
        for _ in range(_ROUNDS):  # far more than any project needs; what comes out is checked in any case
            if not self._check_all():
                break
        return self._decisions()

    def _begin(self, wanted: set[Function]) -> None:
        """Start with all that is ``wanted``, without what is unfit by itself."""
        self.draft.converted |= wanted
        escapes = ValueUses(self.graph).uses_as_value(wanted)
        guessed = ValueUses(self.graph).possible_calls(wanted) | Unseen(self.graph).partly_known(wanted)
        for function in sorted(wanted, key=by_place):
            reason = self.obstacles.unfit(function, escapes.get(function, [])) or guessed.get(function)
            if reason:
                self._drop(function, reason)

    # -- the outcome ---------------------------------------------------------------

    def _decisions(self) -> Decisions:
        draft = self.draft
        inline = [f for f in dict.fromkeys([*self.graph.reached, *draft.converted]) if draft.inline(f)]
        blocks = {f: self._thread_blocks(f) for f in inline if self.blocks.of.get(f)}
        sites: dict[Site, Decision] = {site: Stuck(reason) for site, reason in draft.stuck.items()}
        for function in inline:
            held = {node: found for found in blocks.get(function, ()) for node in found.block.nodes}
            for site in self.graph.active_sites(function.scope):
                decision = InBlock(held[id(site.node)]) if id(site.node) in held else self._decide(site)
                if decision is not None:
                    sites.setdefault(site, decision)
        moved = {f: MovedBody(reason, shares(f, self.graph)) for f, reason in draft.moved.items()}
        return Decisions(
            frozenset(draft.converted),
            MappingProxyType(moved),
            MappingProxyType(dict(draft.kept)),
            MappingProxyType(sites),
            MappingProxyType(blocks),
            MappingProxyType(dict(draft.refused)),
            MappingProxyType({f: tuple(nodes) for f, nodes in draft.interrupted.items()}),
        )

    def _decide(self, site: Site) -> Decision | None:
        try:
            return self.site_decider.of(site)
        except TooTangled:
            return None  # in a function that may not be changed

    def _thread_blocks(self, function: Function) -> tuple[ThreadBlock, ...]:
        found = self.blocks.of[function]
        return tuple(ThreadBlock(b, self.blocks.moved(b), self.one_at_a_time.is_alone(b)) for b in found)

    # -- giving up ---------------------------------------------------------------

    def _drop(self, function: Function, reason: str) -> bool:
        """Keep ``function`` and its group synchronous. An entry point's body goes to a thread instead."""
        changed = False
        for member in self._groups.get(function, {function}) | {function}:
            if member in self.draft.must:
                continue
            if member in self.draft.converted:
                self.draft.converted.discard(member)
                self.draft.kept[member] = reason if member is function else f"{reason} ({function.qualname})"
                self.blocks.drop(member)
                changed = True
        if function in self.draft.must and function not in self.draft.moved:
            changed = self._move(function, reason) or changed
        return changed

    def _move(self, function: Function, reason: str) -> bool:
        obstacle = self.obstacles.immovable(function)
        if obstacle:
            return False
        self.draft.moved[function] = reason
        self.blocks.drop(function)
        return True

    # -- the fixpoint ---------------------------------------------------------------

    def _check_all(self) -> bool:
        changed = False
        for function in sorted(self.draft.converted | set(self.draft.moved), key=by_place):
            if function in self.draft.converted and function not in self.draft.moved:
                changed = self._check_decorators(function) or changed
                changed = self._check_body(function) or changed
            if function in self.draft.converted and function not in self.draft.must:
                changed = self._check_callers(function) or changed
        for function in [f for f in self.graph.reached if f.is_async and self.inputs.writable(f.module)]:
            changed = self._check_body(function) or changed
        return changed

    def _check_decorators(self, function: Function) -> bool:
        decoration = self.graph.decorators.of(function)
        if decoration.opaque:
            return self._drop(function, f"`@{decoration.opaque}` isn't known to take coroutine functions")
        for wrapper in decoration.wrappers:
            if not self.draft.awaitable(wrapper):
                return self._drop(function, f"its decorator's `{wrapper.name}` stays synchronous")
        for wrapped in self.candidates.wrapped.get(function, ()):
            if not self.draft.awaitable(wrapped):
                return self._drop(function, f"it wraps {wrapped.qualname}() too, which stays synchronous")
            beside = self.graph.decorators.of(wrapped)
            if beside.opaque or not all(map(self.draft.awaitable, beside.wrappers)):
                return self._drop(function, f"another decorator of {wrapped.qualname}() stays synchronous")
        return False

    def _check_body(self, function: Function) -> bool:
        if not self.draft.inline(function) or self._checked.get(function) == self.site_decider.state():
            return False
        changed = self._check_sites(function) or self._keep_together(function) or self._prefer_whole(function)
        if not changed:
            self._checked[function] = self.site_decider.state()
        return changed

    def _check_sites(self, function: Function) -> bool:
        for site in self.graph.active_sites(function.scope):
            if site in self.draft.stuck or self.blocks.hold(site):
                continue
            try:
                self.site_decider.of(site)
            except TooTangled as tangled:
                if tangled.around and self._put_in_block(tangled.around, function, str(tangled)):
                    return True
                if not self.draft.is_sure(function):
                    return self._drop(function, str(tangled))
                if self._may_move(function) and self._move(function, str(tangled)):
                    return True
                self._stick(site, function, str(tangled))
                return True
        return False

    def _stick(self, site: Site, function: Function, reason: str) -> None:
        """Leave a site on the event loop, with all that uses the same object, if that belongs to one thread."""
        self.draft.stuck[site] = reason
        if site.thread != "affine":
            return
        names = thread_names([site.node], function.scope, self.graph)
        pinned = self._pinned.setdefault(function, set())
        pinned |= {name.id for name in names if isinstance(name, ast.Name)}
        self.blocks.of[function] = [
            b for b in self.blocks.of.get(function, ()) if not self._mentions(b, pinned)
        ]
        self.blocks.changes += 1
        for other in self.graph.active_sites(function.scope):
            if self._uses(other, pinned):
                self.draft.stuck.setdefault(other, reason)

    def _uses(self, site: Site, names: set[str]) -> bool:
        """Whether the site, or a function within the function that it calls, uses one of the variables."""
        inner = [t.node for t in site.targets if t.parent is site.scope]
        return any(
            isinstance(n, ast.Name) and n.id in names for node in (site.node, *inner) for n in ast.walk(node)
        )

    def _mentions(self, block: Block, names: set[str]) -> bool:
        nodes = (n for statement in block.statements for n in ast.walk(statement))
        return any(isinstance(n, ast.Name) and n.id in names for n in nodes)

    # -- blocks ---------------------------------------------------------------

    def _put_in_block(self, nodes: Iterable[ast.AST], function: Function, reason: str) -> bool:
        return self.blocks.add(nodes, function, reason, self._may_hold) is not None

    def _may_hold(self, block: Block) -> bool:
        """Whether nothing in a block has to be awaited: helpers can stay synchronous for it, others can't."""
        if self._mentions(block, self._pinned.get(block.function, set())):
            return False
        inside = block.nodes
        sites = [s for s in self.graph.finder.sites(block.function.scope) if id(s.node) in inside]
        targets = {t for s in sites for t in self.graph.through(s)}
        return not any(s.runs_unknown for s in sites) and not any(
            self.draft.is_sure(t) or self.graph.hands_on(t) for t in targets
        )

    def _keep_together(self, function: Function) -> bool:
        """Put all that uses what is for one action at a time into one block, so that no other gets in between."""
        if function in self.draft.interrupted:
            return False
        nodes = self.one_at_a_time.nodes(function, self.draft.stuck)
        if not nodes:
            return False
        if self._put_in_block(nodes, function, _ALONE):
            return True
        if not self.draft.is_sure(function):
            return self._drop(function, _ALONE)
        if self._may_move(function) and self._move(function, _ALONE):
            return True
        self.draft.interrupted[function] = nodes
        return True

    def _prefer_whole(self, function: Function) -> bool:
        """Send a function to a thread whole, where blocks leave nothing in it to wait for on the event loop."""
        blocks = self.blocks.of.get(function)
        if not blocks or function.is_async:
            return False
        pieces = len(blocks)
        for site in self.graph.active_sites(function.scope):
            if self.blocks.hold(site) or site in self.draft.stuck:
                continue
            decision = self.site_decider.of(site)
            if isinstance(decision, (Await, Native)):
                return False
            pieces += decision is not None
        if function not in self.draft.must:
            return self._drop(function, blocks[0].reason)
        plain = all(not m.outer and not m.leaves for m in map(self.blocks.moved, blocks))
        if pieces == 1 and plain and not is_whole(blocks[0]):
            return False
        return self._may_move(function) and self._move(function, blocks[0].reason)

    def _may_move(self, function: Function) -> bool:
        return function in self.draft.must or function in self.entries.found or function.owner is not None

    def _check_callers(self, function: Function) -> bool:
        for site in self.graph.callers.get(function, ()):
            reason = self.obstacles.cannot_await(site, function)
            if reason:
                return self._drop(function, reason)
        return False

    def _thread_use(self, site: Site) -> Offload | bool:
        """How the site goes to a thread, or whether it is awaited."""
        decision = self.site_decider.of(site)
        return decision if isinstance(decision, Offload) else decision == Await()
