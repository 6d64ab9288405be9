"""Formats with black what a migration changed, and nothing else.

black can format a range of lines, but takes the whole statement with it, the blank lines around it
and sometimes more. So its result is compared with what it was given, line by line, and taken over
only where the migration had been at work.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rasa_asyncify.formatting_in_place import format_in_place
from rasa_asyncify.line_changes import opcodes
from rasa_asyncify.rewrite.folding import F_STRING, condense

if TYPE_CHECKING:
    import black

_STANDARD_INDENT = "    "
_HEADERS = frozenset(["if", "elif", "else", "for", "while", "try", "except", "finally", "with"])
_OTHER_QUOTES = re.compile(r"[rRbBuU]{0,2}'(?!')[^'\"\\\n]*'")
_NUMBERS = {1: "one space", 2: "two spaces", 3: "three spaces", 8: "eight spaces"}


@dataclass(frozen=True)
class Formatted:
    """The text to write, and why black left it alone (None: it did not)."""

    text: str
    skipped: str | None


def format_changes(before: str, after: str, *, path: Path, root: Path, mode: str) -> Formatted:
    """Format the text of a migrated file, by the `[tool.black]` of the project at `root`.

    `before` and `after` are the file's text without and with the migration's changes ("" before:
    a new file); `mode` is "changed", "whole-file" or "off". With "changed", a file that was as
    black has it is formatted as a whole, so that it still is; in any other only the statements
    that the migration wrote are (those of which it changed the first and the last line): a line
    that it did not change stays, unless it is within such a statement.
    Where black cannot be used, the text is `after` and `skipped` says why; nothing is raised.
    """
    if mode == "off" or before == after:
        return Formatted(after, None)
    if "\r" in after or "\r" in before:
        return Formatted(after, "mixed newlines")
    if mode == "changed" and (indent := _odd_indent(before)) is not None:
        return Formatted(after, f"indented by {indent}")
    try:
        black_mode = _black_mode(root, path.suffix == ".pyi")
    except Exception as error:
        # whatever stands in the file: unknown versions, wrong types, no TOML
        return Formatted(after, f"the configuration of black cannot be used: {_first_line(error)}")
    try:
        text = _formatted(before, after, black_mode, whole=mode == "whole-file")
        if not _is_equivalent(after, text):
            return Formatted(after, "the result of black would not mean the same")
    except Exception as error:  # black fails in many ways, and a migration must not
        return Formatted(after, f"black failed: {_first_line(error)}")
    return Formatted(text, None)


def _formatted(before: str, after: str, mode: black.Mode, *, whole: bool) -> str:
    import black

    if whole or not before:
        return black.format_str(after, mode=mode)
    try:
        changes = _Changes.between(before, after)
    except (SyntaxError, tokenize.TokenError):
        return black.format_str(after, mode=mode)  # which says what is wrong
    if not (mode.string_normalization and changes.has_other_quotes):
        text = _touched(changes, mode)
        if text == after or (changes.hold(text) and black.format_str(before, mode=mode) == before):
            return text
    ranges = _ranges(changes.lines)
    if not ranges:
        return after
    for attempt in (_together, _one_by_one, _with_all_others):
        formatted = attempt(changes, ranges, mode)
        if formatted is not None:
            return formatted
    raise ValueError("it cannot format a part of this file")


def _touched(changes: _Changes, mode: black.Mode) -> str:
    """The text with all touched statements formatted, and with the blank lines that black wants beside them."""
    import black

    text = "\n".join(changes.after)
    if not changes.blank:
        lines = format_in_place(changes.after, changes.statements, F_STRING.search(text) is not None, mode)
        if lines is not None:
            return "\n".join(lines)
    try:
        condensed = condense(text, (line + 1 for line in changes.touched))
    except SyntaxError:
        return black.format_str(text, mode=mode)
    return condensed.unfold(black.format_str(condensed.text, mode=mode))


def _together(changes: _Changes, ranges: list[tuple[int, int]], mode: black.Mode) -> str | None:
    """The text with the lines in `ranges` formatted; all where it is empty. None: black fails."""
    import black

    # black drops blank lines at the start, and then counts without them
    blank = next(index for index, line in enumerate(changes.after) if line.strip())
    lines = [(first - blank + 1, last - blank + 1) for first, last in ranges]
    body = "\n".join(changes.after[blank:])
    try:
        result = black.format_str(body, mode=mode, lines=lines)
        text = changes.confine([*changes.after[:blank], *result.split("\n")])
        return text if _is_equivalent("\n".join(changes.after), text) else None
    except Exception:  # it fails on some ranges of what it can format as a whole
        return None


def _one_by_one(changes: _Changes, ranges: list[tuple[int, int]], mode: black.Mode) -> str | None:
    """The text with those of the ranges formatted that black can; None: it can none."""
    formatted: str | None = None
    for first, last in reversed(ranges):  # from below, so that the lines above keep their numbers
        one = replace(changes, lines=frozenset(range(first, last + 1)))
        text = _together(one, [(first, last)], mode)
        if text is not None:
            formatted = text
            changes = replace(changes, after=text.split("\n"))
    return formatted


def _with_all_others(changes: _Changes, _: list[tuple[int, int]], mode: black.Mode) -> str | None:
    """Before 26, black fails on every range of a file with an `else: pass` in one line."""
    return _together(changes, [], mode)


@dataclass(frozen=True)
class _Changes:
    """The text after a migration, as lines, and what the migration changed in it (from 0)."""

    after: list[str]
    lines: frozenset[int]  # of statements to format, and comments
    blank: frozenset[int]  # changed as well, but without a say in what is formatted
    touched: frozenset[int]  # of statements of which anything changed
    statements: tuple[tuple[int, int], ...]  # these, by their first and last lines
    has_other_quotes: bool  # than black's, in a statement that isn't touched

    @classmethod
    def between(cls, before: str, after: str) -> _Changes:
        new = after.split("\n")
        changed: set[int] = set()
        for kind, _, _, start, end in opcodes(before.split("\n"), new):
            if kind != "equal":
                changed.update(range(start, end))
        blank = frozenset(line for line in changed if not new[line].strip())
        lines = changed - blank
        touched = set(lines)
        whole: list[tuple[int, int]] = []
        code = _Code.read(after)
        for first, last, can_format in code.statements:
            statement = range(first, last + 1)
            if not changed.isdisjoint(statement):
                touched.update(statement)
                whole.append((first, last))
            if can_format and first in changed and last in changed:
                lines.update(statement)
            else:
                lines.difference_update(statement)
        other_quotes = not touched.issuperset(code.other_quotes)
        return cls(new, frozenset(lines), blank, frozenset(touched), tuple(whole), other_quotes)

    def hold(self, result: str) -> bool:
        """Whether what black made of the text differs from it only in touched statements, and beside them."""
        return all(
            kind == "equal" or self._is_of_touched(start, end)
            for kind, start, end, _, _ in opcodes(self.after, result.split("\n"))
        )

    def _is_of_touched(self, start: int, end: int) -> bool:
        """Whether the lines are of touched statements, or blank ones beside them."""
        written = [line for line in range(start, end) if self.after[line].strip()]
        if written:
            return self.touched.issuperset(written)
        above, below = start - 1, end
        while above >= 0 and not self.after[above].strip():
            above -= 1
        while below < len(self.after) and not self.after[below].strip():
            below += 1
        return above in self.touched or below in self.touched

    def confine(self, result: list[str]) -> str:
        """What black made of the text, taken over only where it is about the changed lines."""
        text: list[str] = []
        ours_above = False
        for line in self._choose(result):
            text += self._blank_lines(line, ours_above, result)
            text.append(line.text)
            ours_above = line.ours
        return "\n".join(text + [self.after[i] for i in _blank_above(self.after, len(self.after))])

    def _choose(self, result: list[str]) -> Iterator[_Line]:
        """The lines of one text or the other, without the blank ones, which match anywhere."""
        old = [index for index, line in enumerate(self.after) if line.strip()]
        new = [index for index, line in enumerate(result) if line.strip()]
        keys = [_key(self.after[i]) for i in old], [_key(result[i]) for i in new]
        for _, i1, i2, j1, j2 in opcodes(*keys):
            if i2 - i1 == j2 - j1:
                for i, j in zip(old[i1:i2], new[j1:j2], strict=True):
                    ours = i in self.lines
                    yield _Line(result[j] if ours else self.after[i], i, j, ours)
            elif self._are_ours(old, i1, i2):
                yield _Line(result[new[j1]], old[i1] if i1 < i2 else None, new[j1], True)
                for j in new[j1 + 1 : j2]:
                    yield _Line(result[j], None, j, True)
            else:  # black went beyond what was changed
                for i in old[i1:i2]:
                    yield _Line(self.after[i], i, None, False)

    def _are_ours(self, old: list[int], start: int, end: int) -> bool:
        if start == end:  # new lines: beside one that changed
            return not self.lines.isdisjoint(old[max(start - 1, 0) : start + 1])
        return self.lines.issuperset(old[start:end])

    def _blank_lines(self, line: _Line, ours_above: bool, result: list[str]) -> list[str]:
        """Those above a line: black's between two that changed, else as they were."""
        was = _blank_above(self.after, line.old) if line.old is not None else range(0)
        if ours_above and line.ours and line.new is not None and self.blank.issuperset(was):
            return [result[index] for index in _blank_above(result, line.new)]
        return [self.after[index] for index in was]


