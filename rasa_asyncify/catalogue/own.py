"""What a project says of its own libraries: the `blocking` and `non-blocking` lists of its pyproject.toml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from rasa_asyncify.catalogue.library import Library, LibraryClass

# What a project's own replacement is called as a kind of native form; the name follows.
OWN_NATIVE = "own:"
_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\.\*)?")


@dataclass(frozen=True)
class Entry:
    """One of the `blocking`: a dotted ``name``, perhaps with `*` at its end, and what to await in its place.

    ``native`` is a dotted function's name for a function, a method's name for a method.
    """

    name: str
    native: str | None = None


@dataclass(frozen=True)
class OwnEntries:
    """All that a project says."""

    blocking: tuple[Entry, ...] = ()
    non_blocking: tuple[str, ...] = ()

    def blocks(self, name: str) -> bool | None:
        """What is said of the dotted ``name``; None where nothing is."""
        if any(_fits(name, pattern) for pattern in self.non_blocking):
            return False
        return True if any(_fits(name, entry.name) for entry in self.blocking) else None

    def roots(self) -> set[str]:
        """The import roots that anything is said of."""
        names = [*(entry.name for entry in self.blocking), *self.non_blocking]
        return {name.partition(".")[0] for name in names}

    def extend(self, root: str, library: Library | None) -> Library:
        """The library with the project's own entries."""
        library = library or Library(root)
        for entry in self.blocking:
            if entry.name.partition(".")[0] == root:
                library = _with_entry(library, entry)
        for pattern in self.non_blocking:
            if pattern.partition(".")[0] == root:
                library = _without(library, pattern)
        return library


def read_blocking(value: object) -> tuple[Entry, ...]:
    """The entries of the setting `blocking`.

    Raises:
        ValueError: what is wrong with it.
    """
    if not isinstance(value, list):
        raise ValueError("must be a list of names")
    return tuple(map(_entry, value))


def read_non_blocking(value: object) -> tuple[str, ...]:
    """The names of the setting `non-blocking`.

    Raises:
        ValueError: what is wrong with it.
    """
    if not isinstance(value, list):
        raise ValueError("must be a list of names")
    return tuple(_name(item) for item in value)


def _fits(name: str, pattern: str) -> bool:
    """Whether ``pattern`` is the name, or stands for all that is directly in the same module or class."""
    return name == pattern or f"{name.rpartition('.')[0]}.*" == pattern


def _entry(item: object) -> Entry:
    if not isinstance(item, Mapping):
        return Entry(_name(item))
    unknown = set(item) - {"name", "native"}
    if unknown or "name" not in item:
        raise ValueError(f'must hold names or {{ name = "...", native = "..." }}, not {dict(item)!r}')
    name = _name(item["name"])
    native = item.get("native")
    if native is None:
        return Entry(name)
    if name.endswith("*"):
        raise ValueError(f"names one replacement for all of {name!r}")
    if not isinstance(native, str) or not _NAME.fullmatch(native) or native.endswith("*"):
        raise ValueError(f"must name the replacement for {name!r}, not {native!r}")
    if ("." in native) == _is_method(name):
        kind = "the name of a method" if _is_method(name) else "a dotted name"
        raise ValueError(f"needs {kind} as the replacement for {name!r}, not {native!r}")
    return Entry(name, native)


def _name(item: object) -> str:
    if not isinstance(item, str) or not _NAME.fullmatch(item) or "." not in item:
        raise ValueError(f'must hold dotted names such as "mycorp.crm.Client.*", not {item!r}')
    return item


def _is_method(name: str) -> bool:
    """Whether the name is that of a method: what is before its last dot starts with a capital, as classes do."""
    return name.rpartition(".")[0].rpartition(".")[2][:1].isupper()


def _with_entry(library: Library, entry: Entry) -> Library:
    owner, _, member = entry.name.rpartition(".")
    native = {**library.native, entry.name: OWN_NATIVE + entry.native} if entry.native else library.native
    if not _is_method(entry.name):
        blocking, not_blocking = library.blocking | {entry.name}, library.not_blocking - {entry.name}
        return replace(library, blocking=blocking, not_blocking=not_blocking, native=native)
    known = library.classes.get(owner) or LibraryClass(owner, library)
    known = replace(known, blocking=known.blocking | {member}, not_blocking=known.not_blocking - {member})
    return replace(library, native=native, classes={**library.classes, owner: known})


def _without(library: Library, pattern: str) -> Library:
    classes = {name: _class_without(cls, pattern) for name, cls in library.classes.items()}
    blocking = frozenset(n for n in library.blocking if not _fits(n, pattern))
    return replace(library, blocking=blocking, not_blocking=library.not_blocking | {pattern}, classes=classes)


def _class_without(cls: LibraryClass, pattern: str) -> LibraryClass:
    def left(names: frozenset[str]) -> frozenset[str]:
        return frozenset(n for n in names if not _fits(f"{cls.name}.{n}", pattern))

    owner, _, member = pattern.rpartition(".")
    silenced = {member} if owner == cls.name else set()
    return replace(
        cls,
        blocking=left(cls.blocking) if member != "*" or not silenced else frozenset(),
        not_blocking=cls.not_blocking | silenced,
        blocking_attributes=left(cls.blocking_attributes),
        operations=left(cls.operations),
    )
