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
from rasa_asyncify.project.model import FUNCTION_NODES, Class, Function, Parameter, Scope
from rasa_asyncify.project.values import Instance, OwnClass

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
        self._attributes: set[tuple[Class, str]] = set()
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
        if isinstance(parent, ast.Expr) or _is_none_check(parent):
            return
        if isinstance(parent, ast.Await):
            self._used(parent, scope)
        elif isinstance(parent, ast.Attribute):
            self._attribute(parent, node, scope)
        elif isinstance(parent, ast.Assign) and parent.value is node:
            self._assigned(parent, text, scope)
        elif isinstance(parent, (ast.List, ast.Tuple)):
            self._kept(parent, scope)
        elif isinstance(parent, ast.AnnAssign) and isinstance(parent.target, ast.Name):
            self._variable(parent.target, scope)
        elif isinstance(parent, ast.withitem) and isinstance(parent.optional_vars, ast.Name):
            self._variable(parent.optional_vars, scope)
        elif isinstance(parent, ast.Return):
            self._returned(scope)
        elif isinstance(parent, (ast.Call, ast.keyword)):
            self._argument(node, parent, scope)
        elif isinstance(parent, ast.FormattedValue):
            if not _is_shown(parent, scope):
                raise Refused(f"{text} itself is shown")
        else:
            raise Refused(f"{text} itself is passed on")

    def _assigned(self, statement: ast.Assign, text: str, scope: Scope) -> None:
        target = statement.targets[0]
        if len(statement.targets) == 1 and isinstance(target, ast.Name):
            self._variable(target, scope)
        elif len(statement.targets) == 1 and isinstance(target, ast.Attribute):
            self._attribute_of_self(target, scope)
        else:
            raise Refused(f"{text} is stored")

    def _variable(self, target: ast.Name, scope: Scope) -> None:
        """Follow what is bound to a variable, as far as the same bindings reach."""
        name = target.id
        if name in scope.facts.outer:
            raise Refused(f"`{name}` is a global")
        bindings = scope.facts.bindings.get(name, [])
        if not all(isinstance(binding, (Assigned, Entered, Item)) for binding in bindings):
            self._whole_variable(name, scope)
            return
        self._names(self._web(target, scope), scope)

    def _web(self, name: ast.Name, scope: Scope) -> list[ast.Name]:
        """All names that the same bindings reach; none where they were followed already."""
        assert isinstance(scope.node, FUNCTION_NODES)
        lives = webs(scope.node)
        web = lives.get(name, name)
        if web in self._variables:
            return []
        self._variables.add(web)
        return [n for n in scope.facts.names if lives.get(n, n) is web]

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
        if nodes:
            _check_not_nested(nodes[0].id, scope)
        for node in nodes:
            if isinstance(node.ctx, ast.Store):
                self._bound(node, scope)
            elif isinstance(node.ctx, ast.Del):
                raise Refused(f"`{node.id}` is deleted")
            else:
                self._used(node, scope)

    def _bound(self, target: ast.Name, scope: Scope) -> None:
        """See to it that what a name gets is a response: by an assignment, or one after the other from a list."""
        parent = scope.facts.parents.get(target)
        if isinstance(parent, (ast.For, ast.comprehension)) and parent.target is target:
            self._container(parent.iter, scope)
        else:
            self._value(_bound_to(target, scope), scope)

    # -- lists and attributes ---------------------------------------------------------------

    def _kept(self, display: ast.List | ast.Tuple, scope: Scope) -> None:
        """Follow a list of responses: it has to be a variable's."""
        statement = scope.facts.parents.get(display)
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if (
            not isinstance(target, ast.Name)
            or not isinstance(statement, ast.Assign)
            or len(statement.targets) > 1
        ):
            raise Refused("the response is stored")
        self._container(target, scope)

    def _container(self, node: ast.expr, scope: Scope) -> None:
        """Follow all that is done with a list of responses, which a variable of a function holds."""
        bindings = scope.bindings.get(node.id, []) if isinstance(node, ast.Name) else []
        if (
            not isinstance(node, ast.Name)
            or not bindings
            or not all(isinstance(b, Assigned) for b in bindings)
        ):
            raise Refused("the response is stored")
        _check_not_nested(node.id, scope)
        for name in self._web(node, scope):
            if isinstance(name.ctx, ast.Store):
                self._items(_bound_to(name, scope), scope)
            else:
                self._container_used(name, scope)

    def _items(self, value: ast.expr, scope: Scope) -> None:
        if not isinstance(value, (ast.List, ast.Tuple)):
            raise Refused("the response is stored among other things")
        for item in value.elts:
            self._value(item, scope)

    def _container_used(self, name: ast.Name, scope: Scope) -> None:
        parents = scope.facts.parents
        parent = parents.get(name)
        if isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Load):
            if isinstance(parent.slice, ast.Slice):
                raise Refused(f"`{name.id}` is cut")
            self._used(parent, scope)
        elif isinstance(parent, (ast.For, ast.comprehension)) and isinstance(parent.target, ast.Name):
            self._variable(parent.target, scope)
        elif isinstance(parent, ast.Attribute) and parent.attr == "append":
            call = parents.get(parent)
            if not isinstance(call, ast.Call) or len(call.args) != 1:
                raise Refused(f"`{name.id}` is passed on")
            self._value(call.args[0], scope)
        elif not (isinstance(parent, ast.Call) and last_name(parent.func) == "len"):
            raise Refused(f"`{name.id}` is passed on")

    def _attribute_of_self(self, target: ast.Attribute, scope: Scope) -> None:
        """Follow what a class of the project keeps under an attribute."""
        function = scope.function
        owner = function.owner if function is not None else None
        if owner is None or not _is_self(target.value, scope):
            raise Refused("the response is stored")
        key = (owner, target.attr)
        if key in self._attributes:
            return
        family = owner.relatives()
        self._attributes.update((cls, target.attr) for cls in family)
        for cls in family:
            for value, where in cls.stored.get(target.attr, []):
                self._value(value, where)
            for binding in cls.scope.bindings.get(target.attr, []):
                if not isinstance(binding, Assigned):
                    raise Refused(f"`.{target.attr}` is something else as well")
                self._value(binding.value, cls.scope)
        for where in self.graph.scopes():
            if target.attr in where.module.source.text:
                self._loads(target.attr, family, where)

    def _loads(self, name: str, family: list[Class], scope: Scope) -> None:
        """Follow the reads of an attribute in one scope."""
        function = scope.function
        for node in scope.facts.parents:
            if not isinstance(node, ast.Attribute) or node.attr != name:
                continue
            if function is not None and function.owner in family and _is_self(node.value, scope):
                if isinstance(node.ctx, ast.Load):
                    self._used(node, scope)
                elif not isinstance(scope.facts.parents.get(node), ast.Assign):
                    raise Refused(f"`.{name}` is set otherwise")
            elif not self._is_anothers(node.value, family, scope):
                raise Refused(f"`.{name}` is used elsewhere")

    def _is_anothers(self, node: ast.expr, family: list[Class], scope: Scope) -> bool:
        """Whether an object surely is of another class."""
        values = self.graph.inference.infer(node, scope)
        return bool(values) and not any(
            isinstance(v, (Instance, OwnClass)) and v.cls in family for v in values
        )

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
        if last_name(call.func) == "append" and isinstance(call.func, ast.Attribute):
            self._container(call.func.value, scope)
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
        elif isinstance(node, ast.Subscript):
            self._container(node.value, scope)
        elif isinstance(node, ast.Attribute):
            self._attribute_of_self(node, scope)
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


def _check_not_nested(name: str, scope: Scope) -> None:
    if any(n.id == name for nested in scope.functions() for n in nested.facts.names):
        raise Refused(f"`{name}` is used in a nested function")


def _is_self(node: ast.expr, scope: Scope) -> bool:
    function = scope.function
    return function is not None and isinstance(node, ast.Name) and node.id == function.self_name


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
