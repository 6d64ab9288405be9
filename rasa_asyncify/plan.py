"""The plan: every decision as data, with its place, its rule and its reason. Rewriting only does what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rasa_asyncify.edits import Edit

POOL_MODULE = "_blocking_calls"  # the private module of a package that holds the pool


@dataclass(frozen=True)
class Finding:
    """Something a maintainer should know; ``blocks`` where a blocking call stays on the event loop."""

    rule: str
    path: Path
    line: int
    message: str
    blocks: bool = False


@dataclass
class ModulePlan:
    """What changes in one module.

    ``names`` maps "asyncio", "aiohttp", "json" and "in_thread" to the names they go by in the module; ``imports``
    are the modules among them that it doesn't import yet. ``pool`` is where ``in_thread`` comes from: None where it
    isn't needed, "" for the module itself, else the ``from`` part of the import. ``keep_imports`` are names that
    others take from the module.
    """

    path: Path
    edits: list[Edit] = field(default_factory=list)
    pool: str | None = None
    names: dict[str, str] = field(default_factory=dict)
    imports: tuple[str, ...] = ()
    keep_imports: frozenset[str] = frozenset()


@dataclass(frozen=True)
class NewFile:
    """A private module with the pool and its helper. ``alone``: with the single-thread helper too."""

    path: Path
    alone: bool


@dataclass
class Plan:
    """All decisions for a project."""

    modules: dict[Path, ModulePlan] = field(default_factory=dict)
    new_files: list[NewFile] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    wider: set[Path] = field(default_factory=set)

    def module(self, path: Path) -> ModulePlan:
        """The plan for the module at ``path``, made on first use."""
        return self.modules.setdefault(path, ModulePlan(path))
