"""Which native form an HTTP call takes: aiohttp inline, or the helper ``over_aiohttp``."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import cached_property

from rasa_asyncify.calls.sites import Site
from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.native.inline_requests import InlinePlan, InlinePlanner
from rasa_asyncify.native.refusals import Refused
from rasa_asyncify.project.model import Assigned, Module, Scope
from rasa_asyncify.project.values import (
    External,
    ExternalInstance,
    Instance,
    LambdaValue,
    OwnFunction,
)

INLINE, OVER_AIOHTTP = "inline", "over_aiohttp"
_SESSION = "requests.Session"
_REPLACES = re.compile(r"\brequests(\.\w+)+ *=[^=]|\binstall_cache\(|\bHTTPAdapter\.\w+ *=[^=]")
_PLAIN_AUTH = frozenset({"requests.auth.HTTPBasicAuth", "requests.auth.HTTPProxyAuth", "builtins.tuple"})


class HttpForms:
    """Finds the form of one call at a time. ``shared``: whether all calls of a module go over one client session.

    ``not_inline`` and ``not_native`` hold the call sites that something around them rules out, with the reason.
    """

    def __init__(self, inference: Inference, *, shared: Callable[[Module], bool]) -> None:
        self.inference = inference
        self.shared = shared
        self.not_inline: dict[Site, str] = {}
        self.not_native: dict[Site, str] = {}
        self._inline = InlinePlanner(inference)

    def form(self, site: Site) -> str:
        """``INLINE`` or ``OVER_AIOHTTP``.

        Raises:
            Refused: where only requests itself does the same.
        """
        if site in self.not_native:
            raise Refused(self.not_native[site])
        self._check_helper(site)
        return OVER_AIOHTTP if self.why_not_inline(site) else INLINE

    def why_not_inline(self, site: Site) -> str | None:
        """Why aiohttp without the helper might do something else."""
        if site not in self.not_inline:
            try:
                if self.shared(site.scope.module):
                    raise Refused("the session is shared")
                if self._replaced:
                    raise Refused("the project replaces parts of requests")
                self._inline.plan(site)
            except Refused as refused:
                self.not_inline[site] = str(refused)
        return self.not_inline.get(site)

    @cached_property
    def _replaced(self) -> bool:
        """Whether something of the project assigns to what requests is made of, or has it cached."""
        texts = (m.source.text for m in self.inference.project.modules.values())
        return any(map(_REPLACES.search, texts))

    def inline(self, site: Site) -> InlinePlan:
        """The plan of a site whose form is ``INLINE``."""
        return self._inline.plan(site)

    # -- what the helper can't do ---------------------------------------------------------------

    def _check_helper(self, site: Site) -> None:
        call = site.node
        assert isinstance(call, ast.Call)
        for keyword in call.keywords:
            self._check_keyword(keyword, site.scope)
        if any(name.startswith(f"{_SESSION}.") for name in site.blockers):
            self._check_session(call.func, site.scope)

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
            bound = [b.value for b in (found[0] if found else ()) if isinstance(b, Assigned)]
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
