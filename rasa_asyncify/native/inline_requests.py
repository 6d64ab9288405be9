"""Which ``requests`` calls have a plain aiohttp equivalent, written inline, and what becomes of the response.

What could make a difference that the README doesn't list is refused with a reason, and left to the helper
``over_aiohttp``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from rasa_asyncify.calls.definite import is_function
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.flow.positions import can_await_at, enclosing, is_within
from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.native.strategy import Plans, Refused
from rasa_asyncify.project.model import Assigned, Function, Scope

_VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "options"})
# Headers that a response has once; aiohttp gives the first of several, requests all of them in one.
_SINGLE_HEADERS = frozenset(
    (
        "content-disposition",
        "content-length",
        "content-type",
        "date",
        "etag",
        "last-modified",
        "location",
        "retry-after",
        "server",
    )
)
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
# The form that each use of a response takes; "{}" is the response.
_ATTRIBUTES = {
    "status_code": "{}.status",
    "ok": "{}.ok",
    "reason": "{}.reason",
    "headers": "{}.headers",
    "text": 'await {}.text(errors="replace")',
}
_METHODS = {
    "json": 'json.loads(await {}.text(errors="replace"))',
    "raise_for_status": "{}.raise_for_status()",
}


@dataclass(frozen=True)
class Use:
    """One use of the response: the expression that changes, and its new form."""

    node: ast.expr
    form: str


@dataclass(frozen=True)
class InlinePlan:
    """How one call becomes an aiohttp request. ``response`` is None where the code didn't name it."""

    statement: ast.stmt
    call: ast.Call
    method: str
    response: str | None
    timeout: tuple[str, str] | None
    redirects: bool
    skipped: int
    content: str | None = None
    uses: tuple[Use, ...] = field(default=())

    @property
    def decodes(self) -> bool:
        """Whether the body is read as JSON."""
        return any(use.form.startswith("json.") for use in self.uses)

    @property
    def differs(self) -> tuple[str, ...]:
        """What of the differences in the README applies here, in their words."""
        found = ["User-Agent", "certificates", "exceptions"]
        if self.timeout is None:
            found.append("no time-out given")
        else:
            found.append("a pause inside the body")
        if any(not isinstance(argument, ast.Constant) for argument in self.call.args):
            found.append("line breaks in a URL")
        if len(self.call.args) + len(self.call.keywords) > 1 or "?" in ast.unparse(self.call):
            found.append("query strings")
        if any(".text(" in use.form for use in self.uses):
            found.append("charset")
        if self.method != "post":
            found.append("sent once more")
        return (*found, "ALL_PROXY")


