"""Which modules a test module is for."""

from __future__ import annotations

from pathlib import Path

from rasa_asyncify.project.bindings import Imported
from rasa_asyncify.project.index import Project
from rasa_asyncify.project.model import TEST_FOLDERS, Module


class Tested:
    """Answers for one project, remembered. What tests replace concerns the modules that they are for, and no others."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._reached: dict[Module, set[Module]] = {}

    def concerns(self, test: Module, module: Module) -> bool:
        """Whether ``module`` lies below the folder that holds the tests, or is imported for them, directly or not."""
        return _tested_folder(test) in module.path.parents or module in self._imported(test)

    def _imported(self, test: Module) -> set[Module]:
        if test not in self._reached:
            found: set[Module] = set()
            todo = [test]
            if test.path.stem == "conftest":
                modules = self.project.connected
                todo += [m for m in modules if m.is_test and test.path.parent in m.path.parents]
            while todo:
                for imported in self._imports(todo.pop()) - found:
                    found.add(imported)
                    todo.append(imported)
            self._reached[test] = found
        return self._reached[test]

    def _imports(self, module: Module) -> set[Module]:
        """The project's modules that ``module`` imports, also within functions."""
        found: set[Module] = set()
        for scope in (module.scope, *(f.scope for f in module.scope.functions())):
            for node in scope.facts.star_imports:
                found |= self._named(node.module or "", node.level, None, module)
            for bindings in scope.bindings.values():
                for bound in bindings:
                    if isinstance(bound, Imported):
                        found |= self._named(bound.module, bound.level, bound.name, module)
        return found

    def _named(self, name: str, level: int, member: str | None, importer: Module) -> set[Module]:
        owner = self.project.find_module(name, level, importer)
        inner = self.project.member(owner, member) if owner is not None and member else None
        return {m for m in (owner, inner) if isinstance(m, Module)}


def _tested_folder(test: Module) -> Path:
    """The folder that holds the tests: ``hotel`` for ``hotel/tests/unit/test_api.py``."""
    folders = test.name.split(".")[:-1]
    above = next((i for i, folder in enumerate(folders) if folder in TEST_FOLDERS), len(folders))
    return test.path.parents[len(folders) - above]
