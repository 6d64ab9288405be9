"""Statements, without what is in their expressions."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_SIMPLE = frozenset(
    {ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Import, ast.ImportFrom}
)


def suites(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The suites of a compound statement, in the order of the text; none of a simple one."""
    if node.__class__ in _SIMPLE:
        return
    if isinstance(node, ast.Match):
        yield from (case.body for case in node.cases)
        return
    found: list[list[ast.stmt]] = [getattr(node, "body", [])]
    found += [handler.body for handler in getattr(node, "handlers", ())]
    found += [getattr(node, "orelse", []), getattr(node, "finalbody", [])]
    yield from filter(None, found)
