"""The plan: every decision as data, with its place, its rule and its reason. Rewriting only does what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rasa_asyncify.edits import Edit


@dataclass(frozen=True)
class Finding:
    """Something a maintainer should know; ``blocks`` where a blocking call stays on the event loop."""

    rule: str
    path: Path
    line: int
    message: str
    blocks: bool = False


@dataclass(frozen=True)
class Home:
    """Where a module has a helper from: the ``from`` part of the import, or nothing for the module itself.

    ``otherwise`` is another ``from`` part, for where the first can't be imported. ``after`` is the text of an import
    statement of the module's own that has to stand above.
    """

    origin: str = ""
    otherwise: str = ""
    after: str = ""

    def __bool__(self) -> bool:
        return bool(self.origin)


IN_MODULE = Home()


@dataclass
class ModulePlan:
    """What changes in one module.

    ``names`` maps "asyncio", "aiohttp", "json" and the helpers to the names they go by in the module; ``imports``
    are those that it doesn't import yet, as (module, name), with an empty name for ``import module``. ``homes`` tells
    of each helper in use where it comes from.
    ``keep_imports`` are names that others take from the module. ``workers`` is the size of a pool that is made in it.
    """

    path: Path
    edits: list[Edit] = field(default_factory=list)
    homes: dict[str, Home] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    imports: tuple[tuple[str, str], ...] = ()
    keep_imports: frozenset[str] = frozenset()
    workers: int | None = None


@dataclass(frozen=True)
class NewFile:
    """A private module that holds ``helpers``."""

    path: Path
    helpers: frozenset[str]


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

    def add(self, path: Path, edit: Edit) -> None:
        """Add ``edit`` to the module at ``path``, unless the place has one of its kind."""
        edits = self.module(path).edits
        if all(known.spans != edit.spans or type(known) is not type(edit) for known in edits):
            edits.append(edit)
