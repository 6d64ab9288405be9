"""Where the nodes of ``ast`` stand, as edits count."""

from __future__ import annotations

import ast

from rasa_asyncify.edits import Span
from rasa_asyncify.project.model import Module


def span(node: ast.expr | ast.stmt | ast.excepthandler, module: Module) -> Span:
    """Where ``node`` stands, in characters (``ast`` counts bytes)."""
    lines = module.lines
    end_line = node.end_lineno or node.lineno
    start = _characters(lines[node.lineno - 1], node.col_offset)
    end = _characters(lines[end_line - 1], node.end_col_offset or 0)
    return Span(node.lineno, start, end_line, end)


def _characters(line: str, column: int) -> int:
    return column if line.isascii() else len(line.encode("utf-8")[:column].decode("utf-8", "ignore"))
