"""What is given to a function of ``requests``, and whether aiohttp makes the same of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from rasa_asyncify.native.strategy import Refused
from rasa_asyncify.project.expressions import only_assigned
from rasa_asyncify.project.model import Scope

_VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "options"})
# Headers that the libraries write themselves, or combine with what netrc and cookies add.
_OWN_HEADERS = frozenset(
    (
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "host",
        "proxy-authorization",
        "transfer-encoding",
        "",
    )
)
# A host, and enough of the path to know that it doesn't begin with two slashes, of which requests sends one.
_SURE_URL = re.compile(r"https?://[^/?#\s]+/[^/?#\s][^?#\s]*", re.I)
_HEADER = re.compile(r"[!-~]([ -~]*[!-~])?")
_WHOLE_URL = re.compile(r"https?://[^/?#\s]+(/(?!/)[\x21-\x7e]*)?", re.I)
_KEYWORDS = frozenset({"url", "params", "data", "json", "headers", "timeout", "allow_redirects"})


class RequestArguments:
    """Checks the arguments of one call at a time."""

    def check(self, method: str, arguments: dict[str, ast.expr], scope: Scope) -> None:
        """Refuse what aiohttp takes otherwise.

        Raises:
            Refused: with the first such argument.
        """
        for name, value in arguments.items():
            if name not in _KEYWORDS:
                raise Refused(f"`{name}=` has no plain equivalent")
            if name == "headers" and not self._is_headers(value, scope):
                raise Refused("`headers=` may hold what aiohttp doesn't take, or sends otherwise")
            if name == "params" and not self._is_dict(value, scope, self._is_text_or_number):
                raise Refused("`params=` may hold what aiohttp doesn't take")
            if name == "data" and not self._is_dict(value, scope, self._is_sure_text):
                raise Refused("`data=` may be something other than a form of texts")
            if name == "json" and not self._is_json(value, scope):
                raise Refused("`json=` may be None, or hold NaN")
            if name == "allow_redirects" and not isinstance(value, ast.Constant):
                raise Refused("`allow_redirects=` isn't a literal")
        if isinstance(arguments.get("data"), ast.Dict) and not getattr(arguments["data"], "keys", ()):
            raise Refused("aiohttp names a content type for an empty form")
        if not self._is_url(arguments["url"], scope):
            raise Refused("the URL isn't known well enough")
        if "data" in arguments and "json" in arguments:
            raise Refused("`data=` and `json=` are both given")
        if method == "post" and not {"data", "json"} & set(arguments):
            raise Refused("aiohttp names a content type for an empty body")

    def _values(self, node: ast.expr, scope: Scope) -> list[ast.expr]:
        """The expressions that ``node`` stands for: itself, or all that its name is bound to."""
        if not isinstance(node, ast.Name):
            return [node]
        found = scope.lookup(node.id)
        if found is None:
            return []
        bindings, owner = found
        return only_assigned(bindings) if _never_changed(node.id, owner, scope) else []

    def _is_url(self, node: ast.expr, scope: Scope) -> bool:
        """Whether a URL surely names its host, in a way that both libraries read alike."""
        values = self._values(node, scope)
        return bool(values) and all(self._is_sure_url(value, scope) for value in values)

    def _is_sure_url(self, node: ast.expr, scope: Scope) -> bool:
        start, whole = self._known_start(node, scope)
        return bool(_WHOLE_URL.fullmatch(start) if whole else _SURE_URL.fullmatch(start))

    def _known_start(self, node: ast.expr, scope: Scope) -> tuple[str, bool]:
        """The text that a string surely starts with; whether that is all of it."""
        if isinstance(node, ast.Constant):
            return (node.value, True) if isinstance(node.value, str) else ("", False)
        parts: list[ast.expr] = []
        if isinstance(node, ast.JoinedStr):
            parts = node.values
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            parts = [node.left, node.right]
        elif isinstance(node, ast.FormattedValue) and node.conversion == -1 and node.format_spec is None:
            parts = [node.value]
        elif isinstance(node, ast.Name):
            values = self._values(node, scope)
            parts = values if len(values) == 1 and not isinstance(values[0], ast.Name) else []
        start, whole = "", bool(parts) or isinstance(node, ast.JoinedStr)
        for part in parts:
            text, whole = self._known_start(part, scope)
            start += text
            if not whole:
                break
        return start, whole

    def _is_json(self, node: ast.expr, scope: Scope) -> bool:
        """Whether ``node`` is a list or dict without floats that aren't known."""
        values = self._values(node, scope)
        return bool(values) and all(
            isinstance(v, (ast.Dict, ast.List)) and self._is_json_value(v, scope) for v in values
        )

    def _is_json_value(self, node: ast.expr, scope: Scope) -> bool:
        if isinstance(node, ast.Dict):
            keys = [k for k in node.keys if k is not None]
            return len(keys) == len(node.keys) and all(
                self._is_json_value(n, scope) for n in (*keys, *node.values)
            )
        if isinstance(node, (ast.List, ast.Tuple)):
            return all(self._is_json_value(n, scope) for n in node.elts)
        return isinstance(node, ast.Constant) or self._is_text(node, scope, numbers=True)

    def _is_dict(self, node: ast.expr, scope: Scope, fits: Callable[[ast.expr, Scope], bool]) -> bool:
        """Whether ``node`` is None, or a dict with texts for keys whose values all fit."""
        if _is_none(node):
            return True
        values = self._values(node, scope)
        return bool(values) and all(
            isinstance(v, ast.Dict)
            and all(isinstance(k, ast.Constant) and isinstance(k.value, str) for k in v.keys)
            and all(fits(x, scope) for x in v.values)
            for v in values
        )

    def _is_headers(self, node: ast.expr, scope: Scope) -> bool:
        names = {
            str(getattr(key, "value", "")).lower()
            for value in self._values(node, scope)
            for key in getattr(value, "keys", ())
        }
        return self._is_dict(node, scope, _is_header) and names.isdisjoint(_OWN_HEADERS)

    def _is_sure_text(self, node: ast.expr, scope: Scope) -> bool:
        return self._is_text(node, scope, numbers=False)

    def _is_text_or_number(self, node: ast.expr, scope: Scope) -> bool:
        return self._is_text(node, scope, numbers=True)

    def _is_text(self, node: ast.expr, scope: Scope, *, numbers: bool) -> bool:
        """Whether ``node`` is surely a str (or, with ``numbers``, an int or a float that isn't a bool)."""
        if isinstance(node, ast.Name):
            values = self._values(node, scope)
            return bool(values) and all(
                not isinstance(v, ast.Name) and self._is_text(v, scope, numbers=numbers) for v in values
            )
        return _makes_text(node, scope) or (numbers and _is_number(node))

    def timeout(self, node: ast.expr | None, scope: Scope) -> tuple[str, str] | None:
        """The seconds to connect and to read, as source text; None where nothing is given.

        Raises:
            Refused: where it may be a pair or None.
        """
        if node is None:
            return None
        if isinstance(node, ast.Tuple) and len(node.elts) == 2 and all(map(_is_seconds, node.elts)):
            return ast.unparse(node.elts[0]), ast.unparse(node.elts[1])
        if _is_seconds(node):
            return ast.unparse(node), ast.unparse(node)
        values = self._values(node, scope)
        if values and all(_is_seconds(v) for v in values):
            return ast.unparse(node), ast.unparse(node)
        raise Refused("`timeout=` may be a pair or None")


