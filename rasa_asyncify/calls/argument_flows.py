"""What calls and decorators give to parameters, and to the fields of classes."""

from __future__ import annotations

import ast
from collections import defaultdict

from rasa_asyncify.calls.decorators import wrapper_of
from rasa_asyncify.calls.own_methods import initialisers, methods
from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.project.bindings import last_name
from rasa_asyncify.project.expressions import is_plain_type
from rasa_asyncify.project.model import Class, Function, Scope
from rasa_asyncify.project.values import (
    Instance,
    OwnClass,
    OwnFunction,
    Value,
    Values,
)

_NEVER_FLOWS = (ast.Starred, ast.Constant, ast.JoinedStr)


class ArgumentFlows:
    """Remembers what is given, and lets it flow into the inference once something asks."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self._grown = False
        self._given: dict[tuple[Function | Class, str], list[tuple[ast.expr, Scope]]] = defaultdict(list)
        self._references: dict[Function | Class, ast.Name] = {}

    def forget(self) -> None:
        """Drop what was remembered, after the inference has learnt more."""
        self._given.clear()

    def note_call(self, values: Values, node: ast.Call, scope: Scope) -> None:
        """Remember which functions and objects are handed to which parameters."""
        if not node.args and not node.keywords:
            return
        for value in values:
            functions = (
                [value.function]
                if isinstance(value, OwnFunction)
                else initialisers(value.cls) if isinstance(value, OwnClass) else []
            )
            if isinstance(value, OwnClass) and not functions:
                self._flow_into_fields(value.cls, node, scope)
            for function in functions:
                if is_runner(function):
                    continue
                skip = isinstance(value, OwnClass) or (isinstance(value, OwnFunction) and value.bound)
                self._flow_into(function, node, scope, skip=int(skip))

    def _flow_into(self, function: Function, node: ast.Call, scope: Scope, skip: int) -> None:
        arguments = function.node.args
        positional = [*arguments.posonlyargs, *arguments.args][skip:]
        pairs = list(zip(positional, node.args, strict=False))
        if node.keywords:
            known = {p.arg: p for p in [*positional, *arguments.kwonlyargs]}
            pairs += [(known[k.arg], k.value) for k in node.keywords if k.arg in known]
        if arguments.vararg:
            pairs += [(arguments.vararg, a) for a in node.args[len(positional) :]]
        for parameter, argument in pairs:
            if isinstance(argument, _NEVER_FLOWS) or is_plain_type(parameter.annotation):
                continue
            self._given[(function, parameter.arg)].append((argument, scope))
            if isinstance(argument, (ast.Name, ast.Attribute)):
                self._note_handed(argument, scope, function, parameter.arg)

    def _note_handed(
        self, argument: ast.Name | ast.Attribute, scope: Scope, function: Function, parameter: str
    ) -> None:
        """Remember a container that is handed to a function which puts something into it."""
        if any(isinstance(a.container, ast.Name) and a.name == parameter for a in function.facts.added):
            handed = self.inference.additions.handed[last_name(argument)]
            if all(known is not argument or f is not function for known, _, f, _ in handed):
                handed.append((argument, scope, function, parameter))
                self._grown = True

    def _flow_into_fields(self, cls: Class, node: ast.Call, scope: Scope) -> None:
        """What is given to a dataclass, a named tuple or the like goes to its fields."""
        fields = cls.fields()
        pairs = list(zip(fields, node.args, strict=False))
        pairs += [(k.arg, k.value) for k in node.keywords if k.arg in fields]
        for name, argument in pairs:
            if not isinstance(argument, _NEVER_FLOWS):
                self._given[(cls, name)].append((argument, scope))

    def note_decorated(self, scope: Scope) -> None:
        """Functions and classes go to the project's own decorators that do something else than wrap them."""
        for nested in scope.facts.nested:
            for node in nested.node.decorator_list:
                func = node.func if isinstance(node, ast.Call) else node
                plain = [v.function for v in self.inference.infer(func, scope) if isinstance(v, OwnFunction)]
                if any(wrapper_of(f, called=isinstance(node, ast.Call)) is not None for f in plain):
                    continue
                for value in self.inference.infer(node, scope):
                    self._flow_from(nested, value, scope)

    def _flow_from(self, nested: Function | Class, decorator: Value, scope: Scope) -> None:
        if not isinstance(decorator, (OwnFunction, OwnClass, Instance)):
            return
        bound = not isinstance(decorator, OwnFunction) or decorator.bound
        if isinstance(decorator, OwnFunction):
            called = [decorator.function]
        else:
            is_class = isinstance(decorator, OwnClass)
            called = initialisers(decorator.cls) if is_class else methods(decorator.cls, "__call__")
        if nested not in self._references:
            node = ast.Name(nested.node.name, ast.Load())
            self._references[nested] = ast.copy_location(node, nested.node)
        for function in called:
            arguments = function.node.args
            parameters = [*arguments.posonlyargs, *arguments.args][int(bound) :]
            if parameters:
                self._given[(function, parameters[0].arg)].append((self._references[nested], scope))

    def given_to(self, owner: Function | Class, name: str) -> list[tuple[ast.expr, Scope]]:
        """What calls give to a parameter of a function or a field of a class, also where that tells nothing."""
        return self._given.get((owner, name), [])

    def settle(self) -> bool:
        """Let arguments flow into the parameters that something asked about; whether that told anything new."""
        inference = self.inference
        grown, self._grown = self._grown, False
        for key in [key for key in self._given if key in inference.asked]:
            for argument, scope in self._given[key]:
                if any(known is argument for known, _ in inference.flows.get(key, ())):
                    continue
                values = inference.infer(argument, scope)
                if values and not set(values) <= set(inference.parameter(*key)):
                    inference.flows[key].append((argument, scope))
                    grown = True
        return grown


def is_runner(function: Function) -> bool:
    """Whether ``function`` sends what it is given to an executor, as ``in_thread`` does."""
    return (
        function.is_async
        and function.module.may_use_executor
        and any(load.attr in ("run_in_executor", "to_thread") for load in function.facts.loads)
    )