class InlinePlanner:
    """Plans one call at a time."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self._plans = Plans(self._plan)

    def plan(self, site: Site) -> InlinePlan:
        """The plan for a site whose native replacement is aiohttp.

        Raises:
            Refused: where the result might differ.
        """
        return self._plans.of(site)

    def _plan(self, site: Site) -> InlinePlan:
        call = site.node
        assert isinstance(call, ast.Call)
        function = site.scope.function
        if function is None:
            raise Refused("it stands outside of a function")
        module, _, verb = site.blockers[0].rpartition(".")
        if module != "requests":
            raise Refused("a session keeps headers and cookies")
        if not is_function(call.func, site.blockers[0], site.scope, self.inference):
            raise Refused("it's called through a variable")
        method, arguments = _arguments(call, verb)
        skipped = int(verb == "request" and all(k.arg != "method" for k in call.keywords))
        self._check_arguments(method, arguments, site.scope)
        timeout = self._timeout(arguments.get("timeout"), site.scope)
        redirects = method != "head" and not _is_false(arguments.get("allow_redirects"))
        if redirects and method not in ("get", "post"):
            raise Refused(f"a redirect of a {method.upper()} may change its method")
        statement = site.scope.facts.parents.get(call)
        if isinstance(statement, ast.Expr):
            check_alone(statement, site.scope)
            return InlinePlan(statement, call, method, None, timeout, redirects, skipped)
        if (
            not isinstance(statement, ast.Assign)
            or len(statement.targets) != 1
            or not isinstance(statement.targets[0], ast.Name)
        ):
            raise Refused("the call is part of a larger expression")
        check_alone(statement, site.scope)
        name = statement.targets[0].id
        content = fresh_name("content" if name == "response" else f"{name}_content", site.scope)
        uses = self._uses(name, function, site, content)
        self._check_fall_through(name, statement, site.scope)
        bound = content if any(use.form == content for use in uses) else None
        return InlinePlan(statement, call, method, name, timeout, redirects, skipped, bound, uses)

    # -- arguments ---------------------------------------------------------------

    def _check_arguments(self, method: str, arguments: dict[str, ast.expr], scope: Scope) -> None:
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
        values = [b.value for b in bindings if isinstance(b, Assigned)]
        return values if len(values) == len(bindings) and _never_changed(node.id, owner, scope) else []

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
        if isinstance(node, ast.JoinedStr):
            return True
        if isinstance(node, ast.Constant):
            plain_number = isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
            return isinstance(node.value, str) or (numbers and plain_number)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
            sides = (node.left, node.right) if isinstance(node.op, ast.Add) else (node.left,)
            return any(isinstance(s, (ast.Constant, ast.JoinedStr)) and _is_str(s) for s in sides)
        if isinstance(node, ast.Call):
            func = node.func
            if isinstance(func, ast.Name) and func.id == "str" and scope.lookup("str") is None:
                return True
            return isinstance(func, ast.Attribute) and _is_str(func.value) and func.attr in ("format", "join")
        if isinstance(node, ast.Name):
            values = self._values(node, scope)
            plain = [v for v in values if not isinstance(v, ast.Name)]
            return (
                bool(values)
                and len(plain) == len(values)
                and all(self._is_text(v, scope, numbers=numbers) for v in plain)
            )
        return False

    def _timeout(self, node: ast.expr | None, scope: Scope) -> tuple[str, str] | None:
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

    # -- the statement and the response ---------------------------------------------------------------

    def _uses(self, name: str, function: Function, site: Site, content: str) -> tuple[Use, ...]:
        facts = function.facts
        if name in facts.outer:
            raise Refused(f"`{name}` is a global")
        for nested in function.scope.functions():
            if any(n.id == name for n in nested.facts.names):
                raise Refused(f"`{name}` is used in a nested function")
        if len(facts.bindings.get(name, [])) > 1:
            raise Refused(f"`{name}` is bound more than once")
        found = []
        for node in facts.names:
            if node.id == name and isinstance(node.ctx, ast.Load):
                found.append(self._use(node, function.scope, content))
            elif node.id == name and isinstance(node.ctx, ast.Del):
                raise Refused(f"`{name}` is deleted")
        return tuple(found)

    def _use(self, node: ast.Name, scope: Scope, content: str) -> Use:
        parents = scope.facts.parents
        around = enclosing(node, scope)
        if any(isinstance(p, ast.Lambda) for p in around):
            raise Refused(f"`{node.id}` is used in a lambda")
        if sum(isinstance(p, ast.JoinedStr) for p in around) > 1:
            raise Refused(f"`{node.id}` is used in a nested f-string")
        attribute = parents.get(node)
        if not isinstance(attribute, ast.Attribute) or not isinstance(attribute.ctx, ast.Load):
            raise Refused(f"`{node.id}` itself is passed on")
        outer = parents.get(attribute)
        called = isinstance(outer, ast.Call) and outer.func is attribute
        if called and attribute.attr in _METHODS:
            assert isinstance(outer, ast.Call)
            if outer.args or outer.keywords:
                raise Refused(f"`.{attribute.attr}()` has arguments")
            use = Use(outer, _METHODS[attribute.attr])
        elif not called and attribute.attr == "content":
            # aiohttp gives the bytes only while the request is open.
            use = Use(attribute, content)
        elif not called and attribute.attr in _ATTRIBUTES:
            use = Use(attribute, _ATTRIBUTES[attribute.attr])
            self._check_headers(attribute, outer, scope)
        else:
            raise Refused(f"`.{attribute.attr}` has no plain equivalent")
        if "await" in use.form and not can_await_at(use.node, scope):
            raise Refused(f"`.{attribute.attr}` stands where nothing can be awaited")
        return use

    @staticmethod
    def _check_headers(attribute: ast.Attribute, outer: ast.AST | None, scope: Scope) -> None:
        """Refuse all but single headers, which are the same in both libraries."""
        if attribute.attr != "headers":
            return
        key: ast.expr | None = None
        if isinstance(outer, ast.Subscript):
            key = outer.slice
        elif isinstance(outer, ast.Attribute) and outer.attr == "get":
            call = scope.facts.parents.get(outer)
            key = call.args[0] if isinstance(call, ast.Call) and call.args else None
        elif isinstance(outer, ast.Compare) and isinstance(outer.ops[-1], (ast.In, ast.NotIn)):
            return
        name = key.value if isinstance(key, ast.Constant) else None
        if not isinstance(name, str) or name.lower() not in _SINGLE_HEADERS:
            raise Refused("`.headers` may hold several of a name")

    def _check_fall_through(self, name: str, statement: ast.stmt, scope: Scope) -> None:
        """Refuse where the name is looked at after a failure, which may have left it bound now."""
        for outer in enclosing(statement, scope):
            if not isinstance(outer, ast.Try) or not is_within(statement, outer.body):
                continue
            inside = {id(n) for s in [*outer.body, *outer.orelse] for n in ast.walk(s)}
            after = [
                n
                for n in scope.facts.names
                if n.id == name and id(n) not in inside and isinstance(n.ctx, ast.Load)
            ]
            in_handlers = {id(n) for part in [*outer.handlers, *outer.finalbody] for n in ast.walk(part)}
            falls = [h for h in outer.handlers if not _leaves(h.body)]
            if after and (falls or any(id(n) in in_handlers for n in after)):
                raise Refused(f"`{name}` is looked at after a failure")


def _arguments(call: ast.Call, function: str) -> tuple[str, dict[str, ast.expr]]:
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


def check_alone(statement: ast.stmt, scope: Scope) -> None:
    """Refuse where the statement shares a line with another, or with the head of its block.

    Raises:
        Refused: there.
    """
    parent = scope.facts.parents.get(statement)
    lines = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
    for block in ("body", "orelse", "finalbody"):
        for other in getattr(parent, block, ()):
            if other is not statement and (other.lineno in lines or other.end_lineno in lines):
                raise Refused("its statement shares its line")
    start = scope.module.lines[statement.lineno - 1].encode()[: statement.col_offset]
    if start.strip():
        raise Refused("its statement shares its line")


def fresh_name(name: str, scope: Scope) -> str:
    """``name``, or a variation of it that the scope and its module don't use."""
    used = {n.id for n in scope.facts.names} | set(scope.bindings) | set(scope.module.scope.bindings)
    for nested in scope.functions():
        used |= {n.id for n in nested.facts.names}
    candidates = (name, f"http_{name}", *(f"{name}_{i}" for i in range(2, 100)))
    return next((c for c in candidates if c not in used), f"{name}_")


def _is_header(node: ast.expr, scope: Scope) -> bool:
    """Whether a header's value is sent alike: requests refuses line breaks, and sends Latin-1 instead of UTF-8."""
    return (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(_HEADER.fullmatch(node.value))
    )


def _is_false(node: ast.expr | None) -> bool:
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


def _leaves(block: list[ast.stmt]) -> bool:
    """Whether the end of ``block`` is never reached."""
    last = block[-1]
    if isinstance(last, (ast.Return, ast.Raise, ast.Continue, ast.Break)):
        return True
    if isinstance(last, ast.If) and last.orelse:
        return _leaves(last.body) and _leaves(last.orelse)
    return False
