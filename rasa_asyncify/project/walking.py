"""The nodes of a tree, in less time than the functions of ``ast`` take, and the suites of statements."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_WITHOUT_NODES = frozenset({"ctx", "op", "ops", "id", "attr", "name", "arg", "type_comment", "kind"})
_FIELDS: dict[type, tuple[str, ...]] = {
    kind: tuple(name for name in kind._fields if name not in _WITHOUT_NODES)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
} | {ast.Constant: (), ast.Name: (), ast.Global: (), ast.Nonlocal: ()}

_SIMPLE = frozenset(
    {ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Import, ast.ImportFrom}
)


def children(node: ast.AST) -> list[ast.AST]:
    """As ``ast.iter_child_nodes``, without operators and contexts."""
    found: list[ast.AST] = []
    for name in _FIELDS[node.__class__]:
        value = getattr(node, name)
        if value.__class__ is list:
            found += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """As ``ast.walk``, without operators and contexts, and in no particular order."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack += children(current)


def suites(node: ast.AST) -> Iterator[list[ast.stmt]]:
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
