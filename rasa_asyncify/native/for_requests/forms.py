"""Calls of ``requests`` over aiohttp: written out, or by the helper ``over_aiohttp``."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cached_property

from rasa_asyncify.call_graph.test_doubles import Patches
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.edits import AiohttpCall, Edit, InlineRequest, UseResponse
from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.native.for_requests.inline import InlinePlan, InlinePlanner, fresh_name
from rasa_asyncify.native.strategy import Held, Plans, Refused, Strategy, check_answers
from rasa_asyncify.project.expressions import assigned
from rasa_asyncify.project.model import Module, Scope
from rasa_asyncify.project.spans import span
from rasa_asyncify.project.values import (
    External,
    ExternalInstance,
    Instance,
    LambdaValue,
    OwnFunction,
)

_SESSION = "requests.Session"
_REPLACES = re.compile(r"\brequests(\.\w+)+ *=[^=]|\binstall_cache\(|\bHTTPAdapter\.\w+ *=[^=]")
_PLAIN_AUTH = frozenset({"requests.auth.HTTPBasicAuth", "requests.auth.HTTPProxyAuth", "builtins.tuple"})


class RequestsForms:
    """What the two strategies know of the calls of a project.

    ``shared``: whether all calls of a module go over one client session. ``not_inline`` and ``not_native`` hold the
    call sites that something around them rules out, with the reason.
    """

    def __init__(self, inference: Inference, patches: Patches, shared: Callable[[Module], bool]) -> None:
        self.inference = inference
        self.patches = patches
        self.shared = shared
        self.not_inline: dict[Site, str] = {}
        self.not_native: dict[Site, str] = {}
        self._inline = InlinePlanner(inference)
        self._checked = Plans(self._check)

    def check(self, site: Site) -> None:
        """Refuse what only requests itself does the same.

        Raises:
            Refused: for both strategies.
        """
        self._checked.of(site)
        if site in self.not_native:
            raise Refused(self.not_native[site])

    def _check(self, site: Site) -> None:
        check_answers(self.patches.answering(site.scope.module))
        call = site.node
        assert isinstance(call, ast.Call)
        for keyword in call.keywords:
            self._check_keyword(keyword, site.scope)
        if any(name.startswith(f"{_SESSION}.") for name in site.blockers):
            self._check_session(call.func, site.scope)

    def plan(self, site: Site) -> InlinePlan:
        """How a request is written out.

        Raises:
            Refused: where aiohttp without the helper might do something else.
        """
        if site in self.not_inline:
            raise Refused(self.not_inline[site])
        if self.shared(site.scope.module):
            raise Refused("the session is shared")
        if self._replaced:
            raise Refused("the project replaces parts of requests")
        return self._inline.plan(site)

    @cached_property
    def _replaced(self) -> bool:
        """Whether something of the project assigns to what requests is made of, or has it cached."""
        texts = (m.source.text for m in self.inference.project.modules.values())
        return any(map(_REPLACES.search, texts))

    # -- what the helper can't do ---------------------------------------------------------------

    def _check_keyword(self, keyword: ast.keyword, scope: Scope) -> None:
        value = keyword.value
        literal = value.value if isinstance(value, ast.Constant) else value
        if keyword.arg == "stream" and literal not in (False, None):
            raise Refused("`stream=` leaves the body to be read later")
        if keyword.arg == "hooks" and literal is not None:
            raise Refused("`hooks=` may call for more requests")
        if keyword.arg == "auth" and not self._plain_auth(value, scope):
            raise Refused("`auth=` may ask the server more than once")

    def _plain_auth(self, node: ast.expr, scope: Scope) -> bool:
        """Whether ``auth=`` is none of the kinds that are known to do more than set a header."""
        if isinstance(node, ast.Name):
            found = scope.lookup(node.id)
            bound = assigned(found[0]) if found else []
            if not all(self._plain_auth(value, scope) for value in bound if not isinstance(value, ast.Name)):
                return False
        elif isinstance(node, ast.Call):
            makers = self.inference.infer(node.func, scope)
            return bool(makers) and all(isinstance(v, External) and v.name in _PLAIN_AUTH for v in makers)
        return not any(
            isinstance(v, (OwnFunction, Instance, LambdaValue)) for v in self.inference.infer(node, scope)
        )

    def _check_session(self, func: ast.expr, scope: Scope) -> None:
        receiver = func.value if isinstance(func, ast.Attribute) else None
        values = self.inference.infer(receiver, scope) if receiver is not None else ()
        if any(v != ExternalInstance(_SESSION) for v in values):
            raise Refused("its session may be of another class")
        if ".mount(" in scope.module.source.text:
            raise Refused("the session may have adapters of its own")


class _ForRequests(Strategy):
    native = "aiohttp"

    def __init__(self, forms: RequestsForms) -> None:
        self.forms = forms


class InlineAiohttp(_ForRequests):
    """``async with session.get(...) as response``: what aiohttp's users write."""

    def offer(self, site: Site, held: Held) -> None:
        self.forms.check(site)
        self.forms.plan(site)

    def plan(self, site: Site) -> InlinePlan:
        """How a request that it took is written out."""
        return self.forms.plan(site)

    def edits(self, site: Site) -> Iterator[Edit]:
        module, plan = site.scope.module, self.plan(site)
        yield InlineRequest(
            span(plan.statement, module),
            "RA020",
            f"{site.blockers[0]}() holds the event loop; differs in: {', '.join(plan.differs)}",
            span(plan.call, module),
            plan.method,
            plan.response or fresh_name("response", site.scope),
            fresh_name("session", site.scope),
            plan.timeout,
            plan.redirects,
            plan.skipped,
            plan.content,
        )
        for use in plan.uses:
            yield UseResponse(span(use.node, module), "RA020", "the response is aiohttp's", use.form)


class OverAiohttp(_ForRequests):
    """``await over_aiohttp(requests.get, ...)``: requests' own session, with aiohttp below it."""

    def offer(self, site: Site, held: Held) -> None:
        self.forms.check(site)

    def edits(self, site: Site) -> Iterator[Edit]:
        module = site.scope.module
        assert isinstance(site.node, ast.Call)
        reason = f"{site.blockers[0]}() holds the event loop; not inline: {self._why_not_inline(site)}"
        yield AiohttpCall(span(site.node, module), "RA021", reason, self.forms.shared(module))

    def _why_not_inline(self, site: Site) -> str | None:
        try:
            self.forms.plan(site)
        except Refused as refused:
            return str(refused)
        return None