@dataclass(frozen=True)
class _Line:
    """A line to write, where it stands in the text before and after black, and if it changed."""

    text: str
    old: int | None
    new: int | None
    ours: bool


def _key(line: str) -> str:
    """What is the same in a line before and after black, mostly: not its spaces and quotes."""
    text = line.lstrip()
    return line[: len(line) - len(text)] + "".join(text.split()).replace("'", '"')


def _blank_above(lines: list[str], index: int) -> range:
    start = index
    while start > 0 and not lines[start - 1].strip():
        start -= 1
    return range(start, index)


def _ranges(lines: frozenset[int]) -> list[tuple[int, int]]:
    """First and last of the lines that follow each other."""
    ranges: list[tuple[int, int]] = []
    for line in sorted(lines):
        if ranges and ranges[-1][1] == line - 1:
            ranges[-1] = (ranges[-1][0], line)
        else:
            ranges.append((line, line))
    return ranges


@dataclass(frozen=True)
class _Code:
    """What the tokens of a text tell; all lines count from 0.

    `statements` has the first and last line of each simple statement and each header of a compound
    one, and whether black can format it by itself: it would misplace one that it would indent
    otherwise, and breaks `else: pass` apart from its `if`. `other_quotes` are lines with strings
    that black would put into double quotes.
    """

    statements: list[tuple[int, int, bool]]
    other_quotes: list[int]

    @classmethod
    def read(cls, text: str) -> _Code:
        statements: list[tuple[int, int, bool]] = []
        other_quotes: list[int] = []
        depth = 0
        first: tokenize.TokenInfo | None = None
        last = ""
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.INDENT:
                depth += 1
            elif token.type == tokenize.DEDENT:
                depth -= 1
            elif token.type == tokenize.NEWLINE and first is not None:
                is_standard = first.line[: first.start[1]] == _STANDARD_INDENT * depth
                is_alone = first.string not in _HEADERS or last == ":"
                statements.append((first.start[0] - 1, token.start[0] - 1, is_standard and is_alone))
                first = None
            elif token.type not in (tokenize.NL, tokenize.COMMENT):
                first = first or token
                last = token.string
                if token.type == tokenize.STRING and _OTHER_QUOTES.fullmatch(last):
                    other_quotes.append(token.start[0] - 1)
        return cls(statements, other_quotes)


