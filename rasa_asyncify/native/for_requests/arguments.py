"""What is given to a function of ``requests``, and how aiohttp takes it.

Source: the documentation of requests 2.31 (``requests.request``), and of aiohttp 3.9 to 3.14
(``ClientSession.request``).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from rasa_asyncify.edits import Argument
from rasa_asyncify.native.for_requests import differences as d
from rasa_asyncify.native.for_requests.known_values import KnownValues, is_constant, is_text_literal
from rasa_asyncify.native.strategy import Refused
from rasa_asyncify.project.bindings import last_name
from rasa_asyncify.project.model import Scope

_REQUEST = (
    "method url params data headers cookies files auth timeout allow_redirects proxies "
    "hooks stream verify cert json"
)
_POSITIONAL: Mapping[str, tuple[str, ...]] = {
    "get": ("url", "params"),
    "options": ("url",),
    "head": ("url",),
    "delete": ("url",),
    "post": ("url", "data", "json"),
    "put": ("url", "data"),
    "patch": ("url", "data"),
    "request": tuple(_REQUEST.split()),
}
_VERBS = frozenset(_POSITIONAL) - {"request"}
_QUERY = frozenset({d.QUERY})
_NOT_A_FORM = "`data=` may be something other than a form or a text"


@dataclass(frozen=True)
class Call:
    """A call of requests: the HTTP verb in lower case (None: it isn't a literal), and what is given, by name."""

    verb: str | None
    given: Mapping[str, ast.expr]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Adapted:
    """The ``arguments`` for aiohttp, the helpers that they call, and what of the README's differences they bring."""

    arguments: tuple[Argument, ...] = ()
    helpers: frozenset[str] = frozenset()
    differs: frozenset[str] = frozenset()

    def __or__(self, other: Adapted) -> Adapted:
        return Adapted(
            self.arguments + other.arguments, self.helpers | other.helpers, self.differs | other.differs
        )


def read_call(call: ast.Call, function: str) -> Call:
    """What a call gives, by the names that requests has for it.

    Raises:
        Refused: for starred arguments and functions that aren't plain verbs.
    """
    if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
        raise Refused("its arguments are unpacked")
    order = _POSITIONAL.get(function)
    if order is None:
        raise Refused(f"`{function}` isn't a plain HTTP method")
    if len(call.args) > len(order):
        raise Refused("it has too many arguments")
    names = (*order[: len(call.args)], *(k.arg or "" for k in call.keywords))
    given = dict(zip(names, (*call.args, *(k.value for k in call.keywords)), strict=True))
    if "url" not in given or len(given) < len(names):
        raise Refused("no URL is given")
    if function != "request":
        return Call(function, given, names)
    method = given.get("method")
    literal = method.value if isinstance(method, ast.Constant) else None
    if isinstance(literal, str) and literal.lower() not in _VERBS:
        raise Refused(f"`{literal}` isn't a plain HTTP method")
    return Call(literal.lower() if isinstance(literal, str) else None, given, names)


class RequestArguments:
    """Finds aiohttp's arguments, for one call at a time."""

    def __init__(self, values: KnownValues) -> None:
        self.values = values

    def adapt(self, call: Call, scope: Scope, *, by_function: str) -> Adapted:
        """The arguments of the aiohttp request that does what ``call`` of the function does.

        Raises:
            Refused: with the first argument that aiohttp has no equal for.
        """
        given = {name: node for name, node in call.given.items() if not self._is_default(name, node)}
        for name in ("files", "proxies", "hooks", "stream", "cert"):
            if name in given:
                raise Refused(f"`{name}=` {_WHY[name]}")
        if "data" in given and "json" in given:
            raise Refused("`data=` and `json=` are both given")
        found = Adapted()
        for name, node in given.items():
            adapter = _ADAPTERS.get(name)
            if name == "method":
                if call.verb is None:
                    found |= Adapted((Argument("", "$method"),))
            elif adapter is None:
                raise Refused(f"`{name}=` has no equal")
            else:
                found |= adapter(self, node, scope)
        found |= self._headers(given, scope)
        if call.verb == "head" and by_function == "request" and "allow_redirects" not in given:
            found |= Adapted((Argument("allow_redirects", "True"),))
        found |= Adapted(differs=self._differences(call, given, scope))
        by_place = sorted(found.arguments, key=lambda a: (bool(a.keyword), a.form != "$method"))
        return replace(found, arguments=tuple(by_place))

    def _differences(self, call: Call, given: Mapping[str, ast.expr], scope: Scope) -> frozenset[str]:
        """What of the README's differences depends on what is given at all."""
        found = set[str]()
        if call.verb not in ("get", "head") and not self._surely_has_body(given, scope):
            found.add(d.NO_BODY)
        if "timeout" not in given:
            found.add(d.NO_TIMEOUT)
        if call.verb != "post":
            found.add(d.SENT_AGAIN)
        if not is_text_literal(given["url"]):
            found.add(d.URLS)
        if "auth" in given or "headers" in given:
            found.add(d.CREDENTIALS)
        return frozenset(found)

    def _surely_has_body(self, given: Mapping[str, ast.expr], scope: Scope) -> bool:
        node = given.get("data", given.get("json"))
        values = self.values.of(node, scope) if node is not None else None
        return bool(values) and all(
            getattr(v, "keys", ()) or getattr(v, "value", ()) for v, _ in values or ()
        )

    @staticmethod
    def _is_default(name: str, node: ast.expr) -> bool:
        """Whether requests takes a literal for nothing given."""
        if name == "verify":
            return is_constant(node, True)
        if name == "stream":
            return is_constant(node, None, False)
        return name not in ("url", "method", "timeout") and is_constant(node, None)

    # -- one by one ---------------------------------------------------------------

    def _url(self, node: ast.expr, scope: Scope) -> Adapted:
        return Adapted((Argument("", "$url"),))

    def _params(self, node: ast.expr, scope: Scope) -> Adapted:
        if self._is_plain(node, scope) or self.values.kinds(node, scope) == {"text"}:
            return Adapted((Argument("params", "$params"),), differs=_QUERY)
        return Adapted((Argument("params", "query($params)"),), frozenset({"query"}), _QUERY | {d.VALUES})

    def _data(self, node: ast.expr, scope: Scope) -> Adapted:
        kinds = self.values.kinds(node, scope) - {"none"}
        if kinds and kinds <= {"text", "bytes"}:
            return Adapted((Argument("data", "$data"),))
        if not kinds or not kinds <= {"dict", "list"}:
            raise Refused(_NOT_A_FORM)
        if self.values.all_items(node, scope, self.values.is_text):
            return Adapted((Argument("data", "$data"),))
        return Adapted((Argument("data", "query($data)"),), frozenset({"query"}), frozenset({d.VALUES}))

    def _json(self, node: ast.expr, scope: Scope) -> Adapted:
        return Adapted((Argument("json", "$json"),))

    def _cookies(self, node: ast.expr, scope: Scope) -> Adapted:
        if not self.values.all_items(node, scope, self.values.is_text):
            raise Refused("`cookies=` may hold something other than texts")
        return Adapted((Argument("cookies", "$cookies"),))

    def _redirects(self, node: ast.expr, scope: Scope) -> Adapted:
        return Adapted((Argument("allow_redirects", "$allow_redirects"),))

    def _verify(self, node: ast.expr, scope: Scope) -> Adapted:
        if not is_constant(node, False):
            raise Refused("`verify=` may name a file of certificates")
        return Adapted((Argument("ssl", "False"),))

    def _timeout(self, node: ast.expr, scope: Scope) -> Adapted:
        return Adapted((Argument("timeout", self._seconds(node, scope)),), differs=frozenset({d.PAUSE}))

    def _seconds(self, node: ast.expr, scope: Scope) -> str:
        """The time-out as source text; requests takes seconds, a pair of them, or None."""
        if is_constant(node, None):
            return "aiohttp.ClientTimeout()"
        if isinstance(node, ast.Constant) and not node.value:
            raise Refused("`timeout=` is none that requests takes")
        if isinstance(node, ast.Tuple) and len(node.elts) == 2:
            connect, read = map(_text, node.elts)
            return f"aiohttp.ClientTimeout(sock_connect={connect}, sock_read={read})"
        if not isinstance(node, (ast.Constant, ast.Name, ast.Attribute)):
            raise Refused("`timeout=` is computed where it is given")
        values = self.values.of(node, scope)
        if values and all(isinstance(v, ast.Tuple) and len(v.elts) == 2 for v, _ in values):
            return "aiohttp.ClientTimeout(sock_connect=$timeout[0], sock_read=$timeout[1])"
        if not self.values.kinds(node, scope) <= {"number", "none"}:
            raise Refused("`timeout=` may be a pair")
        return "aiohttp.ClientTimeout(sock_connect=$timeout, sock_read=$timeout)"

    # -- headers ---------------------------------------------------------------

    def _headers(self, given: Mapping[str, ast.expr], scope: Scope) -> Adapted:
        """What is sent as headers: those given, and those that stand for ``auth=``."""
        form, helpers, has_type = None, set[str](), False
        node = given.get("headers")
        if node is not None:
            form, has_type = "$headers", self._names_type(node, scope)
            if not self.values.all_items(node, scope, self.values.is_text):
                form = "without_none($headers)"
                helpers.add("without_none")
        if "auth" in given:
            credentials = self._credentials(given["auth"], scope)
            form = f"{{**{form}, **{credentials}}}" if form else credentials
            helpers.add("basic_auth")
        differs = frozenset({d.HEADERS} if "without_none" in helpers else ())
        found = Adapted((Argument("headers", form),) if form else (), frozenset(helpers), differs)
        data = given.get("data")
        if data is not None and not has_type and self.values.kinds(data, scope) & {"text", "bytes"}:
            found |= Adapted((Argument("skip_auto_headers", '("Content-Type",)'),))
        return found

    def _credentials(self, node: ast.expr, scope: Scope) -> str:
        """The header for ``auth=``: a pair, an HTTPBasicAuth, or a name of such a pair."""
        parts: list[ast.expr] = []
        if isinstance(node, ast.Tuple):
            parts = node.elts
        elif isinstance(node, ast.Call) and last_name(node.func) == "HTTPBasicAuth" and not node.keywords:
            parts = node.args
        if len(parts) == 2 and not any(
            isinstance(n, (ast.Call, ast.Await)) for p in parts for n in ast.walk(p)
        ):
            return f"basic_auth({', '.join(map(_text, parts))})"
        if isinstance(node, ast.Tuple) and len(parts) == 2:
            return "basic_auth(*$auth)"
        values = self.values.of(node, scope)
        if values and all(isinstance(v, ast.Tuple) and len(v.elts) == 2 for v, _ in values):
            return "basic_auth(*$auth)"
        raise Refused("`auth=` may be something other than a name and a password")

    def _names_type(self, node: ast.expr, scope: Scope) -> bool:
        """Whether the headers surely have a content type among them."""
        values = self.values.of(node, scope)
        return bool(values) and all(
            isinstance(v, ast.Dict)
            and any(
                isinstance(k, ast.Constant) and str(k.value).lower() == "content-type"
                for k in v.keys
                if k is not None
            )
            for v, _ in values or ()
        )

    def _is_plain(self, node: ast.expr, scope: Scope) -> bool:
        """Whether it is a dict of texts and numbers, which aiohttp sends as requests does."""
        return self.values.all_items(node, scope, lambda n, s: self.values.is_text(n, s, numbers=True))


def _text(node: ast.expr) -> str:
    """The source text of an expression, as a template has it."""
    return ast.unparse(node).replace("$", "$$")


_Adapter = Callable[[RequestArguments, ast.expr, Scope], Adapted]
_ADAPTERS: dict[str, _Adapter] = {
    "url": RequestArguments._url,
    "params": RequestArguments._params,
    "data": RequestArguments._data,
    "json": RequestArguments._json,
    "cookies": RequestArguments._cookies,
    "allow_redirects": RequestArguments._redirects,
    "verify": RequestArguments._verify,
    "timeout": RequestArguments._timeout,
    "headers": lambda *_: Adapted(),
    "auth": lambda *_: Adapted(),
}
_WHY = {
    "files": "are read as they are sent",
    "proxies": "are chosen for each request",
    "hooks": "may call for more requests",
    "stream": "leaves the body to be read later",
    "cert": "is a file",
}
