"""What an expression tells by its form alone."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from rasa_asyncify.project.bindings import Assigned
from rasa_asyncify.project.model import Binding, Scope

_PLAIN_TYPES = frozenset(
    "Text str int float bool bytes Dict dict List list DomainDict Tracker CollectingDispatcher".split()
)


def assigned(bindings: Iterable[Binding]) -> list[ast.expr]:
    """The expressions that some of a name's ``bindings`` assign to it."""
    return [binding.value for binding in bindings if isinstance(binding, Assigned)]


def only_assigned(bindings: Sequence[Binding]) -> list[ast.expr]:
    """All expressions that a name may stand for; none where one of its ``bindings`` is anything but an assignment."""
    found = assigned(bindings)
    return found if len(found) == len(bindings) else []


def text_start(node: ast.expr, scope: Scope) -> str | None:
    """The constant start of a computed string, also where it went through a variable."""
    if isinstance(node, ast.Name):
        found = scope.lookup(node.id)
        starts = {constant_prefix(v) for v in (assigned(found[0]) if found else ())}
        return starts.pop() if len(starts) == 1 else None
    return constant_prefix(node)


def constant_prefix(node: ast.expr) -> str | None:
    """The constant start of a computed string: ``"do_"`` for ``f"do_{x}"`` and ``"do_" + x``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr) and node.values:
        first = node.values[0]
        return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
    if isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant):
        return node.left.value if isinstance(node.left.value, str) else None
    return None


def is_plain_type(annotation: ast.expr | None) -> bool:
    """Whether a parameter's annotation rules out functions and objects of interest."""
    if isinstance(annotation, ast.Name):
        return annotation.id in _PLAIN_TYPES
    if not isinstance(annotation, ast.Subscript):
        return False
    inside = [n.id for n in ast.walk(annotation) if isinstance(n, ast.Name)]
    return all(name in _PLAIN_TYPES or name in ("Any", "Optional") for name in inside)
