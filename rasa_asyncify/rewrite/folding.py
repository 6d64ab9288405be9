"""Sets aside what a rewrite doesn't touch: definitions and runs of statements without an edit become stand-ins.

LibCST and black take the longer the more there is to read, and most of a module stays as it is. What is left of it
reads the same to both: a stand-in is a function or a class of the same name at the same place, a function's header, or
one statement in place of several.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from rasa_asyncify.project.walking import suites

_SET_ASIDE = "__set_aside_"
_LEFT_OUT = "__left_out_"
# What tells black that it may use the syntax of Python 3.8 or later, or has to leave a part alone.
_TELLING = re.compile(
    r"#\s*(?:fmt|yapf):|:=|^\s*match\s.*:\s*$|^\s*type \w+ =|except\s*\*|with \(|\[\*", re.M
)
F_STRING = re.compile(r"""(?<!\w)(?:[fF][rR]?|[rR][fF])["']""")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IMPORTS = (ast.Import, ast.ImportFrom)


@dataclass(frozen=True)
class Folded:
    """A module's ``text`` without what was set ``aside``; ``lines`` are the 1-based ones that its own were before."""

    text: str
    lines: Sequence[int]
    aside: Sequence[str]
    word: str = _SET_ASIDE

    def unfold(self, text: str) -> str:
        """A text made of the folded one, with everything in its place again.

        Raises:
            ValueError: where the text lacks a stand-in, or has one twice.
        """
        if not self.aside:
            return text
        stand_in = _stand_ins(self.word)
        found = [_number(match) for match in stand_in.finditer(text)]
        if sorted(found) != list(range(len(self.aside))) or text.count(self.word) != len(self.aside):
            raise ValueError("what was set aside has no place any more")
        return stand_in.sub(lambda match: self.aside[_number(match)], text)


@cache
def _stand_ins(word: str) -> re.Pattern[str]:
    """Matches the lines of a stand-in, and gives its number: by the first group that matches."""
    definition = rf"[ \t]*(?:def|class) \w+(?:\(\))?:\n[ \t]*{word}(\d+)_body__"
    header = rf"[ \t]*(?:async )?def {word}(\d+)_head__\(\):"
    return re.compile(rf"^(?:{definition}|{header}|[ \t]*(?:import )?{word}(\d+)__)(?:\(f\"\"\))?$", re.M)


def _number(match: re.Match[str]) -> int:
    return int(match[1] or match[2] or match[3])


@dataclass(frozen=True)
class _Part:
    """Lines to set aside (1-based): those of statements that ``node`` is the first of, or of its header alone."""

    node: ast.stmt
    first: int
    last: int
    is_header: bool = False

    @classmethod
    def of(cls, nodes: Sequence[ast.stmt]) -> _Part:
        return cls(nodes[0], first_line(nodes[0]), last_line(nodes[-1]))


def fold(text: str, tree: ast.Module, touched: Iterable[int]) -> Folded:
    """Fold a module by its ``tree``; ``touched`` are the 1-based lines of edits."""
    if "\r" in text or "\f" in text or _SET_ASIDE in text or _LEFT_OUT in text or _TELLING.search(text):
        return Folded(text, range(1, text.count("\n") + 2), ())
    finder = _Finder(touched, text, opening=_last_import(tree.body))
    return _without(finder.parts(tree.body), text, _SET_ASIDE)


def condense(folded: str, touched: Iterable[int]) -> Folded:
    """Leave even more of a folded text out, for black: the imports as well."""
    finder = _Finder(touched, folded, imports=True)
    return _without(finder.parts(ast.parse(folded).body), folded, _LEFT_OUT)


def _without(parts: Iterable[_Part], text: str, word: str) -> Folded:
    lines = text.split("\n")
    kept: list[str] = []
    numbers: list[int] = []
    aside: list[str] = []
    at = 0
    for part in parts:
        last = _with_comments(part, lines)
        body = "\n".join(lines[part.first - 1 : last])
        stand_in = _stand_in(part, lines, f"{word}{len(aside)}", body)
        kept += [*lines[at : part.first - 1], *stand_in]
        numbers += [*range(at + 1, part.first), *[part.first] * len(stand_in)]
        aside.append(body)
        at = last
    kept += lines[at:]
    numbers += range(at + 1, len(lines) + 1)
    return Folded("\n".join(kept), numbers, aside, word)


