"""Sets aside what a rewrite doesn't touch: functions and classes without an edit become stand-ins of two lines.

LibCST and black take the longer the more there is to read, and most of a module stays as it is. What is left of it
reads the same to both: a stand-in is a function or a class of the same name at the same place.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_WORD = "__set_aside_"
_STAND_IN = re.compile(rf"^[ \t]*(?:def|class) \w+(?:\(\))?:\n[ \t]+{_WORD}(\d+)__(?:\(f\"\"\))?$", re.M)
# What tells black that it may use the syntax of Python 3.8 or later, or has to leave a part alone.
_TELLING = re.compile(
    rf"#\s*(?:fmt|yapf):|:=|^\s*match\s.*:\s*$|^\s*type \w+ =|except\s*\*|with \(|\[\*|{_WORD}", re.M
)
_FORMATTED = re.compile(r"""(?<!\w)(?:[fF][rR]?|[rR][fF])["']""")
_SHORTEST = 3
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Folded:
    """A module's ``text`` without what was set ``aside``; ``lines`` are the 1-based ones that its own were before."""

    text: str
    lines: Sequence[int]
    aside: Sequence[str]

    def unfold(self, text: str) -> str:
        """A text made of the folded one, with everything in its place again.

        Raises:
            ValueError: where the text lacks a stand-in, or has one twice.
        """
        found = [int(match[1]) for match in _STAND_IN.finditer(text)]
        if found != list(range(len(self.aside))) or text.count(_WORD) != len(self.aside):
            raise ValueError("what was set aside has no place any more")
        return _STAND_IN.sub(lambda match: self.aside[int(match[1])], text)


def fold(text: str, tree: ast.Module, touched: Iterable[int]) -> Folded:
    """Fold a module by its ``tree``; ``touched`` are the 1-based lines that have to stay."""
    lines = text.split("\n")
    if "\r" in text or "\f" in text or _TELLING.search(text):
        return Folded(text, range(1, len(lines) + 1), ())
    kept: list[str] = []
    numbers: list[int] = []
    aside: list[str] = []
    at = 0
    for node in _untouched(tree.body, sorted(touched)):
        first, last = _first_line(node) - 1, (node.end_lineno or node.lineno) - 1
        body = "\n".join(lines[first : last + 1])
        kept += [*lines[at:first], *_stand_in(node, lines, len(aside), body)]
        numbers += [*range(at + 1, first + 1), first + 1, first + 1]
        aside.append(body)
        at = last + 1
    kept += lines[at:]
    numbers += range(at + 1, len(lines) + 1)
    return Folded("\n".join(kept), numbers, aside)


def _untouched(body: Sequence[ast.stmt], touched: Sequence[int]) -> Iterable[_Definition]:
    for node in body:
        if not isinstance(node, _DEFINITIONS):
            continue
        first, last = _first_line(node), node.end_lineno or node.lineno
        position = bisect_left(touched, first)
        if position < len(touched) and touched[position] <= last:
            if isinstance(node, ast.ClassDef):
                yield from _untouched(node.body, touched)
        elif last - first >= _SHORTEST and node.body[0].lineno > node.lineno:
            yield node


def _first_line(node: _Definition) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _stand_in(node: _Definition, lines: Sequence[str], number: int, body: str) -> list[str]:
    """A definition of the same kind and name. Its body is an f-string where black learns of one from the real one."""
    indent = lines[node.lineno - 1][: node.col_offset]
    inner = lines[node.body[0].lineno - 1][: node.body[0].col_offset]
    header = f"class {node.name}:" if isinstance(node, ast.ClassDef) else f"def {node.name}():"
    word = f"{_WORD}{number}__"
    return [indent + header, inner + (f'{word}(f"")' if _FORMATTED.search(body) else word)]
