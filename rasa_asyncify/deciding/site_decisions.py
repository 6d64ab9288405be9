"""What can be done at one site in a coroutine function, as far as is decided."""

from __future__ import annotations

import ast
from collections.abc import Callable

from rasa_asyncify.call_graph.graph import Graph, returns_it
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.deciding.decisions import Await, Inputs, Native
from rasa_asyncify.deciding.draft import Draft
from rasa_asyncify.flow.positions import can_await_at, enclosing
from rasa_asyncify.native.strategy import Refused, Strategy
from rasa_asyncify.project.model import Function
from rasa_asyncify.reaching import spread
from rasa_asyncify.threads.block_set import Blocks
from rasa_asyncify.threads.offload import Offload, TooTangled, offload_for


class SiteDecider:
    """Answers for the sites of a project, by a draft and the blocks in it."""

    def __init__(self, inputs: Inputs, draft: Draft, blocks: Blocks) -> None:
        self.graph = inputs.graph
        self.registry = inputs.registry
        self.draft = draft
        self.blocks = blocks
        self.overrides = inputs.overrides
        self.running: set[Function] = set()
        self._known: dict[Site, Await | Native | Offload | TooTangled | None] = {}
        self._known_for: tuple[int, ...] = ()

    def of(self, site: Site) -> Await | Native | Offload | None:
        """What happens at a site in a coroutine function; None for nothing.

        Raises:
            TooTangled: where it blocks and nothing can be done about it alone.
        """
        state = self.state()
        if state != self._known_for:
            self._known, self._known_for = {}, state
        if site not in self._known:
            try:
                self._known[site] = self._anew(site)
            except TooTangled as tangled:
                self._known[site] = tangled
        known = self._known[site]
        if isinstance(known, TooTangled):
            raise known
        return known

    def state(self) -> tuple[int, ...]:
        """What the answers depend on: another one whenever something was decided."""
        return (*self.draft.size, self.blocks.changes)

    def _anew(self, site: Site) -> Await | Native | Offload | None:
        if site.runs_unknown:
            if not can_await_at(site.node, site.scope):
                raise TooTangled("an action may be run where nothing can be awaited")
            return Await(either=True)
        awaitable = [t for t in site.targets if self.draft.awaitable(t)]
        blocking = [t for t in self.graph.through(site) if self._holds(t) and not self.draft.awaitable(t)]
        if awaitable:
            if site.blockers or len(awaitable) < len(site.targets):
                return self._either_kind(site, awaitable, blocking)
            return self._coroutine(site, awaitable)
        if any(self.graph.hands_on(t) for t in site.targets):
            return self._handed_on(site)
        if site.blockers or blocking:
            return self._blocking(site)
        return None

    def _either_kind(self, site: Site, awaitable: list[Function], blocking: list[Function]) -> Await | None:
        """For a call that may give a coroutine or not."""
        new = [t for t in awaitable if not t.is_async]
        if new and not site.blockers and not blocking and self._must_await(site, new):
            return Await(either=True)
        if new or site.blockers or blocking:
            raise TooTangled("it calls either kind of function")
        return None

    def _coroutine(self, site: Site, awaitable: list[Function]) -> Await | None:
        """For a call that surely gives a coroutine."""
        if all(t.is_async for t in awaitable):
            return self._handed_on(site)
        if not isinstance(site.node, ast.Call) or not can_await_at(site.node, site.scope):
            raise TooTangled("a coroutine function is called where nothing can be awaited")
        return Await(either=any(map(self.overrides.obstacle, awaitable)))

    def _handed_on(self, site: Site) -> Await | None:
        """For a call that gave a coroutine before: it is awaited already, unless a plain function handed it on."""
        return Await() if self._returned_coroutine(site) else None

    def _blocking(self, site: Site) -> Native | Offload:
        """For a call that holds the thread it is made in."""
        native = self.native(site)
        if native is not None:
            return Native(native)
        handling = self._handles(site)
        if handling is not None:
            raise TooTangled("what it calls looks at the exception that is being handled", handling)
        if catches_stop_iteration(site):
            raise TooTangled("its StopIteration is caught, which no thread or coroutine hands on")
        return offload_for(site, self.graph, self.draft.awaitable, lambda s: self.native(s) is not None)

    def _handles(self, site: Site) -> ast.AST | None:
        """The ``try`` in a clause of which the site calls something that looks at the exception it handles."""
        if not any(self.graph.looks_at_exception(t) for t in site.targets):
            return None
        around = enclosing(site.node, site.scope)
        clause = next((i for i, n in enumerate(around) if isinstance(n, ast.ExceptHandler)), None)
        return around[clause + 1] if clause is not None else None

    def _holds(self, function: Function) -> bool:
        """Whether calling it holds the thread: it blocks, or runs an action's coroutine to its end."""
        return self.graph.blocks(function) or function in self.running

    def find_running(self) -> None:
        """Find the synchronous helpers that call an entry point, directly or through others."""
        must = self.draft.must
        self.running = grow(self.graph, lambda f, found: f not in must and self._calls_any(f, must | found))

    def _calls_any(self, function: Function, wanted: set[Function]) -> bool:
        sites = self.graph.active_sites(function.scope)
        return any(t in wanted for site in sites for t in self.graph.through(site))

    def _must_await(self, site: Site, called: list[Function]) -> bool:
        """Whether one entry point calls others, such as ``getattr(self, f"validate_{slot}")(...)``, and can await."""
        function = site.scope.function
        awaits = function is not None and self.draft.is_sure(function)
        return awaits and self.draft.must.issuperset(called) and can_await_at(site.node, site.scope)

    def _returned_coroutine(self, site: Site) -> bool:
        """Whether a plain function that becomes async hands on a coroutine: ``return self.fetch()``."""
        function = site.scope.function
        if function is None or function not in self.draft.converted or not isinstance(site.node, ast.expr):
            return False
        return returns_it(site.node, site.scope)

    def native(self, site: Site) -> Strategy | None:
        """The strategy that takes the call at the site; a refusal is remembered, and holds for good."""
        if site.native is None or site in self.draft.refused or self.blocks.hold(site):
            return None
        try:
            self.registry.check(site)
            return (
                self.registry.offer(site, self.blocks.hold) if can_await_at(site.node, site.scope) else None
            )
        except Refused as refused:
            self.draft.refused[site] = str(refused)
            return None


def grow(graph: Graph, joins: Callable[[Function, set[Function]], bool]) -> set[Function]:
    """The smallest set of synchronous functions that holds each one which ``joins`` what is in it already."""
    found: set[Function] = set()
    plain = [function for function in graph.reached if not function.is_async]
    spread(found, plain, lambda function: joins(function, found), graph.calling)
    return found


def catches_stop_iteration(site: Site) -> bool:
    """Whether a ``try`` around the site catches StopIteration."""
    return any(
        isinstance(outer, ast.Try)
        and any(h.type is not None and "StopIteration" in ast.unparse(h.type) for h in outer.handlers)
        for outer in enclosing(site.node, site.scope)
    )