def read_arguments(call: ast.Call, function: str) -> tuple[str, dict[str, ast.expr]]:
    """The HTTP verb and the arguments by name.

    Raises:
        Refused: for starred arguments and verbs that aren't literals.
    """
    if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
        raise Refused("its arguments are unpacked")
    found = {k.arg: k.value for k in call.keywords if k.arg}
    positional = list(call.args)
    method = function
    if function == "request":
        verb = positional.pop(0) if positional else found.pop("method", None)
        if not (isinstance(verb, ast.Constant) and isinstance(verb.value, str)):
            raise Refused("the HTTP method isn't a literal")
        method = verb.value.lower()
    if function == "request" and method == "head":
        raise Refused("`requests.request` follows redirects of a HEAD")
    if method not in _VERBS:
        raise Refused(f"`{method}` isn't a plain HTTP method")
    if len(positional) > 1:
        raise Refused("its arguments are positional")
    if positional:
        found["url"] = positional[0]
    found.pop("method", None)
    if "url" not in found:
        raise Refused("no URL is given")
    return method, found


def _never_changed(name: str, owner: Scope, scope: Scope) -> bool:
    """Whether nothing adds to the dict that ``name`` holds: every use is the plain name, read."""
    for where in {owner, scope}:
        facts = where.facts
        for node in facts.names:
            if node.id != name:
                continue
            parent = facts.parents.get(node)
            if isinstance(parent, ast.Attribute) and parent.attr not in (
                "get",
                "items",
                "keys",
                "values",
                "copy",
            ):
                return False
            if isinstance(parent, ast.Subscript) and not isinstance(parent.ctx, ast.Load):
                return False
            if isinstance(parent, ast.AugAssign):
                return False
    if owner.function is None:
        return all(name not in f.facts.outer for f in owner.module.scope.functions())
    return True


def _is_header(node: ast.expr, scope: Scope) -> bool:
    """Whether a header's value is sent alike: requests refuses line breaks, and sends Latin-1 instead of UTF-8."""
    return (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(_HEADER.fullmatch(node.value))
    )


def is_false(node: ast.expr | None) -> bool:
    """Whether it is the literal False."""
    return isinstance(node, ast.Constant) and node.value is False


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_str(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_seconds(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, (int, float))
        and not isinstance(node.value, bool)
        and node.value > 0
    )


def _is_number(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, (int, float))
        and not isinstance(node.value, bool)
    )


def _makes_text(node: ast.expr, scope: Scope) -> bool:
    """Whether an expression surely gives a str: a literal, ``"" + x``, ``"%s" % x``, ``str(x)``, ``"".join(x)``."""
    if isinstance(node, ast.BinOp):
        sides = {ast.Add: (node.left, node.right), ast.Mod: (node.left,)}.get(type(node.op), ())
        return any(map(_is_str, sides))
    if isinstance(node, ast.Call):
        func = node.func
        if isinstance(func, ast.Name):
            return func.id == "str" and scope.lookup("str") is None
        return isinstance(func, ast.Attribute) and _is_str(func.value) and func.attr in ("format", "join")
    return _is_str(node)
