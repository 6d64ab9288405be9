"""The names that new code uses in a module: what it imports already, else one that nothing else there has."""

from __future__ import annotations

import ast

from rasa_asyncify.edits import (
    Edit,
    Fetch,
    MapHandler,
    MoveBody,
    OffloadCall,
    OffloadExpression,
    RunCall,
    Sleep,
    UseResponse,
)
from rasa_asyncify.plan import ModulePlan, Plan
from rasa_asyncify.project.index import Project
from rasa_asyncify.project.model import Imported, Module

IN_THREAD, IN_ONE_THREAD = "in_thread", "in_one_thread"


def choose_names(plan: Plan, project: Project) -> None:
    """Fill in ``names``, ``imports`` and ``keep_imports`` of every module's plan."""
    taken_from = _taken_from(project)
    for path, module_plan in plan.modules.items():
        module = project.modules[path]
        bound = _bound_names(module.tree)
        for wanted in sorted({w for e in module_plan.edits for w in _wanted(e)}):
            _choose(wanted, module, module_plan, bound)
        module_plan.keep_imports = frozenset(taken_from.get(path, ()))


def _choose(wanted: str, module: Module, plan: ModulePlan, bound: dict[str, int]) -> None:
    if wanted not in (IN_THREAD, IN_ONE_THREAD):
        existing = _imported_as(wanted, module, bound)
        if existing:
            plan.names[wanted] = existing
            return
        plan.imports = (*plan.imports, wanted)
    elif _has_pool_name(wanted, module, plan):
        plan.names[wanted] = wanted if plan.pool else f"_{wanted}"
        return
    local = wanted if plan.pool != "" or wanted not in (IN_THREAD, IN_ONE_THREAD) else f"_{wanted}"
    while local in bound:
        local = f"_{local}" if not local.startswith("__") else f"{local}_"
    plan.names[wanted] = local


def _imported_as(wanted: str, module: Module, bound: dict[str, int]) -> str | None:
    """The module-level name of ``import wanted``, where nothing shadows it."""
    for name, bindings in module.scope.bindings.items():
        for binding in bindings:
            if (
                isinstance(binding, Imported)
                and binding.name is None
                and binding.module == wanted
                and binding.node in module.tree.body
                and bound.get(name, 0) <= len(bindings)
            ):
                return name
    return None


def _has_pool_name(wanted: str, module: Module, plan: ModulePlan) -> bool:
    """Whether an earlier migration left the helper in the module."""
    if plan.pool == "":
        return f"_{wanted}" in module.scope.bindings
    bindings = module.scope.bindings.get(wanted, [])
    return any(isinstance(b, Imported) and b.module.endswith("_blocking_calls") for b in bindings)


def _wanted(edit: Edit) -> list[str]:
    if isinstance(edit, (Sleep, RunCall)):
        return ["asyncio"]
    if isinstance(edit, Fetch):
        return ["aiohttp"]
    if isinstance(edit, UseResponse):
        return ["json"] if edit.form.startswith("json.") else []
    if isinstance(edit, MapHandler):
        return [w for w in ("asyncio", "aiohttp", "json") if any(t.startswith(f"{w}.") for t in edit.types)]
    if isinstance(edit, (OffloadCall, OffloadExpression, MoveBody)):
        return [IN_ONE_THREAD if edit.alone else IN_THREAD]
    return []


def _bound_names(tree: ast.Module) -> dict[str, int]:
    """How often each name is bound, anywhere in the module."""
    found: dict[str, int] = {}

    def note(name: str | None) -> None:
        if name:
            found[name] = found.get(name, 0) + 1

    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            note(node.id)
        elif isinstance(node, ast.arg):
            note(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)):
            note(node.name)
        elif isinstance(node, ast.alias):
            note(node.asname or node.name.partition(".")[0])
    return found


def _taken_from(project: Project) -> dict[object, set[str]]:
    """The global names of each module that other modules reach: imported, starred, or through an attribute."""
    found: dict[object, set[str]] = {}
    for importer in project.modules.values():
        aliases: dict[str, Module] = {}
        scopes = [importer.scope, *(f.scope for f in importer.scope.functions())]
        for scope in scopes:
            for local, bindings in scope.bindings.items():
                for binding in bindings:
                    if isinstance(binding, Imported):
                        _note_import(binding, local, importer, project, found, aliases)
            for node in scope.facts.star_imports:
                own = project.find_module(node.module or "", node.level, importer)
                if isinstance(own, Module):
                    names = {n.id for s in scopes for n in s.facts.names}
                    found.setdefault(own.path, set()).update(names)
        if aliases:
            for scope in scopes:
                for load in scope.facts.loads:
                    if isinstance(load.value, ast.Name) and load.value.id in aliases:
                        found.setdefault(aliases[load.value.id].path, set()).add(load.attr)
        if importer.is_test:
            _note_patches(importer, project, found)
    return found


def _note_import(
    binding: Imported,
    local: str,
    importer: Module,
    project: Project,
    found: dict[object, set[str]],
    aliases: dict[str, Module],
) -> None:
    own = project.find_module(binding.module, binding.level, importer)
    if isinstance(own, Module) and binding.name is not None:
        found.setdefault(own.path, set()).add(binding.name)
    target = project.resolve_import(binding, importer)
    if isinstance(target, Module):
        aliases[local] = target


def _note_patches(module: Module, project: Project, found: dict[object, set[str]]) -> None:
    """``@patch("actions.api.time.sleep")`` needs ``time`` to stay in ``actions.api``."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
            parts = node.value.split(".")
            if len(parts) > 8 or not all(part.isidentifier() for part in parts):
                continue
            for end in range(1, len(parts)):
                own = project.find_module(".".join(parts[:end]), 0, module)
                if isinstance(own, Module):
                    found.setdefault(own.path, set()).add(parts[end])
