"""Which lines of a text are not those of another: as ``difflib``, in less time for long texts that are much alike.

``difflib`` compares each line with all that read the same. Lines that occur once in both texts are paired first here,
as in a patience diff, and only what is between two of them is left to it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

Opcode = tuple[str, int, int, int, int]


def opcodes(old: Sequence[str], new: Sequence[str]) -> Iterator[Opcode]:
    """As ``SequenceMatcher(None, old, new, autojunk=False).get_opcodes()``, where equal parts may come in pieces."""
    i = j = 0
    for at, other in [*_anchors(old, new), (len(old), len(new))]:
        yield from _between(old, new, (i, at), (j, other))
        if at < len(old):
            yield ("equal", at, at + 1, other, other + 1)
        i, j = at + 1, other + 1


def _between(
    old: Sequence[str], new: Sequence[str], first: tuple[int, int], second: tuple[int, int]
) -> Iterator[Opcode]:
    left, right = old[slice(*first)], new[slice(*second)]
    if left == right:
        if left:
            yield ("equal", *first, *second)
        return
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        yield (kind, first[0] + i1, first[0] + i2, second[0] + j1, second[0] + j2)


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """The places of lines that each text has once, as many as are in the same order in both."""
    counts, others = Counter(old), Counter(new)
    places = {line: place for place, line in enumerate(new) if others[line] == 1}
    pairs = [(i, places[line]) for i, line in enumerate(old) if counts[line] == 1 and line in places]
    return _longest_rising(pairs)


def _longest_rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest row of pairs whose second parts rise, too."""
    ends: list[int] = []  # the least second part that a row of that length ends with
    last: list[int] = []  # and the pair that it belongs to
    before: list[int | None] = []
    for place, (_, value) in enumerate(pairs):
        length = bisect_left(ends, value)
        before.append(last[length - 1] if length else None)
        ends[length : length + 1] = [value]
        last[length : length + 1] = [place]
    found: list[tuple[int, int]] = []
    at = last[-1] if last else None
    while at is not None:
        found.append(pairs[at])
        at = before[at]
    return found[::-1]
