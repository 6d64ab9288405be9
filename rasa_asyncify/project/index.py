"""A project: its modules, how they import one another, and how its classes descend from one another."""

from __future__ import annotations

import ast
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rasa_asyncify.catalogue import is_known
from rasa_asyncify.project.bindings import Imported, Opaque, dotted
from rasa_asyncify.project.model import Binding, Class, Function, Module, Scope
from rasa_asyncify.project.reader import AstReader
from rasa_asyncify.source import Source


@dataclass(frozen=True)
class Folder:
    """A package, with or without ``__init__.py``, as the target of an import."""

    path: Path


class Project:
    """The parsed modules below ``root``, and those of them that are ``connected`` with a bot: all but those apart.

    A module may be imported under several names (``bot.actions.api`` from the root, ``actions.api`` from inside
    ``bot``), so that names are resolved by their last parts, nearest to the importing module first.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.modules: dict[Path, Module] = {}
        self.connected: list[Module] = []
        self._by_suffix: dict[str, list[Module]] = defaultdict(list)
        self._folders: dict[str, list[Path]] = defaultdict(list)
        self._prefix = str(root).rstrip(os.sep) + os.sep
        self._noted: set[Path] = set()
        self._classes: list[Class] | None = None
        self._found: dict[tuple[str, int, Module], tuple[Module | Folder, ...]] = {}

    def add(self, source: Source, tree: ast.Module, *, apart: bool = False) -> Module:
        """Take a parsed file in. ``source.path`` is absolute. ``apart``: no other's code has to do with its code."""
        path = source.path
        text = str(path)
        inside = text.startswith(self._prefix)
        parts = text[len(self._prefix) :].split(os.sep) if inside else [path.name]  # noqa: PTH206 - faster
        parts[-1] = parts[-1].rpartition(".")[0] or parts[-1]
        if parts[-1] == "__init__" and len(parts) > 1:
            parts.pop()
        module = Module(path, ".".join(parts), source, tree, AstReader())
        self.modules[path] = module
        if not apart:
            self.connected.append(module)
        for start in range(len(parts)):
            self._by_suffix[".".join(parts[start:])].append(module)
        if inside:
            self._note_folders(path.parent)
        return module

    def _note_folders(self, folder: Path) -> None:
        while folder not in self._noted and folder != self.root:
            self._noted.add(folder)
            self._folders[folder.name].append(folder)
            folder = folder.parent

    def link(self) -> None:
        """Connect classes with their bases, once every module is in."""
        for module in self.connected:
            _merge_globals(module)
        for cls in self.classes():
            self._link(cls)

    def _link(self, cls: Class) -> None:
        for base in cls.node.bases:
            name = dotted(base)
            target = self._base_of(cls, name, base.lineno) if name else None
            if isinstance(target, Class):
                cls.bases.append(target)
                target.subclasses.append(cls)
            elif isinstance(target, str):
                cls.external_bases.append(target)
            elif not (isinstance(base, ast.Subscript) and dotted(base.value) in ("Generic", "Protocol")):
                cls.unknown_bases = True

    def _base_of(self, cls: Class, name: str, line: int) -> Class | Function | str | None:
        """What ``name`` is where the class statement reads it: its own name may be that of its base."""
        found = cls.parent.lookup(name)
        if found is not None and found[1] is cls.parent and all(_line_of(b) >= line for b in found[0]):
            starred = self._starred(cls.module, name, frozenset())
            if isinstance(starred, (Class, str)):
                return starred
        target = self.resolve_dotted(name, cls.parent, line)
        return target if target is not cls else None

    def classes(self) -> list[Class]:
        """Every class of the project."""
        if self._classes is None:
            self._classes = [cls for module in self.connected for cls in module.scope.classes()]
        return self._classes

    def property_names(self) -> frozenset[str]:
        """The names of all properties that the project's classes define."""
        found: set[str] = set()
        for cls in self.classes():
            for nested in cls.scope.facts.nested:
                if isinstance(nested, Function) and nested.node.decorator_list and nested.is_property:
                    found.add(nested.name)
        return frozenset(found)

    def functions(self) -> Iterator[Function]:
        """Every function and method of the project."""
        for module in self.connected:
            yield from module.scope.functions()

    # -- imports ---------------------------------------------------------------

    def find_module(self, name: str, level: int, importer: Module) -> Module | Folder | None:
        """The project's module or package that ``importer`` reaches as ``name``; None if it isn't its own."""
        found = self.candidates(name, level, importer)
        return found[0] if found else None

    def candidates(self, name: str, level: int, importer: Module) -> tuple[Module | Folder, ...]:
        """All that ``name`` may mean in ``importer``, likeliest first."""
        key = (name, level, importer)
        if key not in self._found:
            self._found[key] = tuple(self._candidates(name, level, importer))
        return self._found[key]

    def _candidates(self, name: str, level: int, importer: Module) -> list[Module | Folder]:
        if level:
            folder = importer.path.parent
            for _ in range(level - 1):
                folder = folder.parent
            relative = self._at(folder, name)
            return [relative] if relative is not None else []
        head = name.partition(".")[0]
        if head in sys.stdlib_module_names or head in _NEVER_OWN:
            return []
        here = tuple(importer.path.parents)
        bases = [(m, self._base(m, name)) for m in self._by_suffix.get(name, []) if m is not importer]
        near = [(m, base) for m, base in bases if base in here]
        near.sort(key=lambda pair: (self._is_package(pair[1]), -len(pair[1].parts)))
        found: list[Module | Folder] = [m for m, _ in near]
        found += [Folder(folder) for folder in self._folders_named(name, here)]
        if not found and len(bases) == 1:
            found.append(bases[0][0])
        return found

    def _is_package(self, folder: Path) -> bool:
        return (folder / "__init__.py") in self.modules

    def _at(self, folder: Path, name: str) -> Module | Folder | None:
        path = folder.joinpath(*name.split(".")) if name else folder
        for candidate in (
            path.with_name(path.name + ".py") if name else None,
            path / "__init__.py",
        ):
            if candidate is not None and candidate in self.modules:
                return self.modules[candidate]
        known = self._folders.get(path.name, ())
        return Folder(path) if path in known or path == self.root else None

    @staticmethod
    def _base(module: Module, name: str) -> Path:
        path = module.path.parent if module.is_package else module.path
        for _ in name.split("."):
            path = path.parent
        return path

    def _folders_named(self, name: str, bases: tuple[Path, ...]) -> list[Path]:
        """The packages that ``name`` reaches from one of ``bases``, in the order of these."""
        parts = name.split(".")
        known = self._folders.get(parts[-1], ())
        return [folder for base in bases if (folder := base.joinpath(*parts)) in known]

    def member(self, owner: Module | Folder, name: str) -> Module | Folder | None:
        """The submodule ``name`` of a package."""
        folder = owner.path if isinstance(owner, Folder) else owner.path.parent
        if isinstance(owner, Module) and not owner.is_package:
            return None
        return self._at(folder, name)

    # -- names ---------------------------------------------------------------

    def resolve_import(
        self, imported: Imported, importer: Module, seen: frozenset[tuple[Module, str]] = frozenset()
    ) -> Module | Folder | Class | Function | str | tuple[Module, str] | None:
        """What an import binds: the project's own thing, a dotted external name, or ``(module, global)``."""
        own = self.find_module(imported.module, imported.level, importer)
        if isinstance(own, Folder) and not imported.level and self._is_hidden(own, imported):
            own = None
        if imported.name is None:
            return own if own is not None else imported.module
        if own is None:
            return f"{imported.module}.{imported.name}" if not imported.level else None
        for candidate in self.candidates(imported.module, imported.level, importer):
            if isinstance(candidate, Module):
                found = self.resolve_global(candidate, imported.name, seen)
                if found is not None:
                    return found
            member = self.member(candidate, imported.name)
            if member is not None:
                return member
        return None

    def _is_hidden(self, folder: Folder, imported: Imported) -> bool:
        """Whether a known library comes before a folder of its name: no package, and without what is asked for."""
        found = imported.name is not None and self.member(folder, imported.name) is not None
        return not found and not self._is_package(folder.path) and is_known(imported.module)

    def resolve_global(
        self, module: Module, name: str, seen: frozenset[tuple[Module, str]] = frozenset()
    ) -> Module | Folder | Class | Function | str | tuple[Module, str] | None:
        """What the global ``name`` of ``module`` is, followed through re-exports and star imports."""
        key = (module, name)
        if key in seen:
            return None
        seen = seen | {key}
        for binding in reversed(module.scope.bindings.get(name, [])):
            if isinstance(binding, (Function, Class)):
                return binding
            if isinstance(binding, Imported):
                found = self.resolve_import(binding, module, seen)
                if found is not None:
                    return found
                continue
            return (module, name)
        return self._starred(module, name, seen)

    def _starred(
        self, module: Module, name: str, seen: frozenset[tuple[Module, str]]
    ) -> Module | Folder | Class | Function | str | tuple[Module, str] | None:
        """What the star imports of a module bring under ``name``."""
        for node in module.scope.facts.star_imports:
            own = self.find_module(node.module or "", node.level, module)
            if isinstance(own, Module):
                starred = self.resolve_global(own, name, seen)
                if starred is not None:
                    return starred
            elif own is None and not node.level and name in _STAR_EXPORTS.get(node.module or "", ()):
                return f"{node.module}.{name}"
        return None

    def resolve_dotted(
        self, name: str, scope: Scope, line: int | None = None
    ) -> Class | Function | str | None:
        """A class, a function or an external dotted name for ``a.b.c`` written in ``scope``.

        With a ``line`` of the scope's own code, what is bound before it goes first: ``class Action(Action)``.
        """
        head, *rest = name.split(".")
        found = scope.lookup(head)
        target: Module | Folder | Class | Function | str | tuple[Module, str] | None = None
        if found is None:
            target = self.resolve_global(scope.module, head)
        else:
            for binding in _latest_first(found[0], line if found[1] is scope else None):
                if isinstance(binding, (Function, Class)):
                    target = binding
                elif isinstance(binding, Imported):
                    target = self.resolve_import(binding, scope.module)
                if target is not None:
                    break
        for part in rest:
            if isinstance(target, str):
                target = f"{target}.{part}"
            elif isinstance(target, Module):
                target = self.resolve_global(target, part) or self.member(target, part)
            elif isinstance(target, Folder):
                target = self.member(target, part)
            else:
                return None
        if target is None and found is None and not rest and head in _BUILTIN_CLASSES:
            return head
        return target if isinstance(target, (Class, Function, str)) else None


