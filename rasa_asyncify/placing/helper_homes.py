"""Where the helpers live: in one private module of a package or beside the modules, or in the module itself.

The import of a helper must work from wherever the module is imported, so it follows the way in which the module names
its own neighbours, and in which others name the module (see ``import_roots``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path

from rasa_asyncify.emitted import HELPERS
from rasa_asyncify.layout.import_roots import ImportRoots
from rasa_asyncify.plan import IN_MODULE, Home, NewFile, Plan
from rasa_asyncify.project.index import Project
from rasa_asyncify.project.model import Module

_FEW = 2  # modules that get a helper of their own rather than one that is imported in two ways


@dataclass(frozen=True)
class Place:
    """A folder for the helpers of a module, and how the module reaches it.

    ``root``: by a dotted name from that folder, after the import ``after`` that counts on it as well; without one by a
    relative import. ``either``: by a relative import or, where that fails, by its bare name.
    """

    folder: Path
    root: Path | None = None
    after: str = ""
    either: bool = False

    def home(self, module: Module, name: str) -> Home:
        """The import of the helper module ``name`` in ``module``."""
        if self.root is not None:
            return Home(".".join((*self.folder.relative_to(self.root).parts, name)), after=self.after)
        levels = len(module.path.parent.relative_to(self.folder).parts) + 1
        return Home("." * levels + name, otherwise=name if self.either else "")

    @property
    def is_bare(self) -> bool:
        return self.root == self.folder or self.either


def place_helpers(plan: Plan, project: Project, *, may_add_files: bool) -> None:
    """Fill in ``homes`` for every module that calls a helper, and the files to add."""
    wanted: dict[Module, list[str]] = {}
    for path, module_plan in plan.modules.items():
        called = {name for edit in module_plan.edits for name in edit.helpers}
        if called:
            wanted[project.modules[path]] = sorted(called)
    places = choose_places(project, wanted) if may_add_files and wanted else {}
    own = {m.path.stem for m in project.modules.values() if not _holds_helper(project, m.path)}
    new: dict[Path, set[str]] = defaultdict(set)
    for module, names in wanted.items():
        place = places.get(module)
        for name in names:
            home = IN_MODULE
            if place is not None:
                file = _module_name(project, own, place.folder, name)
                home = place.home(module, file)
                new[place.folder / f"{file}.py"].add(name)
            plan.modules[module.path].homes[name] = home
    plan.new_files = [NewFile(home, frozenset(names)) for home, names in sorted(new.items())]


def choose_places(
    project: Project, wanted: Iterable[Module], roots: ImportRoots | None = None
) -> dict[Module, Place | None]:
    """The place of the helpers that each of the modules needs; None for the module itself."""
    chooser = _Chooser(project, ImportRoots(project) if roots is None else roots)
    places = {module: chooser.place(module) for module in wanted}
    chooser.settle_doubtful(places)
    return chooser.without_collisions(places)


class _Chooser:
    def __init__(self, project: Project, roots: ImportRoots) -> None:
        self.project = project
        self.roots = roots

    def place(self, module: Module) -> Place | None:
        """What the module's own imports count on, else what works from every root that it is imported from."""
        folder = module.path.parent
        known = self.roots.roots[module]
        sure = self.roots.sure_roots[module]
        if module.path in self.roots.launches.copied:
            return None  # a file that is deployed by its name would come without its helpers
        if self.roots.sure_levels[module]:
            return self._relative(folder)
        above = [root for root in sure if root in folder.parents]
        if above:
            place = self._absolute(folder, max(above, key=lambda root: len(root.parts)), sure)
            if place is not None:
                return place
        if folder in sure and module in self.roots.bare_neighbours:
            return Place(folder, folder, sure[folder])
        if known and folder not in known:
            return self._relative(folder)
        if set(known) == {folder}:
            return Place(folder, folder) if module in self.roots.bare_neighbours else None
        if known and folder in self.roots.on_own_path:
            return Place(folder, folder)
        return Place(folder, either=True) if known else None

    def _relative(self, folder: Path) -> Place | None:
        top = self.roots.top(folder)
        return None if top is None else Place(self._existing(folder, top))

    def _absolute(self, folder: Path, root: Path, sure: dict[Path, str]) -> Place | None:
        top = self.roots.top(folder)
        if top is None or not (top == root or root in top.parents):
            return None
        home = self._existing(folder, top)
        while home != root and top != root:
            if not self._is_reachable(top):
                return None
            top = top.parent
        return Place(home, root, sure[root])

    def _is_reachable(self, folder: Path) -> bool:
        """Whether a folder is found by its name: a module comes before one without ``__init__.py``."""
        marked = (folder / "__init__.py") in self.project.modules
        return marked or folder.with_name(f"{folder.name}.py") not in self.project.modules

    def _existing(self, folder: Path, top: Path) -> Path:
        """The folder from ``folder`` up to ``top`` where an earlier run left helpers, else ``top``."""
        home = folder
        while home != top:
            if any(_holds_helper(self.project, home / f"{h.module}.py") for h in HELPERS.values()):
                return home
            home = home.parent
        return top

    def settle_doubtful(self, places: dict[Module, Place | None]) -> None:
        """A few modules that are imported in two ways are better off with helpers of their own."""
        doubtful: dict[Path, list[Module]] = defaultdict(list)
        for module, place in places.items():
            if place is not None and place.either:
                doubtful[place.folder].append(module)
        for folder, modules in doubtful.items():
            shared = any(p is not None and p.folder == folder and not p.either for p in places.values())
            if len(modules) <= _FEW and not shared:
                places.update(dict.fromkeys(modules))

    def without_collisions(self, places: dict[Module, Place | None]) -> dict[Module, Place | None]:
        """Two modules of one bare name in one process would be one: all but the first folder do without."""
        bare = sorted({p.folder for p in places.values() if p is not None and p.is_bare})
        late = {
            folder
            for at, folder in enumerate(bare)
            if any(self.roots.may_meet(folder, earlier) for earlier in bare[:at])
        }
        return {m: None if p is not None and p.is_bare and p.folder in late else p for m, p in places.items()}


def _module_name(project: Project, own: Container[str], folder: Path, helper: str) -> str:
    """A module name that the folder doesn't have for something of its own, nor the project among its ``own``."""
    wanted = HELPERS[helper].module
    for number in range(1, 100):
        name = wanted if number == 1 else f"{wanted}_{number}"
        path = folder / f"{name}.py"
        if _holds_helper(project, path):
            return name
        if name not in own and not path.exists() and not (folder / name).exists():
            return name
    raise AssertionError("a hundred modules of one name")


def _holds_helper(project: Project, path: Path) -> bool:
    """Whether a file is one that an earlier run added."""
    module = project.modules.get(path)
    if module is None:
        return False
    return any(h.mark in module.source.text for h in HELPERS.values() if path.stem.startswith(h.module))