def _last_import(body: Sequence[ast.stmt]) -> int:
    """The line of the last import of a module, 0 where it has none."""
    return max((node.lineno for node in body if isinstance(node, _IMPORTS)), default=0)


class _Finder:
    """Finds what may be set aside: what doesn't stand in the ``touched`` lines.

    Without ``imports`` these stay, and what else stands between those that open the module, up to the line
    ``opening``.
    """

    def __init__(self, touched: Iterable[int], text: str, *, imports: bool = False, opening: int = 0) -> None:
        self.touched = sorted(touched)
        self.lines = text.split("\n")
        self.imports = imports
        self.opening = opening

    def parts(self, body: Sequence[ast.stmt]) -> Iterator[_Part]:
        """The parts of a suite and of the suites in it, in order: neighbours of a kind go together."""
        run: list[ast.stmt] = []
        for node in body:
            kind = None if self._is_touched(node) else self._kind(node)
            if run and kind != self._kind(run[-1]):
                yield _Part.of(run)
                run = []
            if kind is not None:
                run.append(node)
            elif self._is_touched(node):
                yield from self._header(node)
                for suite in suites(node):
                    if suite[0].lineno > node.lineno:
                        yield from self.parts(suite)
        if run:
            yield _Part.of(run)

    def _header(self, node: ast.stmt) -> Iterator[_Part]:
        """The header of a function, if it stands on lines of its own that aren't touched."""
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return
        last = first_line(node.body[0]) - 1
        while last > node.lineno and (not (line := self.lines[last - 1].strip()) or line.startswith("#")):
            last -= 1
        if last >= node.lineno and not any_between(self.touched, first_line(node), last):
            yield _Part(node, first_line(node), last, is_header=True)

    def _is_touched(self, node: ast.stmt) -> bool:
        return any_between(self.touched, first_line(node), last_line(node))

    def _kind(self, node: ast.stmt) -> str | None:
        """What black takes a statement for when it counts blank lines; None: it stays."""
        if isinstance(node, _IMPORTS):
            return "import" if self.imports and getattr(node, "module", "") != "__future__" else None
        if isinstance(node, _DEFINITIONS):
            return "definition" if node.body[0].lineno > node.lineno else None
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return None
        if node.col_offset == 0 and node.lineno < self.opening:
            return None
        return "statement"


def any_between(numbers: Sequence[int], first: int, last: int) -> bool:
    """Whether one of the sorted ``numbers`` is from ``first`` to ``last``."""
    position = bisect_left(numbers, first)
    return position < len(numbers) and numbers[position] <= last


def _with_comments(part: _Part, lines: Sequence[str]) -> int:
    """The last line of a part, with the comments below that are indented as what is in it is."""
    last = part.last
    if part.is_header:
        return last
    for number in range(last, len(lines)):
        text = lines[number].lstrip()
        if text.startswith("#") and len(lines[number]) - len(text) > part.node.col_offset:
            last = number + 1
        elif text:
            break
    return last


def first_line(node: ast.stmt) -> int:
    """Where a statement begins, with its decorators (1-based)."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def last_line(node: ast.stmt) -> int:
    """Where a statement ends (1-based)."""
    last: int = node.end_lineno or node.lineno
    return last


def _stand_in(part: _Part, lines: Sequence[str], word: str, body: str) -> list[str]:
    """What stands for a part; with an f-string where black learns from one which Python it is for."""
    node = part.node
    indent = lines[node.lineno - 1][: node.col_offset]
    call = '(f"")' if F_STRING.search(body) else ""
    if part.is_header:
        start = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
        return [f"{indent}{start} {word}_head__():"]
    if isinstance(node, _IMPORTS):
        return [f"{indent}import {word}__"]
    if not isinstance(node, _DEFINITIONS):
        return [f"{indent}{word}__{call}"]
    header = f"class {node.name}:" if isinstance(node, ast.ClassDef) else f"def {node.name}():"
    inner = lines[node.body[0].lineno - 1][: node.body[0].col_offset]
    return [indent + header, f"{inner}{word}_body__{call}"]
