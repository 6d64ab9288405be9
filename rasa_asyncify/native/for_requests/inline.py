"""How one ``requests`` call is written with aiohttp, and what becomes of its response."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.calls.definite import is_function
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.flow.positions import enclosing, is_within
from rasa_asyncify.native.for_requests import differences as d
from rasa_asyncify.native.for_requests.arguments import Adapted, Call, RequestArguments, read_call
from rasa_asyncify.native.for_requests.known_values import KnownValues
from rasa_asyncify.native.for_requests.lifting import Position, Standing, position
from rasa_asyncify.native.for_requests.responses import CONTENT, Flow, Flows, Use
from rasa_asyncify.native.for_requests.sessions import LocalSession, LocalSessions
from rasa_asyncify.native.statements import fresh_name
from rasa_asyncify.native.strategy import Plans, Refused
from rasa_asyncify.project.model import Function, Scope


@dataclass(frozen=True)
class RequestForm:
    """One request by itself: what is called, with which arguments, and where it stands."""

    call: Call
    adapted: Adapted
    position: Position
    session: LocalSession | None = None

    @property
    def method(self) -> str:
        """The method of aiohttp's session."""
        return self.call.verb or "request"


@dataclass(frozen=True, eq=False)
class InlinePlan:
    """How one call becomes an aiohttp request.

    ``response`` and ``session`` are the names in the new block, ``content`` that of the body's bytes, where something
    reads these. ``reads``: the body is read in the block, as requests reads it.
    """

    form: RequestForm
    flow: Flow
    response: str
    session: str
    content: str | None
    reads: bool
    uses: tuple[Use, ...]

    @property
    def together(self) -> set[ast.Call]:
        """The requests that all go over aiohttp, or none of them does."""
        session = self.form.session
        return {*self.flow.requests, *(session.requests if session is not None else ())}

    @property
    def differs(self) -> tuple[str, ...]:
        """What of the differences in the README applies here, in their words."""
        found = d.ALWAYS | self.form.adapted.differs
        if any(".text(" in use.form for use in self.uses):
            found |= {d.CHARSET}
        if any(".json(" in use.form for use in self.uses):
            found |= {d.EMPTY_JSON}
        return tuple(name for name in d.ALL if name in found)


