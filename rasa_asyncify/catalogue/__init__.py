"""What blocks, as data: one TOML file an import root, read only where a project imports it. See SCHEMA.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rasa_asyncify.catalogue.files import beside, is_known, load
from rasa_asyncify.catalogue.library import Library, LibraryClass

if TYPE_CHECKING:
    from rasa_asyncify.catalogue.own import OwnEntries

__all__ = ["Catalogue", "Library", "is_known"]


class Catalogue:
    """Answers questions about external dotted names: by the files, and by what a project says of its ``own``."""

    def __init__(self, own: OwnEntries | None = None) -> None:
        self.own = own
        self._extended: dict[str, Library] = {}
        if own is not None:
            self._extended = {root: own.extend(root, load(root)) for root in own.roots()}

    def library(self, name: str) -> Library | None:
        """The library that the dotted ``name`` belongs to; None if unknown."""
        root = name.partition(".")[0]
        return self._extended.get(root) or load(root)

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

    def effects(self, name: str) -> str:
        """The `effects` (see SCHEMA.md) of the function or method ``name`` (canonical); "" where nothing is said."""
        library, cls = self.library(name), self.cls(name.rpartition(".")[0])
        said = (cls.effects if cls else "") or (library.effects if library else "")
        return said or beside().effects.get(name.partition(".")[0], "")

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
