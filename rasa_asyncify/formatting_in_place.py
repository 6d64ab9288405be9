"""Formats single statements of a text with black, each at its depth, and nothing of what stands around them.

black takes most of its time for what it leaves as it is. What it makes of a statement within a function depends on
nothing but how deep it is indented; so the statements that changed are enough, as long as each is still where it was.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import black

_STEP = 4  # columns
_IMPORT = re.compile(r"(?:import|from) \S.*")
_PLAIN_IMPORT = re.compile(
    r"import [\w.]+(?: as \w+)?|from [\w.]+ import \w+(?: as \w+)?(?:, \w+(?: as \w+)?)*"
)
_DIFFERENT = re.compile(
    r"'|:=|for \(|\(yield|\d \.| \*\* |\[[^\]]*:|[^\x00-\x7f]|\\|\"\"|(?<![\w\"])(?!f)[a-zA-Z]{1,2}\""
)
_SIMPLE_WORDS = re.compile(r"(?!(?:def|class|async def|elif|else|except|finally|case|match|import|from)\b|@)")
_COMPOUND = re.compile(r"(?:if|for|while|with|async for|async with)\b")


def format_in_place(
    lines: Sequence[str], statements: Iterable[tuple[int, int]], has_f_strings: bool, mode: black.Mode
) -> list[str] | None:
    """The lines with the ``statements`` formatted, which are given by their first and last lines (from 0).

    ``has_f_strings``: the file has some, by which black tells for which Python it is. None where more than the
    statements matters: definitions, clauses, imports that aren't plain, blank lines.
    """
    import black

    by_depth: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for first, last in statements:
        indent = len(lines[first]) - len(lines[first].lstrip())
        if not indent:
            if not _is_plain_import(lines, first, last, mode.line_length):
                return None
            continue
        if indent % _STEP or not _SIMPLE_WORDS.match(lines[first], indent):
            return None
        if first != last or not _is_plain(lines[first], mode):
            by_depth[indent // _STEP].append((first, last))
    if not by_depth:
        return list(lines)
    text = _text(lines, by_depth) + ('_(f"")\n' if has_f_strings else "")
    return _replaced(lines, by_depth, black.format_str(text, mode=mode))


def _is_plain(line: str, mode: black.Mode) -> bool:
    """Whether the one line of a statement is surely as black has it: it is short, and as ``ast`` would write it.

    That leaves out all that the two write in different ways: slices, powers, other quotes, comments, parentheses
    that may be left out.
    """
    text = line.strip()
    if len(line) > mode.line_length or mode.preview or _DIFFERENT.search(text):
        return False
    try:
        if _COMPOUND.match(text):
            return ast.unparse(ast.parse(f"{text} pass")).replace("'", '"') == f"{text}\n    pass"
        return ast.unparse(ast.parse(text)).replace("'", '"') == text
    except SyntaxError:
        return False


def _is_plain_import(lines: Sequence[str], first: int, last: int, line_length: int) -> bool:
    """Whether black has nothing to do for an import at the top level, nor for the blank lines beside it."""
    line = lines[first]
    if first != last or len(line) > line_length or not _PLAIN_IMPORT.fullmatch(line):
        return False
    below = next((i for i in range(first + 1, len(lines)) if lines[i].strip()), len(lines))
    above = next((i for i in range(first - 1, -1, -1) if lines[i].strip()), -1)
    if below == len(lines) or above < 0:
        return False
    blank_below, blank_above = below - first - 1, first - above - 1
    is_followed = _IMPORT.fullmatch(lines[below]) is not None and blank_below <= 1
    is_preceded = (_IMPORT.fullmatch(lines[above]) is not None or lines[above] == ")") and blank_above <= 1
    return (is_followed or blank_below == 1 or blank_below == 2) and (is_preceded or blank_above == 1)


def _text(lines: Sequence[str], by_depth: dict[int, list[tuple[int, int]]]) -> str:
    """Each depth's statements below as many conditions as it takes, those that open a block with a block."""
    text: list[str] = []
    for depth, statements in by_depth.items():
        text += [" " * _STEP * level + "if _:" for level in range(depth)]
        for first, last in statements:
            text += lines[first : last + 1]
            if _COMPOUND.match(lines[first], depth * _STEP):
                text.append(" " * _STEP * (depth + 1) + "pass")
    return "\n".join(text) + "\n"


def _replaced(
    lines: Sequence[str], by_depth: dict[int, list[tuple[int, int]]], formatted: str
) -> list[str] | None:
    """The lines with what black has made of the statements; None where that isn't as many."""
    new = formatted.split("\n")
    places: list[tuple[int, int, list[str]]] = []
    for (depth, statements), node in zip(by_depth.items(), ast.parse(formatted).body, strict=False):
        body: list[ast.stmt] = [node]
        for _ in range(depth):
            body = getattr(body[0], "body", [])
        if len(body) != len(statements):
            return None
        for (first, last), statement in zip(statements, body, strict=True):
            block = getattr(statement, "body", None)
            end = block[0].lineno - 1 if block else statement.end_lineno or statement.lineno
            places.append((first, last, new[statement.lineno - 1 : end]))
    found = list(lines)
    for first, last, replacement in sorted(places, reverse=True):
        found[first : last + 1] = replacement
    return found
