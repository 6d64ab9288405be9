"""The thread rules of objects: which may be used in one thread only, and which of them outlive a call."""

from __future__ import annotations

import ast

from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.project.bindings import Assigned, Entered
from rasa_asyncify.project.model import Class, Function, Scope
from rasa_asyncify.project.values import Container, ExternalInstance, Instance, OwnFunction, Value, Values

_DEPTH = 8


def is_cached(function: Function) -> bool:
    """Whether what the function gave once is given again: `functools.lru_cache` and the like."""
    return any(name in ("cache", "cached", "lru_cache") for name in function.decorator_names)


class ThreadRules:
    """Answers by the catalogue, for its objects and for those of the project that hold them."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self.catalogue = inference.catalogue
        self._known: dict[Class, str | None] = {}

    def forget(self) -> None:
        """Drop what was remembered, after the inference has learnt more."""
        self._known.clear()

    def rule(self, values: Values) -> str | None:
        """The strictest thread rule among objects: "affine" before "unshared"."""
        return _strictest({self._of(value) for value in values})

    def _of(self, value: Value) -> str | None:
        if isinstance(value, Container):
            return self.rule(value.items)
        if isinstance(value, ExternalInstance):
            entry = self.catalogue.cls(value.cls)
            return entry.thread if entry else None
        if isinstance(value, Instance):
            if value.cls not in self._known:
                self._known[value.cls] = None
                self._known[value.cls] = self._of_class(value.cls)
            return self._known[value.cls]
        return None

    def _of_class(self, cls: Class) -> str | None:
        """The rule of what instances of ``cls`` hold in their attributes, and of what they descend from."""
        rules: set[str | None] = set()
        for base in cls.all_external_bases():
            entry = self.catalogue.cls(self.catalogue.canonical(base))
            rules.add(entry.thread if entry else None)
        for ancestor in cls.ancestry():
            for values in ancestor.stored.values():
                for value, scope in values:
                    rules |= {self._of(v) for v in self.inference.infer(value, scope)}
        return _strictest(rules)

    def is_shared(self, node: ast.expr, scope: Scope, depth: int = 0) -> bool:
        """Whether the object that ``node`` gives outlives the call: held by a module, a class or an instance."""
        if depth > _DEPTH:
            return False
        if isinstance(node, (ast.Attribute, ast.Subscript)):
            return self.is_shared(node.value, scope, depth + 1)
        if isinstance(node, ast.Call):
            return self._gives_shared(node, scope, depth + 1)
        if not isinstance(node, ast.Name):
            return False
        found = scope.lookup(node.id)
        if found is None or found[1].function is None:
            return True
        bindings, owner = found
        if owner.function is not None and node.id == owner.function.self_name:
            return True
        values = [b.value for b in bindings if isinstance(b, (Assigned, Entered))]
        return any(self.is_shared(value, owner, depth + 1) for value in values if value is not node)

    def _gives_shared(self, node: ast.Call, scope: Scope, depth: int) -> bool:
        """Whether a call hands out something that exists already, or a part of it, rather than something new."""
        for value in self.inference.infer(node.func, scope):
            if isinstance(value, OwnFunction):
                inner = value.function
                if is_cached(inner):
                    return True
                returned = [r.value for r in inner.facts.returns if r.value is not None]
                if any(self.is_shared(r, inner.scope, depth) for r in returned):
                    return True
        func = node.func
        if not isinstance(func, ast.Attribute):
            return False
        made_by = self.rule(self.inference.infer(func.value, scope))
        return made_by is not None and self.is_shared(func.value, scope, depth)


def _strictest(rules: set[str | None]) -> str | None:
    return "affine" if "affine" in rules else "unshared" if "unshared" in rules else None
