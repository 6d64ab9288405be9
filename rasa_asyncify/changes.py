"""What a run gives: changed files, files that could not be migrated, and the plan behind it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from rasa_asyncify.plan import Finding, Plan
from rasa_asyncify.source import Source, encode


@dataclass(frozen=True)
class FileError:
    """A file that could not be read, parsed or migrated; ``line`` is 1-based."""

    path: Path
    line: int | None
    cause: str


@dataclass(frozen=True)
class Change:
    """One file before and after. ``before`` is None for a new file; ``unformatted`` says why black left it."""

    path: Path
    before: Source | None
    after: str
    unformatted: str | None = None

    def data(self) -> bytes:
        """The bytes to write."""
        if self.before is None:
            return self.after.encode("utf-8")
        return encode(self.before, self.after)


@dataclass
class Result:
    """Everything a run found out."""

    root: Path
    targets: list[Path]
    changes: list[Change] = field(default_factory=list)
    errors: list[FileError] = field(default_factory=list)
    plan: Plan = field(default_factory=Plan)
    # The libraries that the project imported before, and doesn't now.
    unused: frozenset[str] = frozenset()
    # The run with all its trees: taking them apart costs a third of parsing, so it's left to the process's end.
    run: object = field(default=None, repr=False)

    @property
    def findings(self) -> list[Finding]:
        """The findings, by place."""
        return sorted(set(self.plan.findings), key=lambda f: (str(f.path), f.line, f.message))


def relative(path: Path, root: Path | None = None) -> str:
    """``path`` as a user would write it: relative to the working folder where it lies below."""
    try:
        return (
            os.path.relpath(path, root or Path.cwd())
            if path.is_relative_to(root or Path.cwd())
            else str(path)
        )
    except ValueError:
        return str(path)
