"""Which arguments of ``httpx`` calls an ``AsyncClient`` takes as a ``Client`` does."""

from __future__ import annotations

import ast
from collections.abc import Callable

from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.native.strategy import Refused
from rasa_asyncify.project.bindings import Imported
from rasa_asyncify.project.expressions import only_assigned
from rasa_asyncify.project.model import Binding, Module, Scope
from rasa_asyncify.project.values import External

_OF_A_REQUEST = frozenset(
    "method url params content data files json headers cookies auth follow_redirects timeout extensions".split()
)
_OF_A_CLIENT = frozenset(
    (
        "auth base_url cert cookies default_encoding follow_redirects headers http1 http2 limits max_redirects params "
        "proxies proxy timeout trust_env verify"
    ).split()
)
_OF_SENDING = frozenset({"request", "auth", "follow_redirects"})
# Ask the server like a client that waits: the same class does it for either.
_PLAIN_AUTH = frozenset({"httpx.BasicAuth", "httpx.DigestAuth", "httpx.NetRCAuth", "builtins.tuple"})
_GIVE_TEXT = frozenset(
    {"builtins.str", "builtins.bytes", "builtins.repr", "json.dumps", "urllib.parse.urlencode"}
)
_SETTINGS = frozenset({"httpx.Timeout", "httpx.Limits", "httpx.Proxy", "httpx.Cookies"})
_STILL = (
    ast.Attribute,
    ast.BinOp,
    ast.Constant,
    ast.Dict,
    ast.FormattedValue,
    ast.JoinedStr,
    ast.List,
    ast.Name,
    ast.Tuple,
    ast.UnaryOp,
)
_DEPTH = 5

_Check = Callable[[ast.expr, Scope, int], bool]


