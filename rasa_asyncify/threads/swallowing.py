"""Which context managers may end their block early without an exception, as ``contextlib.suppress`` does."""

from __future__ import annotations

import ast

from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.calls.own_methods import methods
from rasa_asyncify.flow.positions import enclosing
from rasa_asyncify.project.model import Function, Scope
from rasa_asyncify.project.values import ExternalInstance, Instance, OwnFunction, Value

_WITHS = (ast.With, ast.AsyncWith)


class Swallowing:
    """Answers for the ``with`` blocks of a project. Those of libraries that the catalogue knows swallow nothing."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._known: dict[Function, bool] = {}

    def may_swallow(self, item: ast.withitem, scope: Scope) -> bool:
        """Whether the item of a ``with`` block in ``scope`` may swallow an exception, as far as can be seen."""
        made = item.context_expr
        if isinstance(made, ast.Call):
            called = self.graph.inference.infer(made.func, scope)
            if called and all(isinstance(v, OwnFunction) and _is_generator_manager(v) for v in called):
                return any(self._function(v.function) for v in called if isinstance(v, OwnFunction))
        values = self.graph.inference.infer(made, scope)
        return not values or any(map(self._value, values))

    def _value(self, value: Value) -> bool:
        if isinstance(value, ExternalInstance):
            return self.graph.finder.catalogue.cls(value.cls) is None
        if not isinstance(value, Instance):
            return True
        exits = methods(value.cls, "__exit__") + methods(value.cls, "__aexit__")
        return not exits or any(map(self._function, exits))

    def _function(self, function: Function) -> bool:
        known = self._known.get(function)
        if known is None:
            self._known[function] = True  # while it is being looked at
            known = self._known[function] = (
                self._generator(function) if function.is_generator else _returns_something(function)
            )
        return known

    def _generator(self, function: Function) -> bool:
        """Whether something around a ``yield`` handles what is raised there."""
        return any(self._handles(y, function) for y in function.facts.parents if isinstance(y, ast.Yield))

    def _handles(self, node: ast.AST, function: Function) -> bool:
        child = node
        for parent in enclosing(node, function.scope):
            if isinstance(parent, ast.Try):
                handlers = parent.handlers if child in parent.body else []
                if not all(isinstance(h.body[-1], ast.Raise) for h in handlers) or _returns(handlers):
                    return True
                if _returns(parent.finalbody):
                    return True
            elif isinstance(parent, _WITHS):
                if any(self.may_swallow(item, function.scope) for item in parent.items):
                    return True
            child = parent
        return False


def _is_generator_manager(value: OwnFunction) -> bool:
    return value.function.is_generator and "contextmanager" in value.function.decorator_names


def _returns(nodes: list[ast.ExceptHandler] | list[ast.stmt]) -> bool:
    return any(isinstance(n, (ast.Return, ast.Break, ast.Continue)) for node in nodes for n in ast.walk(node))


def _returns_something(function: Function) -> bool:
    """Whether an ``__exit__`` may return anything but nothing or False."""
    returned = [n.value for n in ast.walk(function.node) if isinstance(n, ast.Return) and n.value is not None]
    return not all(isinstance(value, ast.Constant) and not value.value for value in returned)
