"""Which ``requests`` calls have an aiohttp equivalent that is surely the same, and what becomes of the response.

The differences between the two are listed in the README; each test here stands for one of them. What isn't plain is
refused with a reason, and goes to an executor.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from rasa_asyncify.analysis.places import can_await_at, enclosing
from rasa_asyncify.analysis.sites import Site
from rasa_asyncify.project.inference import Inference
from rasa_asyncify.project.model import Assigned, Function, Scope

_VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "options"})
_WITH_BODY = frozenset({"post", "put", "patch"})
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


class Refused(Exception):
    """The call has no equivalent that is surely the same; the message says why."""


@dataclass(frozen=True)
class Use:
    """One use of the response: the expression that changes, and its new form."""

    node: ast.expr
    form: str


@dataclass(frozen=True)
class FetchPlan:
    """How one call becomes an aiohttp request. ``response`` is None where the code didn't name it."""

    statement: ast.stmt
    call: ast.Call
    method: str
    response: str | None
    timeout: tuple[str, str] | None
    skipped: int
    content: str | None = None
    uses: tuple[Use, ...] = field(default=())

    @property
    def decodes(self) -> bool:
        """Whether the body is read as JSON."""
        return any(use.form.startswith("json.") for use in self.uses)


class FetchPlanner:
    """Plans one call at a time; the calls that name the same response are planned alike or not at all."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self._known: dict[Site, FetchPlan | Refused] = {}

    def plan(self, site: Site) -> FetchPlan:
        """The plan for a site whose native replacement is aiohttp.

        Raises:
            Refused: where the result might differ.
        """
        known = self._known.get(site)
        if known is None:
            try:
                known = self._plan(site)
            except Refused as refused:
                known = refused
            self._known[site] = known
        if isinstance(known, Refused):
            raise known
        return known

    def _plan(self, site: Site) -> FetchPlan:
        call = site.node
        assert isinstance(call, ast.Call)
        function = site.scope.function
        if function is None:
            raise Refused("it stands outside of a function")
        verb = site.blockers[0].rpartition(".")[2]
        method, arguments = _arguments(call, verb)
        skipped = int(verb == "request" and all(k.arg != "method" for k in call.keywords))
        self._check_arguments(method, arguments, site.scope)
        timeout = self._timeout(arguments.get("timeout"), site.scope)
        statement = site.scope.facts.parents.get(call)
        if isinstance(statement, ast.Expr):
            self._check_statement(statement, site.scope)
            return FetchPlan(statement, call, method, None, timeout, skipped)
        if (
            not isinstance(statement, ast.Assign)
            or len(statement.targets) != 1
            or not isinstance(statement.targets[0], ast.Name)
        ):
            raise Refused("the call is part of a larger expression")
        self._check_statement(statement, site.scope)
        name = statement.targets[0].id
        content = fresh_name("content", site.scope)
        uses = self._uses(name, function, site, content)
        self._check_fall_through(name, statement, site.scope)
        bound = content if any(use.form == content for use in uses) else None
        return FetchPlan(statement, call, method, name, timeout, skipped, bound, uses)

    # -- arguments ---------------------------------------------------------------

    def _check_arguments(self, method: str, arguments: dict[str, ast.expr], scope: Scope) -> None:
        for name, value in arguments.items():
            if name not in _KEYWORDS:
                raise Refused(f"`{name}=` has no plain equivalent")
            if name == "headers" and not _is_none(value) and not self._plain_dict(value, scope, text=True):
                raise Refused("`headers=` may hold None")
            if name == "params" and not _is_none(value) and not self._plain_dict(value, scope, text=False):
                raise Refused("`params=` may hold what aiohttp doesn't take")
            if name == "data" and not self._plain_dict(value, scope, text=True):
                raise Refused("`data=` may be something other than a form of texts")
            if name == "json" and not self._is_display(value, scope):
                raise Refused("`json=` may be None")
            if name == "allow_redirects" and not isinstance(value, ast.Constant):
                raise Refused("`allow_redirects=` isn't a literal")
        if isinstance(arguments.get("data"), ast.Dict) and not getattr(arguments["data"], "keys", ()):
            raise Refused("aiohttp names a content type for an empty form")
        if not self._is_url(arguments["url"], scope):
            raise Refused("the URL may be None")
        if "data" in arguments and "json" in arguments:
            raise Refused("`data=` and `json=` are both given")
        if method in _WITH_BODY and not {"data", "json"} & set(arguments):
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
        """Whether a URL isn't just what some call gave, which may be None: an empty slot."""
        values = self._values(node, scope) or [node]
        return all(
            self._is_text(v, scope, numbers=False)
            or isinstance(v, (ast.Name, ast.Attribute, ast.BinOp, ast.Subscript))
            for v in values
        )

    def _is_display(self, node: ast.expr, scope: Scope) -> bool:
        values = self._values(node, scope)
        return bool(values) and all(isinstance(v, (ast.Dict, ast.List, ast.ListComp)) for v in values)

    def _plain_dict(self, node: ast.expr, scope: Scope, *, text: bool) -> bool:
        values = self._values(node, scope)
        return bool(values) and all(
            isinstance(v, ast.Dict)
            and all(isinstance(k, ast.Constant) and isinstance(k.value, str) for k in v.keys)
            and all(self._is_text(x, scope, numbers=not text) for x in v.values)
            for v in values
        )

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

    def _check_statement(self, statement: ast.stmt, scope: Scope) -> None:
        parent = scope.facts.parents.get(statement)
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(parent, block, None)
            if isinstance(statements, list) and statement in statements:
                alone = sum(s.lineno == statement.lineno for s in statements) == 1
                ends = sum(s.end_lineno == statement.lineno for s in statements if s is not statement) == 0
                line = scope.module.lines[statement.lineno - 1]
                if alone and ends and not line[: _column(line, statement)].strip():
                    return
        raise Refused("the statement shares its line")

    def _uses(self, name: str, function: Function, site: Site, content: str) -> tuple[Use, ...]:
        facts = function.facts
        if name in facts.outer:
            raise Refused(f"`{name}` is a global")
        for nested in function.scope.functions():
            if any(n.id == name for n in nested.facts.names):
                raise Refused(f"`{name}` is used in a nested function")
        for binding in facts.bindings.get(name, []):
            if not isinstance(binding, Assigned) or not self._is_fetch(binding.value, site):
                raise Refused(f"`{name}` is bound to other things as well")
        found = []
        for node in facts.names:
            if node.id == name and isinstance(node.ctx, ast.Load):
                found.append(self._use(node, function.scope, content))
            elif node.id == name and isinstance(node.ctx, ast.Del):
                raise Refused(f"`{name}` is deleted")
        return tuple(found)

    def _is_fetch(self, node: ast.expr, site: Site) -> bool:
        if node is site.node:
            return True
        if not isinstance(node, ast.Call):
            return False
        return ast.unparse(node.func).rpartition(".")[2] in (*_VERBS, "request") and any(
            getattr(v, "name", "").startswith("requests.")
            for v in self.inference.infer(node.func, site.scope)
        )

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
            self._check_headers(attribute, outer)
        else:
            raise Refused(f"`.{attribute.attr}` has no plain equivalent")
        if "await" in use.form and not can_await_at(use.node, scope):
            raise Refused(f"`.{attribute.attr}` stands where nothing can be awaited")
        return use

    @staticmethod
    def _check_headers(attribute: ast.Attribute, outer: ast.AST | None) -> None:
        if attribute.attr != "headers":
            return
        plain = (
            (isinstance(outer, ast.Subscript) and outer.value is attribute)
            or (isinstance(outer, ast.Attribute) and outer.attr == "get")
            or (isinstance(outer, ast.Compare) and isinstance(outer.ops[-1], (ast.In, ast.NotIn)))
        )
        if not plain:
            raise Refused("`.headers` itself is passed on")

    def _check_fall_through(self, name: str, statement: ast.stmt, scope: Scope) -> None:
        """Refuse where the name is looked at after a failure, which may have left it bound now."""
        for outer in enclosing(statement, scope):
            if not isinstance(outer, ast.Try) or not _within(statement, outer.body):
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


def fresh_name(name: str, scope: Scope) -> str:
    """``name``, or a variation of it that the scope and its module don't use."""
    used = {n.id for n in scope.facts.names} | set(scope.bindings) | set(scope.module.scope.bindings)
    for nested in scope.functions():
        used |= {n.id for n in nested.facts.names}
    candidates = (name, f"http_{name}", *(f"{name}_{i}" for i in range(2, 100)))
    return next((c for c in candidates if c not in used), f"{name}_")


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_str(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_seconds(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, (int, float))
        and not isinstance(node.value, bool)
    )


def _column(line: str, node: ast.stmt) -> int:
    return len(line.encode("utf-8")[: node.col_offset].decode("utf-8", "ignore"))


def _within(statement: ast.stmt, block: list[ast.stmt]) -> bool:
    return any(statement is node for outer in block for node in ast.walk(outer))


def _leaves(block: list[ast.stmt]) -> bool:
    """Whether the end of ``block`` is never reached."""
    last = block[-1]
    if isinstance(last, (ast.Return, ast.Raise, ast.Continue, ast.Break)):
        return True
    if isinstance(last, ast.If) and last.orelse:
        return _leaves(last.body) and _leaves(last.orelse)
    return False
