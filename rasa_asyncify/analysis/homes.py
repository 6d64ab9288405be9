"""Where the helpers live: in one private module of a package, or in the module itself."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from rasa_asyncify.edits import helper
from rasa_asyncify.emitted import HELPERS
from rasa_asyncify.plan import NewFile, Plan
from rasa_asyncify.project.index import Project
from rasa_asyncify.project.model import Imported, Module

# A folder with any of these is where an assistant is started from: its modules are imported by their bare names.
_STARTED_FROM = ("domain.yml", "config.yml", "endpoints.yml", "credentials.yml", "domain.yaml", "domain")


def place_helpers(plan: Plan, project: Project, *, may_add_files: bool) -> None:
    """Fill in ``homes`` for every module that calls a helper, and the files to add."""
    new: dict[Path, set[str]] = defaultdict(set)
    placer = _Placer(project)
    for path, module_plan in plan.modules.items():
        module = project.modules[path]
        helpers = {h for h in map(helper, module_plan.edits) if h is not None}
        folder = placer.folder(module) if may_add_files and helpers else None
        for name in sorted(helpers):
            if folder is None:
                module_plan.homes[name] = ""
                continue
            home = placer.module_name(folder, name)
            module_plan.homes[name] = placer.import_of(module, folder, home)
            new[folder / f"{home}.py"].add(name)
    plan.new_files = [NewFile(home, frozenset(names)) for home, names in sorted(new.items())]


class _Placer:
    def __init__(self, project: Project) -> None:
        self.project = project
        self.packages: set[Path] = set()
        self.bare: set[Module] = set()
        for module in project.modules.values():
            self._read_imports(module)

    def _read_imports(self, module: Module) -> None:
        """Learn from imports which folders are imported as packages, and which modules by their bare names."""
        for bindings in module.scope.bindings.values():
            for binding in bindings:
                if isinstance(binding, Imported):
                    self._read_import(binding, module)

    def _read_import(self, imported: Imported, importer: Module) -> None:
        if imported.level:
            folder = importer.path.parent
            for _ in range(imported.level):
                self.packages.add(folder)
                folder = folder.parent
            return
        own = self.project.find_module(imported.module, 0, importer)
        if own is None:
            return
        folder = own.path.parent if isinstance(own, Module) else own.path
        parts = imported.module.split(".")
        if isinstance(own, Module) and not own.is_package:
            if len(parts) == 1:
                self.bare.add(own)
            parts = parts[:-1]
        for _ in parts:
            self.packages.add(folder)
            folder = folder.parent

    def folder(self, module: Module) -> Path | None:
        """The top folder of the package that holds ``module``, as programs import it; None for a lone module."""
        folder = module.path.parent
        if module in self.bare or _is_script(module) or not self._is_package(folder):
            return None
        while self._is_package(folder.parent) and folder.parent in self.packages:
            folder = folder.parent
        return folder

    def _is_package(self, folder: Path) -> bool:
        if folder == self.project.root or self.project.root not in folder.parents:
            return False
        if folder not in self.packages and any((folder / name).exists() for name in _STARTED_FROM):
            return False
        marked = (folder / "__init__.py") in self.project.modules
        return marked or folder in self.packages or folder.name == "actions"

    def module_name(self, folder: Path, helper: str) -> str:
        """A module name that the folder doesn't have for something of its own."""
        wanted = HELPERS[helper].module
        marks = [h.mark for h in HELPERS.values() if h.module == wanted]
        for number in range(1, 100):
            name = wanted if number == 1 else f"{wanted}_{number}"
            path = folder / f"{name}.py"
            known = self.project.modules.get(path)
            if known is not None and any(mark in known.source.text for mark in marks):
                return name
            if known is None and not path.exists():
                return name
        raise AssertionError("a hundred modules of one name")

    def import_of(self, module: Module, folder: Path, name: str) -> str:
        """The ``from`` part that reaches a helper's module from ``module``, in the module's own style."""
        if _prefers_absolute(module, folder):
            return f"{folder.name}.{name}"
        return "." * (len(module.path.parent.relative_to(folder).parts) + 1) + name


def _is_script(module: Module) -> bool:
    """Whether the file is run by itself, where a relative import would fail."""
    text = module.source.text
    return "__main__" in text and "__name__" in text


def _prefers_absolute(module: Module, folder: Path) -> bool:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            return False
    return any(
        isinstance(binding, Imported) and binding.module.partition(".")[0] == folder.name
        for bindings in module.scope.bindings.values()
        for binding in bindings
    )
