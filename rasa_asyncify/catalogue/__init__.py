"""What blocks, as data: one TOML file an import root, read only where a project imports it. See SCHEMA.md."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rasa_asyncify.catalogue.own import OwnEntries


@dataclass(frozen=True)
class LibraryClass:
    """A class of a library, by its full dotted name."""

    name: str
    library: Library
    thread: str | None = None
    blocking: frozenset[str] = frozenset()
    not_blocking: frozenset[str] = frozenset()
    returns: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    blocking_attributes: frozenset[str] = frozenset()
    operations: frozenset[str] = frozenset()
    given: Mapping[str, str] = field(default_factory=dict)
    bases: tuple[str, ...] = ()
    cpu: frozenset[str] = frozenset()

    def blocks(self, method: str) -> bool:
        """Whether calling ``method`` blocks."""
        if method in self.blocking:
            return True
        return "*" in self.blocking and method not in self.not_blocking and not method.startswith("__")

    def result(self, method: str) -> str | None:
        """The class of what ``method`` returns."""
        found = self.returns.get(method)
        if found is None and not method.startswith("__"):
            found = self.returns.get("*")
        return self.name if found == "self" else found

    def attribute(self, name: str) -> str | None:
        """The class of the attribute ``name``."""
        found = self.attributes.get(name)
        if found is None and not name.startswith("__"):
            found = self.attributes.get("*")
        return self.name if found == "self" else found


@dataclass(frozen=True)
class Library:
    """What the catalogue knows of one import root."""

    root: str
    source: str = ""
    kind: str = "io"
    aliases: Mapping[str, str] = field(default_factory=dict)
    blocking: frozenset[str] = frozenset()
    not_blocking: frozenset[str] = frozenset()
    returns: Mapping[str, str] = field(default_factory=dict)
    native: Mapping[str, str] = field(default_factory=dict)
    classes: dict[str, LibraryClass] = field(default_factory=dict)
    cpu: frozenset[str] = frozenset()
    opens_files: Mapping[str, int] = field(default_factory=dict)
    reads_files: Mapping[str, int] = field(default_factory=dict)
    writes_files: Mapping[str, int] = field(default_factory=dict)
    exclusive: tuple[str, ...] = ()
    exclusive_where: str = ""

    def blocks(self, name: str) -> bool:
        """Whether calling the function or class ``name`` blocks."""
        if name in self.not_blocking or f"{name.rpartition('.')[0]}.*" in self.not_blocking:
            return False
        if name in self.blocking:
            return True
        return f"{name.rpartition('.')[0]}.*" in self.blocking

    def computes(self, name: str) -> bool:
        """Whether the blocking function, class or method ``name`` keeps the processor busy."""
        owner, _, member = name.rpartition(".")
        cls = self.classes.get(owner) or self.classes.get(name)
        if self.kind == "cpu" or name in self.cpu or f"{owner}.*" in self.cpu:
            return True
        return cls is not None and not cls.cpu.isdisjoint((member, "*"))


class Catalogue:
    """Answers questions about external dotted names: by the files, and by what a project says of its ``own``."""

    def __init__(self, own: OwnEntries | None = None) -> None:
        self.own = own
        self._extended: dict[str, Library] = {}
        if own is not None:
            self._extended = {root: own.extend(root, _load(root)) for root in own.roots()}

    def library(self, name: str) -> Library | None:
        """The library that the dotted ``name`` belongs to; None if unknown."""
        root = name.partition(".")[0]
        return self._extended.get(root) or _load(root)

    def own_says(self, name: str) -> bool | None:
        """Whether the project says that ``name`` blocks; None where it says nothing."""
        return self.own.blocks(name) if self.own is not None else None

    def members(self, module: str) -> list[str]:
        """The blocking functions that are known directly in ``module``."""
        library = self.library(module)
        return sorted(n for n in library.blocking if n.rpartition(".")[0] == module) if library else []

    def canonical(self, name: str) -> str:
        """The name under which the catalogue files ``name``."""
        library = self.library(name)
        if library is None:
            return name
        seen = 0
        while name in library.aliases and seen < 5:
            name = library.aliases[name]
            seen += 1
        return name

    def blocks(self, name: str) -> bool:
        """Whether calling the function or class ``name`` (canonical) blocks."""
        library = self.library(name)
        return library is not None and library.blocks(name)

    def native(self, name: str) -> str | None:
        """The kind of native replacement known for ``name`` (canonical)."""
        library = self.library(name)
        return library.native.get(name) if library else None

    def computes(self, name: str) -> bool:
        """Whether what blocks under ``name`` keeps the processor busy, rather than waiting."""
        library = self.library(name)
        return library is not None and library.computes(name)

    def cls(self, name: str) -> LibraryClass | None:
        """The class entry ``name`` (canonical)."""
        library = self.library(name)
        return library.classes.get(name) if library else None

    def result(self, name: str) -> str | None:
        """The class of what calling the function or class ``name`` (canonical) returns."""
        library = self.library(name)
        if library is None:
            return None
        return name if name in library.classes else library.returns.get(name)


_FOLDER = Path(__file__).parent


def is_known(name: str) -> bool:
    """Whether the catalogue has a file for the library that the dotted ``name`` belongs to."""
    return name.partition(".")[0] in _names()


@cache
def _names() -> frozenset[str]:
    return frozenset(path.stem for path in _FOLDER.glob("*.toml"))


@cache
def _load(root: str) -> Library | None:
    if root not in _names():
        return None
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    text = (_FOLDER / f"{root}.toml").read_text("utf-8")
    return _library(root, tomllib.loads(text))


def _library(root: str, data: dict[str, Any]) -> Library:
    functions, files = data.get("functions", {}), data.get("files", {})
    library = Library(
        root,
        data.get("source", ""),
        data.get("kind", "io"),
        data.get("aliases", {}),
        frozenset(functions.get("blocking", ())),
        frozenset(functions.get("not-blocking", ())),
        data.get("returns", {}),
        data.get("native", {}),
        cpu=frozenset(functions.get("cpu", ())),
        opens_files=files.get("opens", {}),
        reads_files=files.get("reads", {}),
        writes_files=files.get("writes", {}),
        exclusive=tuple(data.get("exclusive", ())),
        exclusive_where=data.get("exclusive-where", ""),
    )
    tables: dict[str, dict[str, Any]] = data.get("class", {})
    for name in tables:
        library.classes[name] = _class(library, name, tables)
    return library


def _class(library: Library, name: str, tables: dict[str, dict[str, Any]]) -> LibraryClass:
    own = tables[name]
    merged: dict[str, Any] = {}
    for table in [*(tables[b] for b in own.get("bases", ()) if b in tables), own]:
        for key, value in table.items():
            if isinstance(value, dict):
                merged[key] = {**merged.get(key, {}), **value}
            elif isinstance(value, list):
                merged[key] = [*merged.get(key, []), *value]
            else:
                merged[key] = value
    return LibraryClass(
        name,
        library,
        merged.get("thread"),
        frozenset(merged.get("blocking", ())),
        frozenset(merged.get("not-blocking", ())),
        merged.get("returns", {}),
        merged.get("attributes", {}),
        frozenset(merged.get("blocking-attributes", ())),
        frozenset(merged.get("operations", ())),
        merged.get("given", {}),
        tuple(own.get("bases", ())),
        frozenset(merged.get("cpu", ())),
    )
