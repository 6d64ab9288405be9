"""The statements that new code takes the place of, and the names in it."""

from __future__ import annotations

import ast

from rasa_asyncify.native.strategy import Refused
from rasa_asyncify.project.model import Scope


def check_alone(statement: ast.stmt, scope: Scope) -> None:
    """Refuse where the statement shares a line with another, or with the head of its block.

    Raises:
        Refused: there.
    """
    parent = scope.facts.parents.get(statement)
    lines = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
    for block in ("body", "orelse", "finalbody"):
        for other in getattr(parent, block, ()):
            if other is not statement and (other.lineno in lines or other.end_lineno in lines):
                raise Refused("its statement shares its line")
    line = scope.module.lines[statement.lineno - 1]
    start = line.encode()[: statement.col_offset]
    if start.strip():
        raise Refused("its statement shares its line")


def fresh_name(name: str, scope: Scope) -> str:
    """``name``, or a variation of it that the scope and its module don't use."""
    used = {n.id for n in scope.facts.names} | set(scope.bindings) | set(scope.module.scope.bindings)
    for nested in scope.functions():
        used |= {n.id for n in nested.facts.names}
    candidates = (name, f"http_{name}", *(f"{name}_{i}" for i in range(2, 100)))
    return next((c for c in candidates if c not in used), f"{name}_")
