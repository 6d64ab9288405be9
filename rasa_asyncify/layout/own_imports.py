"""Which import statements a module runs, and which of the project's files an absolute one reaches from which folder."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rasa_asyncify.catalogue import is_known
from rasa_asyncify.project.bindings import dotted
from rasa_asyncify.project.index import Folder, Project
from rasa_asyncify.project.model import Module
from rasa_asyncify.project.walking import suites


@dataclass(frozen=True)
class ImportStatement:
    """``surely``: it runs, and succeeds, whenever the module is imported, because nothing stands around it."""

    node: ast.Import | ast.ImportFrom
    surely: bool


@dataclass(frozen=True)
class Reached:
    """A module of the project (or a folder) that an absolute import reaches if ``root`` is on ``sys.path``."""

    target: Module | Folder
    root: Path


def import_statements(module: Module) -> list[ImportStatement]:
    """Those that can run: not the ones for type checkers."""
    return list(_statements(module.tree.body, surely=True))


def _statements(body: Sequence[ast.stmt], *, surely: bool) -> Iterator[ImportStatement]:
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield ImportStatement(node, surely)
        elif isinstance(node, ast.If) and _is_for_checkers(node.test):
            yield from _statements(node.orelse, surely=False)
        else:
            for inner in suites(node):
                yield from _statements(inner, surely=False)


def _is_for_checkers(test: ast.expr) -> bool:
    return (dotted(test) or "").rpartition(".")[2] == "TYPE_CHECKING"


def reached(statement: ImportStatement, importer: Module, project: Project) -> list[Reached]:
    """What an absolute import reaches of the project.

    Nothing where the name is a library's as well: a neighbour ``redis.py`` doesn't tell what ``import redis`` is.
    """
    node = statement.node
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
        return [found for name in names for found in reached_by_name(name, importer, project)]
    if node.level or not node.module or is_known(node.module):
        return []
    candidates = project.candidates(node.module, 0, importer)
    wanted = [alias.name for alias in node.names if alias.name != "*"]
    target = _having(wanted, candidates, project)
    if target is None:
        return []
    root = _root_of(target, node.module)
    members = [project.member(target, name) for name in wanted]
    return [Reached(target, root), *(Reached(m, root) for m in members if isinstance(m, Module))]


def _having(
    wanted: list[str], candidates: Sequence[Module | Folder], project: Project
) -> Module | Folder | None:
    """The candidate that has the ``wanted`` names, else the first; None for a library beside folders of its name."""
    having = [c for c in candidates if all(_has(c, name, project) for name in wanted)]
    if not having and all(isinstance(c, Folder) and not _is_marked(c, project) for c in candidates):
        return None
    return (having or candidates)[0]


def reached_by_name(name: str, importer: Module, project: Project) -> list[Reached]:
    """What ``import name`` reaches of the project."""
    if is_known(name):
        return []
    return [Reached(target, _root_of(target, name)) for target in project.candidates(name, 0, importer)[:1]]


def _has(owner: Module | Folder, name: str, project: Project) -> bool:
    if project.member(owner, name) is not None:
        return True
    return isinstance(owner, Module) and project.resolve_global(owner, name) is not None


def _is_marked(folder: Folder, project: Project) -> bool:
    return (folder.path / "__init__.py") in project.modules


def _root_of(target: Module | Folder, name: str) -> Path:
    """The folder from which ``target`` goes by the dotted ``name``."""
    path = target.path
    if isinstance(target, Module) and target.is_package:
        path = path.parent
    for _ in name.split("."):
        path = path.parent
    return path
