"""What something with an annotation may be."""

from __future__ import annotations

import ast

from rasa_asyncify.inference.asking import Infers
from rasa_asyncify.project.model import Scope
from rasa_asyncify.project.values import (
    Container,
    External,
    ExternalInstance,
    Instance,
    OwnClass,
    Value,
    Values,
    union,
)

_OPTIONAL = frozenset(
    f"typing.{n}" for n in ("Annotated", "ClassVar", "Final", "Optional", "Required", "Union")
)
_TYPES = frozenset({"builtins.type", "typing.Type"})


class Annotations:
    """Answers for the annotations of a project, which may be in quotes."""

    def __init__(self, inference: Infers) -> None:
        self.inference = inference
        self._quoted: dict[str, ast.expr | None] = {}

    def meant(self, node: ast.expr, scope: Scope) -> Values:
        """The instances that an annotation promises."""
        if isinstance(node, ast.Name):
            return union([self._instances(v) for v in self.inference.name(node.id, scope)])
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            quoted = self._unquoted(node.value)
            if quoted is None:
                return ()
            node = quoted
        if isinstance(node, ast.Subscript):
            return self._subscripted(node, scope)
        if isinstance(node, ast.BinOp):
            return union([self.meant(node.left, scope), self.meant(node.right, scope)])
        if isinstance(node, ast.Tuple):  # of exceptions
            return union(self.meant(element, scope) for element in node.elts)
        if not isinstance(node, ast.Attribute):
            return self.meant(node, scope) if isinstance(node, ast.Name) else ()
        return union([self._instances(v) for v in self.inference.infer(node, scope)])

    def _subscripted(self, node: ast.Subscript, scope: Scope) -> Values:
        """For ``Optional[X]``, ``list[X]``, ``type[X]``."""
        name = self.inference.infer(node.value, scope)
        if any(isinstance(v, OwnClass) for v in name):  # a generic class of the project
            return union([self._instances(v) for v in name])
        if any(isinstance(v, External) and v.name in _OPTIONAL for v in name):
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            return union(self.meant(p, scope) for p in parts)
        if any(isinstance(v, External) and v.name in _TYPES for v in name):
            return tuple(
                OwnClass(v.cls, False) for v in self.meant(node.slice, scope) if isinstance(v, Instance)
            )
        last = node.slice.elts[-1] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
        items = self.meant(last, scope)
        return (Container(items),) if items else ()

    def _unquoted(self, text: str) -> ast.expr | None:
        """The expression of an annotation in quotes: one for each text, so that what it means is remembered."""
        if text not in self._quoted:
            try:
                self._quoted[text] = ast.parse(text, mode="eval").body
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self._quoted[text] = None
        return self._quoted[text]

    def _instances(self, value: Value) -> Values:
        if isinstance(value, OwnClass):
            return (Instance(value.cls, exact=False),)
        if isinstance(value, External) and self.inference.catalogue.cls(value.name):
            return (ExternalInstance(value.name),)
        return ()
