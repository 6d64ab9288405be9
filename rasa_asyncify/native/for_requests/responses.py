"""Where the response of a request goes, and what each use of it is with aiohttp.

A response is followed through variables, through what functions of the project return, and into their parameters. All
its uses change with it, so all must have an equal, and all places that a variable has its value from must be such
requests (or None).
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.call_graph.value_uses import ValueUses
from rasa_asyncify.flow.definitions import webs
from rasa_asyncify.flow.positions import can_await_at, enclosing
from rasa_asyncify.native.for_requests.known_values import argument_for, is_constant, parameters_of
from rasa_asyncify.native.strategy import Refused
from rasa_asyncify.project.bindings import Assigned, Entered, Item, last_name
from rasa_asyncify.project.model import FUNCTION_NODES, Function, Parameter, Scope

CONTENT = "content"
_JSON = "await {}.json(content_type=None)"
_CHECKED_JSON = 'json.loads(await {}.text(errors="replace"))'
# The form that each use of a response takes; "{}" is the response.
_ATTRIBUTES = {
    "status_code": "{}.status",
    "ok": "{}.ok",
    "reason": "{}.reason",
    "headers": "{}.headers",
    "url": "str({}.url)",
    "text": 'await {}.text(errors="replace")',
    "content": CONTENT,
}
_SHOWING = frozenset("print debug info warning warn error exception critical log".split())
_MAX_FLOW = 200


@dataclass(frozen=True)
class Use:
    """One use of a response: the expression that changes, its scope, and its new form."""

    node: ast.expr
    scope: Scope
    form: str

    @property
    def decodes(self) -> bool:
        """Whether the body is read as JSON."""
        return "json" in self.form

    @property
    def may_raise(self) -> bool:
        return self.decodes or "raise_for" in self.form


@dataclass(eq=False)
class Flow:
    """All ``requests`` whose responses may meet in one place, and all ``uses`` of these.

    ``functions`` return such responses or are given them.
    """

    requests: dict[ast.Call, Scope] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)
    functions: dict[Function, None] = field(default_factory=dict)

    def is_in(self, scope: Scope) -> bool:
        """Whether all of it happens in one scope."""
        return all(s is scope for s in [*self.requests.values(), *(use.scope for use in self.uses)])


class Flows:
    """Follows responses. ``is_request`` tells whether a call is one; ``is_checked`` whether a failure is caught."""

    def __init__(
        self,
        graph: Graph,
        request_at: Callable[[ast.Call, Scope], bool],
        is_checked: Callable[[ast.AST, Scope], bool],
    ) -> None:
        self.graph = graph
        self.request_at = request_at
        self.is_checked = is_checked

    @cached_property
    def passed_on(self) -> frozenset[Function]:
        """The functions that are used in other ways than by calling them."""
        return frozenset(ValueUses(self.graph).uses_as_value(set(self.graph.reached)))

    def of(self, call: ast.Call, scope: Scope) -> Flow:
        """Where the response of a request goes.

        Raises:
            Refused: where one of its uses has no equal, or isn't seen.
        """
        return _Follower(self).follow(call, scope)


class _Follower:
    def __init__(self, flows: Flows) -> None:
        self.flows = flows
        self.graph = flows.graph
        self.request_at = flows.request_at
        self.is_checked = flows.is_checked
        self.flow = Flow()
        self._variables: set[ast.AST] = set()
        self._parameters: set[Parameter] = set()
        self._seen: set[ast.AST] = set()

    def follow(self, call: ast.Call, scope: Scope) -> Flow:
        self._request(call, scope)
        return self.flow

    def _request(self, call: ast.Call, scope: Scope) -> None:
        if call not in self.flow.requests:
            self.flow.requests[call] = scope
            self._used(call, scope)

    # -- forwards: what becomes of a response ---------------------------------------------------------------

    def _used(self, node: ast.expr, scope: Scope) -> None:
        """Follow what is done with the response that ``node`` gives."""
        if node in self._seen:
            return
        self._seen.add(node)
        if len(self._seen) > _MAX_FLOW:
            raise Refused("the response goes too far")
        parent = scope.facts.parents.get(node)
        text = _named(node)
        if isinstance(parent, (ast.Expr, ast.Await)):
            if isinstance(parent, ast.Await):
                self._used(parent, scope)
        elif isinstance(parent, ast.Attribute):
            self._attribute(parent, node, scope)
        elif isinstance(parent, ast.Assign) and parent.value is node:
            if len(parent.targets) != 1 or not isinstance(parent.targets[0], ast.Name):
                raise Refused(f"{text} is stored")
            self._variable(parent.targets[0], scope)
        elif isinstance(parent, ast.AnnAssign) and isinstance(parent.target, ast.Name):
            self._variable(parent.target, scope)
        elif isinstance(parent, ast.withitem) and isinstance(parent.optional_vars, ast.Name):
            self._variable(parent.optional_vars, scope)
        elif isinstance(parent, ast.Return):
            self._returned(scope)
        elif isinstance(parent, (ast.Call, ast.keyword)):
            self._argument(node, parent, scope)
        elif isinstance(parent, ast.FormattedValue) or _is_none_check(parent):
            if isinstance(parent, ast.FormattedValue) and not _is_shown(parent, scope):
                raise Refused(f"{text} itself is shown")
        else:
            raise Refused(f"{text} itself is passed on")

    def _variable(self, target: ast.Name, scope: Scope) -> None:
        """Follow what is bound to a variable, as far as the same bindings reach."""
        name = target.id
        assert isinstance(scope.node, FUNCTION_NODES)
        if name in scope.facts.outer:
            raise Refused(f"`{name}` is a global")
        bindings = scope.facts.bindings.get(name, [])
        if not all(isinstance(binding, (Assigned, Entered, Item)) for binding in bindings):
            self._whole_variable(name, scope)
            return
        lives = webs(scope.node)
        web = lives.get(target, target)
        if web not in self._variables:
            self._variables.add(web)
            self._names([n for n in scope.facts.names if lives.get(n, n) is web], scope)

    def _whole_variable(self, name: str, scope: Scope) -> None:
        """Follow all that a name is bound to, a parameter or not."""
        parameters = [b for b in scope.facts.bindings.get(name, []) if isinstance(b, Parameter)]
        if not parameters:
            raise Refused(f"`{name}` is bound to something else as well")
        if parameters[0] not in self._parameters:
            self._parameters.add(parameters[0])
            self._parameter(parameters[0])
            self._names([n for n in scope.facts.names if n.id == name], scope)

    def _names(self, nodes: list[ast.Name], scope: Scope) -> None:
        """Follow the bindings and the uses of a variable."""
        name = nodes[0].id if nodes else ""
        for nested in scope.functions():
            if any(n.id == name for n in nested.facts.names):
                raise Refused(f"`{name}` is used in a nested function")
        for node in nodes:
            if isinstance(node.ctx, ast.Store):
                self._value(_bound_to(node, scope), scope)
            elif isinstance(node.ctx, ast.Del):
                raise Refused(f"`{name}` is deleted")
            else:
                self._used(node, scope)

    def _returned(self, scope: Scope) -> None:
        """Follow what a function returns to all that call it."""
        function = scope.function
        if function is None:
            raise Refused("it stands outside of a function")
        if function in self.flow.functions:
            return
        self._enter(function)
        for statement in function.facts.returns:
            if statement.value is not None:
                self._value(statement.value, scope)
        callers = self.graph.callers.get(function, [])
        if not callers or function in self.graph.entered:
            raise Refused("the response is returned to something that isn't seen")
        for site in callers:
            if not isinstance(site.node, ast.Call) or any(t is not function for t in site.targets):
                raise Refused("the response is returned to one of several callers")
            if site.scope.module.is_test and not isinstance(
                site.scope.facts.parents.get(site.node), ast.Expr
            ):
                raise Refused(f"a test takes the response of {function.qualname}()")
            self._used(site.node, site.scope)

    def _enter(self, function: Function) -> None:
        """Note a function that has to do with responses, if it is one that can change with all its callers."""
        self.flow.functions[function] = None
        if function.node.decorator_list and not (function.is_static or function.is_class_method):
            raise Refused(f"{function.qualname}() is decorated")
        if function.is_generator or function.parent.function is not None:
            raise Refused(f"{function.qualname}() isn't a plain function")
        if function in self.flows.passed_on:
            raise Refused(f"{function.qualname}() is passed on")

    def _argument(self, node: ast.expr, parent: ast.AST, scope: Scope) -> None:
        """Follow a response that is given to a function of the project."""
        call = scope.facts.parents.get(parent) if isinstance(parent, ast.keyword) else parent
        assert isinstance(call, ast.Call)
        if call.func is node:
            raise Refused("the response is called")
        if last_name(call.func) in _SHOWING:
            return
        targets = self._targets(call, scope)
        if len(targets) != 1 or targets[0].is_async:
            raise Refused(f"{_named(node)} itself is passed on")
        function = targets[0]
        for parameter in parameters_of(function):
            if argument_for(call, parameter) is node:
                if function not in self.flow.functions:
                    self._enter(function)
                self._whole_variable(parameter.name, function.scope)
                return
        raise Refused(f"{_named(node)} itself is passed on")

    def _targets(self, call: ast.Call, scope: Scope) -> tuple[Function, ...]:
        return next((s.targets for s in self.graph.finder.sites(scope) if s.node is call), ())

    # -- backwards: where else a variable has its value from --------------------------------------------------

    def _value(self, node: ast.expr, scope: Scope) -> None:
        """See to it that ``node`` gives such a response, or None."""
        if is_constant(node, None):
            return
        if isinstance(node, ast.Await):
            self._value(node.value, scope)
        elif isinstance(node, ast.Name):
            self._variable(node, scope)
        elif isinstance(node, ast.Call) and self.request_at(node, scope):
            self._request(node, scope)
        elif isinstance(node, ast.Call) and len(targets := self._targets(node, scope)) == 1:
            if not targets[0].is_async and any(r.value is not None for r in targets[0].facts.returns):
                self._returned(targets[0].scope)
            else:
                raise Refused("the response has other sources as well")
        else:
            raise Refused("the response has other sources as well")

    def _parameter(self, parameter: Parameter) -> None:
        function = parameter.function
        callers = self.graph.callers.get(function, [])
        if parameter.star or not callers or function in self.graph.entered:
            raise Refused(f"`{parameter.name}` may be something else")
        for site in callers:
            argument = argument_for(site.node, parameter) if isinstance(site.node, ast.Call) else None
            if argument is not None:
                self._value(argument, site.scope)
            elif parameter.default is None:
                raise Refused(f"`{parameter.name}` may be something else")
        if parameter.default is not None:
            self._value(parameter.default, function.parent)

    # -- one use ---------------------------------------------------------------

    def _attribute(self, attribute: ast.Attribute, node: ast.expr, scope: Scope) -> None:
        parents = scope.facts.parents
        name = attribute.attr
        around = enclosing(node, scope)
        if any(isinstance(p, ast.Lambda) for p in around):
            raise Refused(f"{_named(node)} is used in a lambda")
        if sum(isinstance(p, ast.JoinedStr) for p in around) > 1:
            raise Refused(f"{_named(node)} is used in a nested f-string")
        if not isinstance(attribute.ctx, ast.Load):
            raise Refused(f"`.{name}` is set")
        outer = parents.get(attribute)
        called = isinstance(outer, ast.Call) and outer.func is attribute
        if called and name in ("json", "raise_for_status", "close"):
            assert isinstance(outer, ast.Call)
            if outer.args or outer.keywords:
                raise Refused(f"`.{name}()` has arguments")
            self._add(outer, scope, self._form(name, outer, scope))
        elif not called and name in _ATTRIBUTES:
            _check_headers(attribute, outer, scope)
            self._add(attribute, scope, _ATTRIBUTES[name])
        else:
            raise Refused(f"`.{name}` has no plain equivalent")

    def _form(self, method: str, call: ast.Call, scope: Scope) -> str:
        if method != "json":
            return f"{{}}.{method}()"
        return _CHECKED_JSON if self.is_checked(call, scope) else _JSON

    def _add(self, node: ast.expr, scope: Scope, form: str) -> None:
        if "await" in form and not can_await_at(node, scope):
            raise Refused("the response is read where nothing can be awaited")
        self.flow.uses.append(Use(node, scope, form))


def _bound_to(target: ast.Name, scope: Scope) -> ast.expr:
    """The value that a name gets.

    Raises:
        Refused: where it's no assignment of one value to one name.
    """
    parent = scope.facts.parents.get(target)
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
        return parent.value
    if isinstance(parent, ast.AnnAssign) and parent.value is not None:
        return parent.value
    if isinstance(parent, ast.withitem):
        return parent.context_expr
    raise Refused(f"`{target.id}` is bound to something else as well")


def _named(node: ast.expr) -> str:
    return f"`{node.id}`" if isinstance(node, ast.Name) else "the response"


def _is_none_check(node: ast.AST | None) -> bool:
    return (
        isinstance(node, ast.Compare)
        and all(is_constant(n, None) or isinstance(n, ast.Name) for n in (node.left, *node.comparators))
        and any(is_constant(n, None) for n in (node.left, *node.comparators))
    )


def _is_shown(node: ast.AST, scope: Scope) -> bool:
    """Whether an f-string only goes to the log or the console."""
    return any(isinstance(p, ast.Call) and last_name(p.func) in _SHOWING for p in enclosing(node, scope))


def _check_headers(attribute: ast.Attribute, outer: ast.AST | None, scope: Scope) -> None:
    """Refuse headers as a whole: those of aiohttp are other objects."""
    if attribute.attr != "headers":
        return
    is_looked_up = isinstance(outer, ast.Subscript) or (
        isinstance(outer, ast.Attribute) and outer.attr == "get"
    )
    if not is_looked_up and not (
        isinstance(outer, ast.Compare) and isinstance(outer.ops[-1], (ast.In, ast.NotIn))
    ):
        raise Refused("`.headers` as a whole is another object")
