"""What a call of a value runs: functions of the project, and of libraries where they block."""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cached_property

from rasa_asyncify.calls.own_methods import constructors, reached_methods
from rasa_asyncify.calls.signatures import fits
from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.project.model import Function, Scope
from rasa_asyncify.project.values import (
    External,
    ExternalInstance,
    ExternalMethod,
    Instance,
    LambdaValue,
    OwnClass,
    OwnFunction,
    Value,
    Values,
)

# Call a special method of their argument.
_SPECIAL_METHODS = {
    "builtins.abs": "__abs__",
    "builtins.bool": "__bool__",
    "builtins.float": "__float__",
    "builtins.hash": "__hash__",
    "builtins.int": "__int__",
    "builtins.len": "__len__",
    "builtins.next": "__next__",
    "builtins.repr": "__repr__",
    "builtins.str": "__str__",
}


class Callees:
    """Answers for the values of a project."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self.catalogue = inference.catalogue

    @cached_property
    def special_methods(self) -> dict[str, str]:
        """The builtins that may run a special method that the project defines."""
        texts = [m.source.text for m in self.inference.project.modules.values()]
        return {b: m for b, m in _SPECIAL_METHODS.items() if any(f"def {m}(" in text for text in texts)}

    def fitting(self, values: Values, node: ast.Call) -> Values:
        """Without the functions that only a text may have named, where they couldn't take the arguments."""
        named = self.inference.by_text.named
        if not named:
            return values
        return tuple(
            v
            for v in values
            if not isinstance(v, OwnFunction)
            or v.function not in named
            or v.function.node.decorator_list
            or fits(node, v.function, bound=v.bound)
        )

    def add(
        self, value: Value, node: ast.Call, scope: Scope, names: list[str], targets: list[Function]
    ) -> None:
        """Add what calling ``value`` runs: the ``names`` of libraries that block, and functions of the project."""
        if isinstance(value, LambdaValue):
            if value.scope is not scope:
                self._in_lambda(value, names, targets)
            return
        targets += self._own(value)
        names += self._blockers(value, node)

    def _own(self, value: Value) -> list[Function]:
        if isinstance(value, OwnFunction):
            return [value.function, *self._dispatched.get(value.function, ())]
        if isinstance(value, OwnClass):
            classes = [value.cls, *(() if value.exact else value.cls.descendants())]
            return [function for cls in classes for function in constructors(cls)]
        return reached_methods(value, "__call__") if isinstance(value, Instance) else []

    def _blockers(self, value: Value, node: ast.Call) -> list[str]:
        """The names of what a library runs, where that blocks."""
        if isinstance(value, External):
            return (
                [value.name] if self.catalogue.blocks(value.name) and not _harmless(value.name, node) else []
            )
        if isinstance(value, ExternalMethod):
            entry = self.catalogue.cls(value.cls)
            return [f"{value.cls}.{value.name}"] if entry is not None and entry.blocks(value.name) else []
        if isinstance(value, ExternalInstance):
            entry = self.catalogue.cls(value.cls)
            blocks = entry is not None and ("call" in entry.operations or entry.blocks("__call__"))
            return [value.cls] if blocks else []
        return self._inherited(value)

    def _inherited(self, value: Value) -> list[str]:
        """The bases outside of the project that block when a class, or its instance, is called."""
        bases = sorted(value.cls.all_external_bases()) if isinstance(value, (OwnClass, Instance)) else []
        if isinstance(value, OwnClass):
            return [base for base in bases if self.catalogue.blocks(self.catalogue.canonical(base))]
        if not bases or (isinstance(value, Instance) and reached_methods(value, "__call__")):
            return []
        entries = [(base, self.catalogue.cls(self.catalogue.canonical(base))) for base in bases]
        return [base for base, entry in entries if entry is not None and "call" in entry.operations]

    def _in_lambda(self, value: LambdaValue, names: list[str], targets: list[Function]) -> None:
        """What a lambda that was made elsewhere calls, or another one that it calls."""
        todo, seen = [value], {value}
        while todo:
            current = todo.pop()
            inside = {id(n) for n in ast.walk(current.node.body)}
            for call in (c for c in current.scope.facts.calls if id(c) in inside):
                for called in self.inference.infer(call.func, current.scope):
                    if not isinstance(called, LambdaValue):
                        self.add(called, call, current.scope, names, targets)
                    elif called not in seen:
                        seen.add(called)
                        todo.append(called)

    @cached_property
    def _dispatched(self) -> dict[Function, list[Function]]:
        """What is registered with the generic functions of ``functools.singledispatch``."""
        found: dict[Function, list[Function]] = defaultdict(list)
        for module in self.inference.project.connected:
            if "singledispatch" not in module.source.text and ".register" not in module.source.text:
                continue
            for function in module.scope.functions():
                for node in function.node.decorator_list:
                    func = node.func if isinstance(node, ast.Call) else node
                    if isinstance(func, ast.Attribute) and func.attr == "register":
                        for value in self.inference.infer(func.value, function.parent):
                            if isinstance(value, OwnFunction):
                                found[value.function].append(function)
        return found

    def printed(self, node: ast.Call, values: Values, scope: Scope) -> list[str]:
        """``print(..., file=f)`` writes to what it is given."""
        if External("builtins.print") not in values:
            return []
        files = [k.value for k in node.keywords if k.arg == "file"]
        written = [
            v.cls for f in files for v in self.inference.infer(f, scope) if isinstance(v, ExternalInstance)
        ]
        entries = [(c, self.catalogue.cls(c)) for c in written]
        return [f"{c}.write" for c, entry in entries if entry is not None and entry.blocks("write")]

    def special(self, node: ast.Call, values: Values, scope: Scope) -> list[Function]:
        """The special methods that ``len(x)`` and the like run."""
        found: list[Function] = []
        for value in values:
            name = self.special_methods.get(value.name) if isinstance(value, External) else None
            if name and len(node.args) == 1:
                owners = self.inference.infer(node.args[0], scope)
                found += [m for v in owners if isinstance(v, Instance) for m in reached_methods(v, name)]
        return found


def _harmless(name: str, node: ast.Call) -> bool:
    """Calls of blockers that don't block: ``lock.acquire(blocking=False)``, ``get_nowait`` and the like."""
    for keyword in node.keywords:
        if keyword.arg in ("block", "blocking") and isinstance(keyword.value, ast.Constant):
            return not keyword.value.value
    return False
