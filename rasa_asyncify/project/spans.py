"""Where the nodes of ``ast`` stand, as edits count."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from rasa_asyncify.edits import Span
from rasa_asyncify.project.model import Module

_Placed = ast.expr | ast.stmt | ast.excepthandler


class Spans:
    """The places of nodes in the ``lines`` of a text, which count as ``numbers`` (1-based; None: as they are)."""

    def __init__(self, lines: Sequence[str], numbers: Sequence[int] | None = None) -> None:
        self.lines = lines
        self.numbers = numbers

    def of(self, node: _Placed) -> Span:
        """Where ``node`` stands, in characters (``ast`` counts bytes)."""
        first, last = node.lineno, node.end_lineno or node.lineno
        start = _characters(self.lines[first - 1], node.col_offset)
        end = _characters(self.lines[last - 1], node.end_col_offset or 0)
        if self.numbers is not None:
            first, last = self.numbers[first - 1], self.numbers[last - 1]
        return Span(first, start, last, end)


def span(node: _Placed, module: Module) -> Span:
    """Where ``node`` stands in its module."""
    return Spans(module.lines).of(node)


def _characters(line: str, column: int) -> int:
    return column if line.isascii() else len(line.encode("utf-8")[:column].decode("utf-8", "ignore"))
