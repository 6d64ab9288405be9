"""Where functions run from now on, and where they wait."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from rasa_asyncify.call_graph.effects import Effect, effects_of
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.deciding.decisions import Await, Decisions, InBlock, Inputs, Native
from rasa_asyncify.flow import order
from rasa_asyncify.plan import Finding
from rasa_asyncify.project.model import Function, by_place
from rasa_asyncify.threads.offload import Offload


@dataclass(frozen=True)
class Wait(order.Wait):
    """As ``order.Wait``; ``effect`` is what that changes outside."""

    effect: Effect | None = None


@dataclass(frozen=True)
class WaitingSite:
    """A site at which a coroutine function waits from now on. The fields are those of ``order.Wait``."""

    site: Site
    nodes: tuple[ast.AST, ...]
    alone: bool | None


class Running:
    """Answers for the functions that this migration changes."""

    def __init__(self, inputs: Inputs, decisions: Decisions) -> None:
        self.inputs = inputs
        self.graph = inputs.graph
        self.decisions = decisions
        self._known: dict[Function, list[WaitingSite]] = {}
        self._all_waits: dict[Function, list[Wait]] = {}

    # -- where the functions run ---------------------------------------------------------------

    @cached_property
    def inline(self) -> list[Function]:
        """The functions that run on the event loop and in which this migration makes something wait."""
        decisions = self.decisions
        known = {*decisions.converted, *(f for f in self.graph.reached if f.is_async)}
        found = [f for f in known if decisions.inline(f) and self._is_judged(f)]
        newly = {f for f in found if not f.is_async or self.waiting_sites(f)}
        while True:
            more = {f for f in found if f not in newly and any(self._awaited(f, newly))}
            if not more:
                return sorted(newly, key=by_place)
            newly |= more

    @cached_property
    def waiting(self) -> list[Function]:
        """Those of them that do wait."""
        return [f for f in self.inline if self.waits(f)]

    @cached_property
    def threaded(self) -> list[Function]:
        """The functions that run in a thread from now on."""
        return sorted({*self._in_threads(alone=True), *self._in_threads(alone=False)}, key=by_place)

    @cached_property
    def pooled(self) -> list[Function]:
        """Those of them that several threads may be in at once."""
        return sorted(self._in_threads(alone=False), key=by_place)

    def _is_judged(self, function: Function) -> bool:
        return self.inputs.writable(function.module) and not function.module.is_test

    def _in_threads(self, *, alone: bool) -> set[Function]:
        moved = self.decisions.moved.items()
        todo = [f for f, body in moved if self._is_judged(f) and body.alone == alone]
        for function in self.inline:
            for waiting in self.waiting_sites(function):
                if waiting.alone == alone:
                    todo += [t for t in self.graph.through(waiting.site) if not self.decisions.awaitable(t)]
        found = self.run_by(todo)
        return {f for f in found if not self.decisions.awaitable(f) or f in self.decisions.moved}

    def run_by(self, start: list[Function]) -> set[Function]:
        """The functions, and the synchronous ones that they run, directly or not."""
        found: set[Function] = set()
        todo = list(start)
        while todo:
            function = todo.pop()
            if function not in found:
                found.add(function)
                sites = self.graph.active_sites(function.scope)
                todo += [t for s in sites for t in self.graph.through(s) if not t.is_async]
        return found

    # -- where they wait ---------------------------------------------------------------

    def waiting_sites(self, function: Function) -> list[WaitingSite]:
        """The sites of a coroutine function at which it waits from now on."""
        known = self._known.get(function)
        if known is None:
            known = self._known[function] = list(self._find_waiting_sites(function))
        return known

    def _find_waiting_sites(self, function: Function) -> Iterator[WaitingSite]:
        for site in sorted(self.graph.active_sites(function.scope), key=lambda site: site.line):
            decision = self.decisions.at(site)
            if isinstance(decision, InBlock):
                if self.graph.site_blocks(site):
                    within = decision.within
                    yield WaitingSite(site, within.block.statements, within.alone)
            elif isinstance(decision, Offload):
                yield WaitingSite(site, (decision.node,), decision.alone)
            elif isinstance(decision, (Await, Native)):
                yield WaitingSite(site, (site.node,), None)

    def _awaited(self, function: Function, newly: set[Function]) -> Iterator[WaitingSite]:
        """What was awaited before, and only now has to wait."""
        for site in self.graph.active_sites(function.scope):
            if site.node in function.facts.awaited and newly & set(site.targets):
                yield WaitingSite(site, (site.node,), None)

    def waits(self, function: Function) -> list[Wait]:
        """The places where a function of ``inline`` waits for something that held the event loop before."""
        known = self._all_waits.get(function)
        if known is None:
            found: dict[int, Wait] = {}
            for waiting in [*self.waiting_sites(function), *self._awaited(function, set(self.inline))]:
                node = waiting.nodes[0]
                line = getattr(node, "lineno", waiting.site.line)
                wait = found.get(id(node)) or Wait(waiting.nodes, line, waiting.alone)
                effects = [*filter(None, [wait.effect]), *effects_of(waiting.site, self.graph)]
                effects.sort(key=lambda effect: not effect.commits)
                found[id(node)] = replace(wait, effect=effects[0] if effects else None)
            known = self._all_waits[function] = sorted(found.values(), key=lambda wait: wait.line)
        return known

    def finding(self, rule: str, function: Function, line: int, message: str) -> Finding:
        """A finding in the function's module."""
        return Finding(rule, function.module.path, line, message)
