"""From where the modules of a project are imported: the folders that are on ``sys.path`` (import roots), with evidence.

A module has as many dotted names as it has roots: ``bot.actions.api`` from the repository, ``actions.api`` from within
``bot``, ``api`` where its own folder is a root. What tells: the project's own imports, lines that change ``sys.path``,
lines of Dockerfiles and the like, and, failing these, how an assistant is laid out by default.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from rasa_asyncify.layout.launch import Launches, Start, read_launches
from rasa_asyncify.layout.own_imports import Reached, import_statements, reached, reached_by_name
from rasa_asyncify.layout.path_lines import path_lines
from rasa_asyncify.project.index import Folder, Project
from rasa_asyncify.project.model import Module

# A folder with any of these is where an assistant is started from: its modules are imported by their bare names.
_STARTED_FROM = ("domain.yml", "config.yml", "endpoints.yml", "credentials.yml", "domain.yaml", "domain")
_DEFAULT = "actions"  # what `rasa run actions` imports
_BY_NAME = ("import_module", "register_package", "create_app", "__import__", "run")


class ImportRoots:
    """What is known of each module of ``project``. Reads the files around it, so make one only if something is written.

    ``roots`` maps each module to the roots that it is imported from, with the reason for each: the folder of a module
    that is imported by its bare name or run as a script, one further up for a module of a package. ``sure_roots`` are
    those that the module itself counts on: an absolute import at its top would fail without. With each goes the text of
    that import where the root may be one only from there on.
    ``sure_levels`` is how many folders up, its own included, are surely packages whenever it is imported, because a
    relative import at its top would fail otherwise. ``bare_neighbours`` name those beside them, or are named by these,
    by bare names; folders ``on_own_path`` are packages that put themselves on the path.
    """

    def __init__(self, project: Project, launches: Launches | None = None) -> None:
        self.project = project
        self.launches = read_launches(project.root) if launches is None else launches
        self.roots: dict[Module, dict[Path, str]] = defaultdict(dict)
        self.sure_roots: dict[Module, dict[Path, str]] = defaultdict(dict)
        self.sure_levels: dict[Module, int] = defaultdict(int)
        self.bare_neighbours: set[Module] = set()
        self.on_own_path: set[Path] = set()
        self._all: set[Path] = set()
        self._in: dict[Path, list[Module]] = defaultdict(list)
        self._relative: list[tuple[Module, int, Module]] = []
        self._shown: set[Path] = set()
        self._used: dict[Module, set[Path]] = defaultdict(set)
        for module in project.modules.values():
            self._in[module.path.parent].append(module)
        for module in project.modules.values():
            self._read_imports(module)
        self._path_folders, self._unclear = self._read_path_lines()
        self._read_scripts()
        self._read_launches()
        self._spread()
        self._add_defaults()
        self._spread()

    def top(self, folder: Path) -> Path | None:
        """The outermost package around ``folder`` that is one from every root above it; None if there is no root."""
        root = self._nearest_root(folder)
        return None if root is None else root / folder.relative_to(root).parts[0]

    def may_meet(self, first: Path, second: Path) -> bool:
        """Whether one process may have both folders on ``sys.path``."""
        return any({first, second} <= used | set(self.roots[m]) for m, used in self._used.items())

    def _nearest_root(self, folder: Path) -> Path | None:
        return next((above for above in folder.parents if above in self._all), None)

    def _give(self, module: Module, root: Path, reason: str) -> bool:
        """Note that a module is imported from ``root``; False if that is known."""
        if root in self.roots[module]:
            return False
        self.roots[module][root] = reason
        self._all.add(root)
        return True

    # -- evidence ---------------------------------------------------------------

    def _read_imports(self, module: Module) -> None:
        changes_path = any(t in module.source.text for t in ("sys.path", "addsitedir", "from sys import"))
        for statement in import_statements(module):
            node = statement.node
            if isinstance(node, ast.ImportFrom) and node.level:
                if statement.surely:
                    self.sure_levels[module] = max(self.sure_levels[module], node.level)
                self._read_relative(node, module)
                continue
            is_late = changes_path or bool(self._used[module])  # another module may have changed the path
            for found in reached(statement, module, self.project):
                text = ast.unparse(node)
                self._note(found, text, module)
                if statement.surely:
                    self.sure_roots[module].setdefault(found.root, text if is_late else "")
                    self._note_neighbour(found, module)
                elif found.root == module.path.parent:
                    self._give(module, found.root, f"may run {text}")

    def _read_relative(self, node: ast.ImportFrom, module: Module) -> None:
        folder = module.path.parent
        for _ in range(node.level):
            self._shown.add(folder)
            folder = folder.parent
        owner = self.project.find_module(node.module or "", node.level, module)
        members = [self.project.member(owner, alias.name) for alias in node.names] if owner else []
        for target in (owner, *members):
            if isinstance(target, Module):
                self._relative.append((module, node.level, target))

    def _note(self, found: Reached, reason: str, importer: Module) -> None:
        """An absolute import gives its target a root, and the packages on the way to it."""
        self._used[importer].add(found.root)
        target = found.target
        folder = target.path if isinstance(target, Folder) else target.path.parent
        if isinstance(target, Module):
            self._give(target, found.root, reason)
        while found.root in folder.parents:
            self._shown.add(folder)
            marker = self.project.modules.get(folder / "__init__.py")
            if marker is not None:
                self._give(marker, found.root, reason)
            folder = folder.parent

    def _note_neighbour(self, found: Reached, module: Module) -> None:
        """A module that names one beside it by its bare name, and so can't be a package's from that root only."""
        target = found.target
        if found.root == module.path.parent and isinstance(target, Module) and not target.is_package:
            if target.path.parent == found.root:
                self.bare_neighbours |= {module, target}

    def _read_path_lines(self) -> tuple[set[Path], set[Path]]:
        """The folders that the code adds to the path, and those of modules that add what reading can't tell."""
        added: set[Path] = set()
        unclear: set[Path] = set()
        root = self.project.root
        for module in self.project.modules.values():
            above = [f for f in module.path.parents if f == root or root in f.parents]
            for line in path_lines(module, above):
                added.update(line.folders)
                if not line.folders:
                    unclear.add(module.path.parent)
                if line.surely and module.is_package and module.path.parent in line.folders:
                    self.on_own_path.add(module.path.parent)
        return added, unclear

    def _read_launches(self) -> None:
        for start in self.launches.starts:
            reason = f"started in {start.source.name}"
            root = start.root or start.target.parent
            for module in self._started(start.target):
                self._give(module, root, reason)
            if start.target.is_dir():
                self._shown.add(start.target)

    def _started(self, target: Path) -> list[Module]:
        """The modules that rasa-sdk imports for a package: those in it, and in the packages in it."""
        own = self.project.modules.get(target)
        if own is not None:
            return [own]
        found = []
        for module in self.project.modules.values():
            folder = module.path.parent
            while folder != target and target in folder.parents:
                if (folder / "__init__.py") not in self.project.modules:
                    break
                folder = folder.parent
            if folder == target:
                found.append(module)
        return found

    def _read_scripts(self) -> None:
        for module in self.project.modules.values():
            text = module.source.text
            if module.path in self.launches.scripts or ("__main__" in text and "__name__" in text):
                self._give(module, module.path.parent, "may be run as a script")
            if any(name in text for name in _BY_NAME[:-1]) or "rasa_sdk.endpoint" in text:
                self._read_names(module)

    def _read_names(self, module: Module) -> None:
        """Modules that are imported by a name in a string: ``executor.register_package("bot.actions")``."""
        for node in ast.walk(module.tree):
            if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            name = node.args[0].value
            if (
                called not in _BY_NAME
                or not isinstance(name, str)
                or not name.replace(".", "").isidentifier()
            ):
                continue
            for found in reached_by_name(name, module, self.project):
                self._note(found, ast.unparse(node), module)
                if called != "import_module" and isinstance(found.target, Folder):
                    self.launches.starts.append(Start(found.target.path, found.root, module.path))

    # -- conclusions ---------------------------------------------------------------

    def _spread(self) -> None:
        """What a module imports relatively is imported from the same roots as the module, as far as these allow it."""
        changed = True
        while changed:
            changed = False
            for importer, level, target in self._relative:
                folder = importer.path.parent
                for _ in range(level - 1):
                    folder = folder.parent
                fitting = [r for r in self.roots[importer] if r in folder.parents]
                if not fitting:
                    fitting = [self._default_root(folder)]
                    self._give(importer, fitting[0], "has a relative import")
                for root in fitting:
                    changed |= self._give(target, root, f"imported by {importer.name}")

    def _default_root(self, folder: Path) -> Path:
        """From where a package is imported if nothing tells: the nearest known root above, else its parent."""
        near = self._nearest_root(folder)
        if near is not None and all(self._is_package(f) for f in _between(folder, near)):
            return near
        while folder.parent in self._shown and folder.parent != self.project.root:
            folder = folder.parent
        return folder.parent

    def _is_package(self, folder: Path) -> bool:
        return folder in self._shown or (folder / "__init__.py") in self.project.modules

    def _add_defaults(self) -> None:
        """Modules that nothing names are imported as members of their folder, if that looks like a package."""
        modules = sorted(self.project.modules.values(), key=lambda m: (len(m.path.parts), m.path))
        for module in modules:
            folder = module.path.parent
            is_known = any(root in folder.parents for root in self.roots[module])
            if not is_known and self._is_package_by_default(folder):
                self._give(module, self._default_root(folder), "by default")

    def _is_package_by_default(self, folder: Path) -> bool:
        root = self.project.root
        if folder == root or root not in folder.parents:
            return False
        if not (self._is_package(folder) or folder.name == _DEFAULT):
            return False
        if folder in self._shown and any(
            r in folder.parents for m in self._in[folder] for r in self.roots[m]
        ):
            return True
        if any(start.root == folder for start in self.launches.starts):
            return False
        if any((folder / name).exists() for name in _STARTED_FROM):
            return False
        goes_bare = any(module in self.bare_neighbours for module in self._in[folder])
        return not goes_bare or folder in self._path_folders or folder in self._unclear


def _between(folder: Path, root: Path) -> list[Path]:
    """The folders from ``folder`` up to the one below ``root``."""
    found = []
    while folder != root:
        found.append(folder)
        folder = folder.parent
    return found