class InlinePlanner:
    """Plans one call at a time."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.arguments = RequestArguments(KnownValues(graph))
        self.flows = Flows(graph, self._is_request, self.is_checked)
        self.sessions = LocalSessions(graph.inference, self._is_request)
        self._forms = Plans(self._form)
        self._plans = Plans(self._plan)
        self._sites: dict[Scope, dict[ast.AST, Site]] = {}
        self._checked: dict[Function, bool] = {}

    def plan(self, site: Site) -> InlinePlan:
        """The plan for a site whose native replacement is aiohttp.

        Raises:
            Refused: where aiohttp has no equal for what the call does, or what is done with its response.
        """
        return self._plans.of(site)

    def site_at(self, call: ast.AST, scope: Scope) -> Site | None:
        """The site of a call."""
        if scope not in self._sites:
            self._sites[scope] = {site.node: site for site in self.graph.finder.sites(scope)}
        return self._sites[scope].get(call)

    def _is_request(self, call: ast.Call, scope: Scope) -> bool:
        site = self.site_at(call, scope)
        return site is not None and site.native == "aiohttp"

    def _form(self, site: Site) -> RequestForm:
        call = site.node
        assert isinstance(call, ast.Call)
        if site.scope.function is None:
            raise Refused("it stands outside of a function")
        module, _, function = site.blockers[0].rpartition(".")
        session = None
        if module == "requests.Session":
            session = self.sessions.of(call, site.scope)
        elif module != "requests" or not is_function(
            call.func, site.blockers[0], site.scope, self.graph.inference
        ):
            raise Refused("it's called through a variable")
        read = read_call(call, function)
        adapted = self.arguments.adapt(read, site.scope, by_function=function)
        where = position(call, site.scope)
        if where.standing is Standing.INSIDE and len(self._requests_in(where.statement, site.scope)) > 1:
            where = replace(where, standing=Standing.BEFORE)  # one block after the other reads better
        return RequestForm(read, adapted, where, session)

    def _plan(self, site: Site) -> InlinePlan:
        form, scope, call = self._forms.of(site), site.scope, site.node
        assert isinstance(call, ast.Call)
        flow = self.flows.of(call, scope)
        for other, where in flow.requests.items():
            sibling = self.site_at(other, where)
            if sibling is None:
                raise Refused("the response has other sources as well")
            self._forms.of(sibling)
        for other in form.session.requests if form.session is not None else ():
            sibling = self.site_at(other, scope)
            assert sibling is not None
            self._forms.of(sibling)
            self.flows.of(other, scope)
        reads = self._reads(call, form.position, flow)
        content = None
        uses = []
        for use in flow.uses:
            if use.form == CONTENT:
                new, content = self._content(use, flow, content)
                use = Use(use.node, use.scope, new)
            uses.append(use)
        name = form.position.name or self._unnamed(call, form.position, scope)
        session = form.session.name if form.session is not None else fresh_name("session", scope)
        return InlinePlan(form, flow, name, session, content if reads else None, reads, tuple(uses))

    # -- the body ---------------------------------------------------------------

    def _reads(self, call: ast.Call, where: Position, flow: Flow) -> bool:
        """Whether the block has to read the body: not where each use of it stands in the block."""
        if where.standing is Standing.INSIDE:
            return not all(_is_around(use.node, call) for use in flow.uses) or not flow.uses
        if where.standing is Standing.ENTERED:
            assert isinstance(where.statement, ast.With)
            body = where.statement.body
            return any(use.form == CONTENT or not is_within(use.node, body) for use in flow.uses)
        return True

    def _content(self, use: Use, flow: Flow, known: str | None) -> tuple[str, str | None]:
        """The form of a use of ``.content``, and the name of the bytes, where they need one."""
        direct = [call for call in flow.requests if _is_around(use.node, call)]
        if direct and self._standing(direct[0], flow.requests[direct[0]]) is Standing.INSIDE:
            return "await {}.read()", known
        if not flow.is_in(use.scope):
            raise Refused("`.content` is read in another function")
        names = [self._name(call, scope) for call, scope in flow.requests.items()]
        base = min(name or "response" for name in names)
        content = known or fresh_name("content" if base == "response" else f"{base}_content", use.scope)
        return content, content

    def _standing(self, call: ast.Call, scope: Scope) -> Standing:
        site = self.site_at(call, scope)
        assert site is not None
        return self._forms.of(site).position.standing

    def _name(self, call: ast.Call, scope: Scope) -> str | None:
        site = self.site_at(call, scope)
        assert site is not None
        return self._forms.of(site).position.name

    def _unnamed(self, call: ast.Call, where: Position, scope: Scope) -> str:
        """A name for a response that had none: another one for each request of a statement."""
        base = fresh_name("response", scope)
        requests = self._requests_in(where.statement, scope)
        at = requests.index(call) if call in requests and where.standing is not Standing.ASSIGNED else 0
        return base if at == 0 else f"{base}_{at + 1}"

    def _requests_in(self, statement: ast.stmt, scope: Scope) -> list[ast.Call]:
        """The requests in a statement, in the order in which they are made."""
        calls = [n for n in ast.walk(statement) if isinstance(n, ast.Call) and self._is_request(n, scope)]
        return sorted(calls, key=lambda call: (call.end_lineno or 0, call.end_col_offset or 0))

    # -- failures ---------------------------------------------------------------

    def is_checked(self, node: ast.AST, scope: Scope) -> bool:
        """Whether a failure at ``node`` may be caught: by a ``try`` around it, or around a call of its function."""
        function = scope.function
        if _is_tried(node, scope):
            return True
        if function is None:
            return False
        if function not in self._checked:
            self._checked[function] = False  # while it's being asked
            self._checked[function] = function not in self.graph.entered and any(
                self.is_checked(site.node, site.scope) for site in self.graph.callers.get(function, [])
            )
        return self._checked[function]


def _is_tried(node: ast.AST, scope: Scope) -> bool:
    return any(isinstance(o, ast.Try) and is_within(node, o.body) for o in enclosing(node, scope))


def _is_around(node: ast.AST, call: ast.Call) -> bool:
    """Whether ``call`` is what ``node`` uses: ``requests.get(u).json()``."""
    while isinstance(node, (ast.Call, ast.Attribute, ast.Await)) and node is not call:
        node = node.func if isinstance(node, ast.Call) else node.value
    return node is call
