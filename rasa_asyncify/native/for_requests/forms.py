"""Calls of ``requests`` over aiohttp, written as aiohttp's users write them."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cached_property

from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.call_graph.test_doubles import Patches
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.edits import (
    Edit,
    EnterClientSession,
    InlineRequest,
    MakeClientSession,
    Span,
    UseResponse,
)
from rasa_asyncify.native.for_requests.inline import InlinePlan, InlinePlanner
from rasa_asyncify.native.for_requests.lifting import Standing
from rasa_asyncify.native.for_requests.sessions import LocalSession
from rasa_asyncify.native.strategy import Held, Refused, Strategy, check_answers
from rasa_asyncify.project.model import Module
from rasa_asyncify.project.spans import span

_REPLACES = re.compile(r"^\s*(requests|HTTPAdapter)(\.\w+)+ *=[^=]|\binstall_cache\(", re.M)


class InlineAiohttp(Strategy):
    """``async with session.get(...) as response``: what aiohttp's users write.

    ``shared``: whether all calls of a module go over one client session. ``unsuited`` holds the call sites that
    something around them rules out, with the reason.
    """

    native = "aiohttp"

    def __init__(
        self, graph: Graph, patches: Patches, shared: Callable[[Module], bool], *, wanted: bool = True
    ) -> None:
        self.inference = graph.inference
        self.patches = patches
        self.shared = shared
        self.wanted = wanted
        self.unsuited: dict[Site, str] = {}
        self.planner = InlinePlanner(graph)

    def offer(self, site: Site, held: Held) -> None:
        plan = self.plan(site)
        scopes = dict.fromkeys([site.scope, *plan.flow.requests.values()])
        others = (self.planner.site_at(call, scope) for call in plan.together for scope in scopes)
        if any(other is not None and other is not site and held(other) for other in others):
            raise Refused("a request that belongs to it goes to a thread")

    def plan(self, site: Site) -> InlinePlan:
        """How a request is written with aiohttp.

        Raises:
            Refused: where aiohttp has no equal for it.
        """
        if not self.wanted:
            raise Refused("threads are wanted")
        if site in self.unsuited:
            raise Refused(self.unsuited[site])
        if self._replaced:
            raise Refused("the project replaces parts of requests")
        check_answers(self.patches.answering(site.scope.module))
        return self.planner.plan(site)

    @cached_property
    def _replaced(self) -> bool:
        """Whether something of the project assigns to what requests is made of, or has it cached."""
        texts = (m.source.text for m in self.inference.project.modules.values())
        return any(map(_REPLACES.search, texts))

    def edits(self, site: Site) -> Iterator[Edit]:
        module, plan = site.scope.module, self.plan(site)
        assert isinstance(site.node, ast.Call)
        form = plan.form
        yield InlineRequest(
            _place(plan, module),
            "RA020",
            f"{site.blockers[0]}() holds the event loop; differs in: {', '.join(plan.differs)}",
            span(site.node, module),
            form.position.standing.value,
            form.method,
            form.call.names,
            form.adapted.arguments,
            plan.response,
            plan.session,
            plan.reads,
            plan.content,
            self.shared(module) and form.session is None,
            form.session is None,
            form.adapted.helpers,
        )
        if form.session is not None:
            yield _client_session(form.session, module)

    def consequences(self, site: Site) -> Iterator[tuple[Module, Edit]]:
        for use in self.plan(site).uses:
            where = use.scope.module
            yield where, UseResponse(span(use.node, where), "RA020", "the response is aiohttp's", use.form)


def _client_session(session: LocalSession, module: Module) -> Edit:
    """The client session in place of one of requests."""
    reason = "its requests go over aiohttp"
    made = span(session.made, module)
    if session.last is None:
        return MakeClientSession(made, "RA020", reason)
    first, last = span(session.statement, module), span(session.last, module)
    whole = Span(first.line, first.column, last.end_line, last.end_column)
    return EnterClientSession(whole, "RA020", reason, session.name)


def _place(plan: InlinePlan, module: Module) -> Span:
    """The place of the statement that changes: its head's, where it has suites."""
    statement = plan.form.position.statement
    whole = span(statement, module)
    if plan.form.position.standing in (Standing.BEFORE, Standing.ENTERED):
        return Span(whole.line, whole.column, whole.line, whole.column)
    return whole