def _latest_first(bindings: list[Binding], line: int | None) -> list[Binding]:
    """The bindings from the last one on, those before ``line`` first."""
    latest = bindings[::-1]
    if line is None or len(bindings) == 1:
        return latest
    return sorted(latest, key=lambda binding: _line_of(binding) >= line)


def _line_of(binding: Binding) -> int:
    """Where a definition or an import stands; 0 for what else binds a name."""
    return binding.node.lineno if isinstance(binding, (Function, Class, Imported)) else 0


def _merge_globals(module: Module) -> None:
    """``global x`` in a function makes its assignments the module's."""
    if "global " not in module.source.text:
        return
    for function in module.scope.functions():
        for name in function.facts.outer:
            inner = function.facts.bindings.get(name, [])
            known = module.scope.bindings.setdefault(name, [])
            for binding in inner:
                if not isinstance(binding, Opaque) and binding not in known:
                    known.append(binding)
                    module.bound_in[binding] = function.scope


_NEVER_OWN = frozenset({"requests", "aiohttp", "rasa_sdk", "rasa_core_sdk"})
_BUILTIN_CLASSES = frozenset(
    {
        "object",
        "Exception",
        "BaseException",
        "ValueError",
        "RuntimeError",
        "dict",
        "list",
        "str",
        "int",
        "tuple",
        "type",
    }
)
# What `from rasa_sdk... import *` gives; other libraries' star imports are looked up in the catalogue.
_SDK_CLASSES = ("Action", "Tracker", "FormAction", "FormValidationAction", "ValidationAction")
_STAR_EXPORTS: dict[str, tuple[str, ...]] = {
    "rasa_sdk": (*_SDK_CLASSES, "events", "utils"),
    "rasa_sdk.interfaces": ("Action", "Tracker", "ActionExecutionRejection"),
    "rasa_sdk.forms": ("FormAction", "FormValidationAction", "ValidationAction"),
    "time": ("sleep",),
    "requests": (
        "get",
        "post",
        "put",
        "patch",
        "delete",
        "head",
        "options",
        "request",
        "Session",
        "session",
    ),
    "sqlite3": ("connect", "Connection", "Cursor"),
}