class ArgumentChecker:
    """Looks at calls by what their arguments are written as, and what the names among them are bound to."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference

    def check_request(self, call: ast.Call, scope: Scope, more: frozenset[str] = frozenset()) -> None:
        """The arguments of ``client.get``, ``httpx.get`` (with ``more`` keywords) or ``build_request``.

        Raises:
            Refused: for what an ``AsyncClient`` doesn't take, or may not.
        """
        self._check(call, scope, _OF_A_REQUEST | more)

    def check_client(self, call: ast.Call, scope: Scope) -> None:
        """The arguments of ``httpx.Client``. Raises as ``check_request``."""
        self._check(call, scope, _OF_A_CLIENT)

    def check_send(self, call: ast.Call, client: str, scope: Scope) -> None:
        """The arguments of ``client.send``. Raises as ``check_request``."""
        self._check(call, scope, _OF_SENDING)
        given = [*call.args, *(k.value for k in call.keywords if k.arg == "request")]
        values = self._values(given[0], scope) if given else []
        made = [v for v in values if isinstance(v, ast.Call) and self._makes_request(v.func, client, scope)]
        if not made or len(made) < len(values):
            raise Refused("it isn't known how its request was made")
        for value in made:
            self._check(value, scope, _OF_A_REQUEST)

    def _makes_request(self, func: ast.expr, client: str, scope: Scope) -> bool:
        request = frozenset({"httpx.Request"})
        return ast.unparse(func) == f"{client}.build_request" or self._names(func, scope, request)

    def check_auth(self, node: ast.expr, scope: Scope) -> None:
        """Refuse authentication that may be a generator of its own. Raises as ``check_request``."""
        if not self._is_plain_auth(node, scope, 0):
            raise Refused("`auth=` may be of a kind that only a Client can use")

    def is_still(self, node: ast.expr, scope: Scope) -> bool:
        """Whether evaluating ``node`` does nothing else, so that it may happen earlier."""
        if isinstance(node, ast.Call):
            inner = [*node.args, *(k.value for k in node.keywords)]
            return self._names(node.func, scope, _SETTINGS) and all(self.is_still(n, scope) for n in inner)
        if not isinstance(node, _STILL):
            return False
        return all(self.is_still(n, scope) for n in ast.iter_child_nodes(node) if isinstance(n, ast.expr))

    # -- one argument ---------------------------------------------------------------

    def _check(self, call: ast.Call, scope: Scope, known: frozenset[str]) -> None:
        if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
            raise Refused("its arguments are unpacked")
        for keyword in call.keywords:
            value, name = keyword.value, keyword.arg or ""
            if isinstance(value, ast.Constant) and value.value in (None, False):
                continue
            if name not in known or name in ("files", "extensions"):
                raise Refused(f"`{name}=` may be something that only a Client can use")
            if name == "auth":
                self.check_auth(value, scope)
            check = {"content": self._is_text, "data": self._is_form}.get(name)
            if check is not None and not check(value, scope, 0):
                raise Refused(f"`{name}=` may be something to iterate over, which an AsyncClient doesn't")

    def _is_plain_auth(self, node: ast.expr, scope: Scope, depth: int) -> bool:
        if isinstance(node, ast.Call):
            return self._names(node.func, scope, _PLAIN_AUTH)
        if isinstance(node, ast.Name):
            return self._all(node, scope, depth, self._is_plain_auth)
        return isinstance(node, ast.Tuple) or (isinstance(node, ast.Constant) and node.value is None)

    def _is_form(self, node: ast.expr, scope: Scope, depth: int) -> bool:
        """Whether a body is surely a dict, a text or bytes."""
        if isinstance(node, (ast.Dict, ast.DictComp)):
            return True
        if isinstance(node, ast.Call) and self._names(node.func, scope, frozenset({"builtins.dict"})):
            return True
        return self._is_text(node, scope, depth, self._is_form)

    def _is_text(self, node: ast.expr, scope: Scope, depth: int, check: _Check | None = None) -> bool:
        """Whether a body is surely a text or bytes; ``check`` tells of the parts of what is either."""
        check = check or self._is_text
        if isinstance(node, ast.Constant):
            return isinstance(node.value, (str, bytes)) or node.value is None
        if isinstance(node, ast.Name):
            return self._all(node, scope, depth, check)
        if isinstance(node, (ast.BoolOp, ast.IfExp)):
            parts = node.values if isinstance(node, ast.BoolOp) else [node.body, node.orelse]
            return all(check(part, scope, depth) for part in parts)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
            return _is_literal_text(node.left) or (
                isinstance(node.op, ast.Add) and _is_literal_text(node.right)
            )
        if isinstance(node, ast.Call):
            func = node.func
            method = func.attr if isinstance(func, ast.Attribute) else ""
            receiver = func.value if isinstance(func, ast.Attribute) else func
            made = method == "encode" or (method in ("format", "join") and _is_literal_text(receiver))
            return made or self._names(func, scope, _GIVE_TEXT)
        return isinstance(node, ast.JoinedStr)

    # -- names ---------------------------------------------------------------

    def _names(self, node: ast.expr, scope: Scope, wanted: frozenset[str]) -> bool:
        """Whether ``node`` is surely one of the ``wanted`` functions and classes."""
        values = self.inference.infer(node, scope)
        return bool(values) and all(isinstance(v, External) and v.name in wanted for v in values)

    def _all(self, node: ast.Name, scope: Scope, depth: int, check: _Check) -> bool:
        """Whether all that a name is bound to fits."""
        found = scope.lookup(node.id)
        if found is None or depth > _DEPTH:
            return False
        bindings, owner = self._origin(found[0], node.id, found[1])
        values = only_assigned(bindings)
        if _is_rebound(node.id, owner):
            return False
        return bool(values) and all(check(value, owner, depth + 1) for value in values)

    def _values(self, node: ast.expr, scope: Scope) -> list[ast.expr]:
        """The expressions that ``node`` stands for: itself, or all that a local name is bound to."""
        if not isinstance(node, ast.Name):
            return [node]
        return only_assigned(scope.bindings.get(node.id, []))

    def _origin(self, bindings: list[Binding], name: str, owner: Scope) -> tuple[list[Binding], Scope]:
        """Where a name that is imported from a module of the project is bound."""
        if len(bindings) == 1 and isinstance(bindings[0], Imported):
            target = self.inference.project.resolve_import(bindings[0], owner.module)
            if isinstance(target, tuple) and isinstance(target[0], Module):
                module, inner = target
                return module.scope.bindings.get(inner, []), module.scope
        return bindings, owner


def _is_rebound(name: str, owner: Scope) -> bool:
    """Whether a function assigns to the global ``name`` (or the outer function's)."""
    return any(name in f.facts.outer for f in owner.functions())


def _is_literal_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
    )
