"""Which ``requests`` calls have a plain aiohttp equivalent, written inline, and what becomes of the response.

What could make a difference that the README doesn't list is refused with a reason, and left to the helper
``over_aiohttp``.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from rasa_asyncify.calls.definite import is_function
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.flow.positions import can_await_at, enclosing, is_within
from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.native.for_requests.arguments import RequestArguments, is_false, read_arguments
from rasa_asyncify.native.strategy import Plans, Refused
from rasa_asyncify.project.model import Function, Scope

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
        self.arguments = RequestArguments()
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
        method, arguments = read_arguments(call, verb)
        skipped = int(verb == "request" and all(k.arg != "method" for k in call.keywords))
        self.arguments.check(method, arguments, site.scope)
        timeout = self.arguments.timeout(arguments.get("timeout"), site.scope)
        redirects = method != "head" and not is_false(arguments.get("allow_redirects"))
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


def _leaves(block: list[ast.stmt]) -> bool:
    """Whether the end of ``block`` is never reached."""
    last = block[-1]
    if isinstance(last, (ast.Return, ast.Raise, ast.Continue, ast.Break)):
        return True
    if isinstance(last, ast.If) and last.orelse:
        return _leaves(last.body) and _leaves(last.orelse)
    return False
