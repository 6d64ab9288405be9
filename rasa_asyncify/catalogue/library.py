"""What the catalogue knows of one library, and how that is made from its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
    effects: str = ""

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
    effects: str = ""

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


def library_of(root: str, data: dict[str, Any]) -> Library:
    """The library ``root`` from what its file holds."""
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
        effects=data.get("effects", ""),
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
        merged.get("effects", ""),
    )
