"""What may stand under a function's name: methods of relatives, and whatever is assigned in their place.

A call that is awaited has to find a coroutine function, whichever class or module it is looked up in. What is assigned
(``execute = lambda self: ...``, ``Child.execute = other``, ``setattr(Child, "execute", f)``) may be none.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property

from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.project.bindings import Annotated, Assigned, Imported, Opaque, last_name
from rasa_asyncify.project.model import Binding, Class, Function, Scope
from rasa_asyncify.project.values import Instance, OwnClass, OwnFunction, OwnModule, Values


class Overrides:
    """Answers for the functions of a project."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self._known: dict[Function, str | None] = {}

    def methods(self, function: Function) -> list[Function]:
        """The methods of relatives that share the function's name."""
        if function.owner is None or function.name.startswith("__"):
            return []
        found = [cls.method(function.name) for cls in family(function.owner)]
        return [m for m in found if m is not None]

    def obstacle(self, function: Function) -> str | None:
        """What else may stand under the function's name, so that awaiting it might fail; None: only functions."""
        if function not in self._known:
            self._known[function] = next(self._others(function), None)
        return self._known[function]

    def _others(self, function: Function) -> Iterator[str]:
        if function.name.startswith("__"):
            return
        if function.owner is None:
            yield from self._beside(function.parent, function)
        for cls in family(function.owner) if function.owner is not None else ():
            yield from self._beside(cls.scope, function)
            for value, scope in cls.stored.get(function.name, ()):
                yield from self._put(value, scope, function)
        for target, value, scope in self.inference.additions.stores(function.name):
            # What tests replace is known by `patches`.
            if not scope.module.is_test and self._may_hold(target, scope, function):
                yield from self._put(value, scope, function)
        for call, scope in self._made_by_type[function.name]:
            if self._may_derive(call, scope, function):
                yield _said(call, scope)
        for target, scope in self._unnamed:
            if function.owner is not None and self._is_class_of(target, scope, function.owner):
                yield _said(target, scope)

    # -- bindings of the class's or module's own code ---------------------------------------------------------------

    def _beside(self, scope: Scope, function: Function) -> Iterator[str]:
        """What the scope binds the name to, other than by ``def``."""
        for binding in scope.bindings.get(function.name, ()):
            if isinstance(binding, (Function, Annotated)):
                continue
            yield from self._bound(binding, scope, function)

    def _bound(self, binding: Binding, scope: Scope, function: Function) -> Iterator[str]:
        where = f"{scope.module.path.name} binds `{function.name}` to something else as well"
        if isinstance(binding, Assigned):
            yield from self._put(binding.value, scope, function)
        elif isinstance(binding, Imported):
            target = self.inference.project.resolve_import(binding, scope.module)
            if target is not function:
                yield where
        elif not isinstance(binding, Opaque):
            yield where

    def _put(self, value: ast.expr, scope: Scope, function: Function) -> Iterator[str]:
        """The place where a value is put under the name, unless it is the function, or can't be called."""
        if isinstance(value, (ast.Constant, ast.List, ast.Dict, ast.Set, ast.Tuple, ast.JoinedStr)):
            return
        values = self.inference.infer(value, scope)
        if not values or not all(isinstance(v, OwnFunction) and v.function is function for v in values):
            yield _said(value, scope)

    # -- assignments from outside ---------------------------------------------------------------

    @cached_property
    def _unnamed(self) -> list[tuple[ast.expr, Scope]]:
        """The objects that get attributes whose names reading doesn't tell: ``setattr(cls, name, value)``."""
        return [
            (call.args[0], scope)
            for scope in self._scopes()
            for call in scope.facts.calls
            if last_name(call.func) == "setattr" and len(call.args) == 3
            if not isinstance(call.args[1], ast.Constant)
        ]

    @cached_property
    def _made_by_type(self) -> dict[str, list[tuple[ast.Call, Scope]]]:
        """By the name of a member: the calls of ``type(name, bases, members)``."""
        found: dict[str, list[tuple[ast.Call, Scope]]] = defaultdict(list)
        for scope in self._scopes():
            for call in scope.facts.calls:
                for name, _ in members(call):
                    found[name].append((call, scope))
        return found

    def _scopes(self) -> Iterator[Scope]:
        for module in self.inference.project.connected:
            if not module.is_test:
                yield from module.scopes()

    def _may_hold(self, target: ast.expr, scope: Scope, function: Function) -> bool:
        """Whether an attribute of ``target`` may be looked up where the function is."""
        if isinstance(target, ast.Name) and scope.function and target.id == scope.function.self_name:
            if not scope.function.is_class_method:
                return False  # the class's own code: `stored` has it
        values = self.inference.infer(target, scope)
        if function.owner is None:
            return OwnModule(function.module) in values
        relatives = family(function.owner)
        return not values or any(isinstance(v, (Instance, OwnClass)) and v.cls in relatives for v in values)

    def _is_class_of(self, target: ast.expr, scope: Scope, owner: Class) -> bool:
        """Whether ``target`` is the class or a relative, or a class that a decorator of one of these gets."""
        values: Values = self.inference.infer(target, scope)
        if any(isinstance(v, OwnClass) and v.cls in family(owner) for v in values):
            return True
        if scope.function is None or not isinstance(target, ast.Name):
            return False
        return any(
            isinstance(v, OwnFunction) and v.function is scope.function
            for cls in family(owner)
            for decorator in cls.node.decorator_list
            for v in self.inference.infer(decorator, cls.parent)
        )

    def _may_derive(self, call: ast.Call, scope: Scope, function: Function) -> bool:
        bases = call.args[1]
        elements = bases.elts if isinstance(bases, ast.Tuple) else [bases]
        values = [v for base in elements for v in self.inference.infer(base, scope)]
        return function.owner is not None and any(
            isinstance(v, OwnClass) and v.cls in family(function.owner) for v in values
        )


def members(call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """The members that ``type("Name", bases, {"member": value})`` gives a class."""
    if len(call.args) == 3 and last_name(call.func) == "type" and isinstance(call.args[2], ast.Dict):
        for key, value in zip(call.args[2].keys, call.args[2].values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, value


def family(cls: Class) -> Iterable[Class]:
    """All classes that one instance's method table may mix: relatives, and the relatives of those."""
    found: dict[Class, None] = {}
    todo = [cls]
    while todo:
        current = todo.pop()
        if current not in found:
            found[current] = None
            todo += current.relatives()
    return found


def _said(node: ast.expr, scope: Scope) -> str:
    return f"{scope.module.path.name}:{node.lineno} puts something else in its place"