def _odd_indent(text: str) -> str | None:
    """What most blocks of a text are indented by, if that isn't four spaces."""
    indents = [""]
    steps: Counter[str] = Counter()
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.INDENT:
                steps[token.string.removeprefix(indents[-1])] += 1
                indents.append(token.string)
            elif token.type == tokenize.DEDENT:
                indents.pop()
    except (SyntaxError, tokenize.TokenError):
        return None  # black will say what is wrong
    if not steps or (step := steps.most_common(1)[0][0]) == _STANDARD_INDENT:
        return None
    return "tabs" if "\t" in step else _NUMBERS.get(len(step), f"{len(step)} spaces")


@lru_cache
def _black_mode(root: Path, is_pyi: bool) -> black.Mode:
    """The mode that `black` would use in the project, as its command line reads it."""
    import black
    from black.const import DEFAULT_LINE_LENGTH
    from black.files import find_pyproject_toml, parse_pyproject_toml
    from black.mode import Preview, TargetVersion

    path = find_pyproject_toml((str(root),))
    config: dict[str, Any] = parse_pyproject_toml(path) if path else {}
    return black.Mode(
        target_versions={TargetVersion[str(name).upper()] for name in _listed(config, "target_version")},
        line_length=int(config.get("line_length", DEFAULT_LINE_LENGTH)),
        is_pyi=is_pyi or bool(config.get("pyi", False)),
        skip_source_first_line=bool(config.get("skip_source_first_line", False)),
        string_normalization=not config.get("skip_string_normalization", False),
        magic_trailing_comma=not config.get("skip_magic_trailing_comma", False),
        preview=bool(config.get("preview", False)),
        unstable=bool(config.get("unstable", False)),
        enabled_features={Preview[name] for name in _listed(config, "enable_unstable_feature")},
    )


def _listed(config: dict[str, Any], key: str) -> list[str]:
    value = config.get(key, [])
    return [value] if isinstance(value, str) else list(value)


def _is_equivalent(before: str, after: str) -> bool:
    """black's own safety check, without the file that it leaves behind where that fails."""
    from black.parsing import parse_ast, stringify_ast

    if before == after:
        return True
    return list(stringify_ast(parse_ast(before))) == list(stringify_ast(parse_ast(after)))


def _first_line(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"unknown name {error.args[0]!r}"
    return str(error).partition("\n")[0] or type(error).__name__
