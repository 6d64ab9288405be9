"""Where the pool and its helper live: in one private module of a package, or in the module itself."""

from __future__ import annotations

import ast
from pathlib import Path

from rasa_asyncify.edits import MoveBody as Move
from rasa_asyncify.edits import OffloadCall, OffloadExpression
from rasa_asyncify.plan import NewFile, Plan
from rasa_asyncify.project.index import Project
from rasa_asyncify.project.model import Imported, Module

POOL_MODULE = "_blocking_calls"


def place_pools(plan: Plan, project: Project) -> None:
    """Fill in ``pool`` for every module that sends something to a thread, and the files to add."""
    new: dict[Path, bool] = {}
    for path, module_plan in plan.modules.items():
        offloads = [e for e in module_plan.edits if isinstance(e, (OffloadCall, OffloadExpression, Move))]
        if not offloads:
            continue
        module = project.modules[path]
        folder = _package_folder(module, project)
        if folder is None:
            module_plan.pool = ""
            continue
        module_plan.pool = _import_of(module, folder, project)
        alone = any(e.alone for e in offloads)
        new[folder] = new.get(folder, False) or alone
    plan.new_files = [NewFile(folder / f"{POOL_MODULE}.py", alone) for folder, alone in sorted(new.items())]


def _package_folder(module: Module, project: Project) -> Path | None:
    """The top folder of the package that holds ``module``, as programs import it; None for a lone module."""
    top = project.import_root(module)
    folder = module.path.parent
    if folder == top or (folder / "__init__.py") not in project.modules:
        return None
    while folder.parent != top and (folder.parent / "__init__.py") in project.modules:
        folder = folder.parent
    return folder


def _import_of(module: Module, folder: Path, project: Project) -> str:
    """The ``from`` part that reaches the pool from ``module``, in the module's own style."""
    depth = len(module.path.parent.relative_to(folder).parts)
    if _prefers_absolute(module, folder):
        return f"{folder.name}.{POOL_MODULE}"
    return "." * (depth + 1) + POOL_MODULE


def _prefers_absolute(module: Module, folder: Path) -> bool:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            return False
    for bindings in module.scope.bindings.values():
        for binding in bindings:
            if isinstance(binding, Imported) and binding.module.partition(".")[0] == folder.name:
                return True
    return False
