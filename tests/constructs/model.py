"""What generated programs are made of.

A construct takes callables of one argument, the holes `$a` and `$b` of its source, and gives another one. So
constructs go into each other, as deep as one likes, and each is written only once.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field
from typing import Any

PART = "# elsewhere\n"  # what follows may stand in another module


@dataclass(frozen=True)
class Construct:
    """A way to call, or for leaves to block.

    `source` defines names that end in `_N`; `result` is an expression: a callable of one argument, with which
    `str` can do something. `imports` are what the source needs, lines of their own. A leaf may have an
    `inline` form: what stands for a call with the argument `$key`.
    """

    name: str
    source: str
    result: str
    imports: tuple[str, ...] = ()
    inline: str = ""

    @property
    def parts(self) -> list[str]:
        """The pieces of the source that may go into different modules."""
        return [textwrap.dedent(part).strip("\n") for part in self.source.split(PART)]

    @property
    def holes(self) -> list[str]:
        """The holes that it has, in order."""
        return sorted(set(re.findall(r"\$([a-c])\b", self.source + self.result)))


@dataclass(frozen=True)
class ActionShape:
    """An action named `action_N`, or as `action` says; `call` are more arguments of `action_call`."""

    name: str
    source: str
    imports: tuple[str, ...] = ()
    action: str = "action_N"
    call: dict[str, Any] = field(default_factory=dict)

    @property
    def parts(self) -> list[str]:
        """The pieces of the source that may go into different modules."""
        return [textwrap.dedent(part).strip("\n") for part in self.source.split(PART)]

    @property
    def holes(self) -> list[str]:
        """The holes that it has, in order."""
        return sorted(set(re.findall(r"\$([a-c])\b", self.source)))


def construct(name: str, source: str, result: str, *imports: str, inline: str = "") -> Construct:
    """A construct, with its imports in a row."""
    return Construct(name, source, result, imports, inline)
