"""Where functions are used in ways that no call site shows: as values, by their names, on something unknown."""

from __future__ import annotations

import ast
from collections import defaultdict

from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.calls.signatures import fits
from rasa_asyncify.framework.calling import HANDED
from rasa_asyncify.project.bindings import Imported, last_name
from rasa_asyncify.project.expressions import text_start
from rasa_asyncify.project.model import Function, Scope
from rasa_asyncify.project.values import Instance, OwnClass, OwnFunction, Value


class ValueUses:
    """Finds them in every scope of a project."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.inference = graph.inference

    def possible_calls(self, wanted: set[Function]) -> dict[Function, str]:
        """Functions that some call may reach on an object that reading tells nothing about, with the place.

        Such a call would not be awaited, so that the method had better stay as it is.
        """
        methods: dict[str, list[Function]] = defaultdict(list)
        for function in wanted:
            if function.owner is not None or function.parent.parent is None:
                methods[function.name].append(function)
        found: dict[Function, str] = {}
        for scope in self.graph.scopes() if methods else ():
            for call in scope.facts.calls:
                func = call.func
                if not isinstance(func, ast.Attribute) or func.attr not in methods:
                    continue
                receivers = self.inference.infer(func.value, scope)
                if not could_be_own(func.value) or (receivers and not any(map(is_proxy, receivers))):
                    continue
                in_module = _may_give_modules(scope)
                for function in methods[func.attr]:
                    if function.owner is None and not in_module:
                        continue
                    if fits(call, function):
                        place = f"{scope.module.path.name}:{call.lineno}"
                        found[function] = f"{place} calls a method of that name on something unknown"
        return found

    def uses_as_value(self, wanted: set[Function]) -> dict[Function, list[tuple[ast.expr, Scope]]]:
        """Where functions are used other than by calling them: passed on, stored, returned."""
        names = {f.name for f in wanted}
        found: dict[Function, list[tuple[ast.expr, Scope]]] = defaultdict(list)
        for scope in self.graph.scopes():
            facts = scope.facts
            aliases = names | _aliases(scope.module.scope, names) | _aliases(scope, names)
            nodes: list[ast.expr] = [n for n in facts.names if n.id in aliases]
            nodes += [n for n in facts.loads if n.attr in names]
            for node in nodes:
                parent = facts.parents.get(node)
                if isinstance(parent, ast.Call) and parent.func is node:
                    continue
                if isinstance(getattr(node, "ctx", None), ast.Store) or _is_decorator(node, parent):
                    continue
                if isinstance(parent, ast.Attribute) or _is_wrapped(parent):
                    continue  # its name or docstring is looked at
                for value in self.inference.infer(node, scope):
                    if isinstance(value, OwnFunction) and value.function in wanted:
                        found[value.function].append((node, scope))
            for call in facts.calls:
                if not _is_called_at_once(call, scope):
                    for function in self._named_by_text(call, scope, wanted):
                        found[function].append((call, scope))
        return found

    def _named_by_text(self, call: ast.Call, scope: Scope, wanted: set[Function]) -> list[Function]:
        """The functions that ``getattr(x, name)``, ``methodcaller("name")`` and the like may give."""
        last = last_name(call.func)
        if last in ("methodcaller", "attrgetter"):
            names = {a.value for a in call.args if isinstance(a, ast.Constant)}
            return [f for f in wanted if f.name in names]
        if last != "getattr" or len(call.args) < 2:
            return []
        found = [v.function for v in self.inference.infer(call, scope) if isinstance(v, OwnFunction)]
        if not isinstance(call.args[1], ast.Constant) and text_start(call.args[1], scope) is None:
            for value in self.inference.infer(call.args[0], scope):
                if isinstance(value, (Instance, OwnClass)):
                    found += [f for f in wanted if f.owner in value.cls.relatives()]
        return [f for f in found if f in wanted]


def _may_give_modules(scope: Scope) -> bool:
    """Whether code near ``scope`` imports modules by names that are texts, so that an object may be a module."""
    text = scope.module.source.text
    return any(word in text for word in ("import_module(", "__import__(", "sys.modules"))


def is_proxy(value: Value) -> bool:
    """Whether an instance hands unknown attributes on to something else."""
    return isinstance(value, Instance) and any(
        a.method("__getattr__") is not None for a in value.cls.ancestry()
    )


def could_be_own(node: ast.expr) -> bool:
    """Whether an unknown receiver may be an object of the project: not a literal, nor what the SDK hands over."""
    root = node
    while isinstance(root, (ast.Attribute, ast.Subscript, ast.Call)):
        root = root.func if isinstance(root, ast.Call) else root.value
    if isinstance(root, ast.Name):
        return root.id not in HANDED
    return False


def _is_called_at_once(call: ast.Call, scope: Scope) -> bool:
    """Whether ``call`` is the ``getattr(x, "name")`` of ``getattr(x, "name")(...)``, which is a call like others."""
    parent = scope.facts.parents.get(call)
    known = len(call.args) == 2 and isinstance(call.args[1], ast.Constant)
    return known and isinstance(parent, ast.Call) and parent.func is call


def _is_decorator(node: ast.AST, parent: ast.AST | None) -> bool:
    return node in getattr(parent, "decorator_list", ())


def _is_wrapped(parent: ast.AST | None) -> bool:
    """Whether the parent is ``functools.wraps(...)``."""
    return isinstance(parent, ast.Call) and ast.unparse(parent.func) in ("functools.wraps", "wraps")


def _aliases(scope: Scope, names: set[str]) -> set[str]:
    return {
        local
        for local, bindings in scope.bindings.items()
        if any(isinstance(b, Imported) and b.name in names for b in bindings)
    }
