"""The names that new code uses in a module: what it imports already, else one that nothing else there has."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from rasa_asyncify.analysis.patches import constant_end
from rasa_asyncify.analysis.sites import is_runner
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
from rasa_asyncify.plan import POOL_MODULE, ModulePlan, Plan
from rasa_asyncify.project.index import Project
from rasa_asyncify.project.model import Function, Imported, Module

POOL_NAMES = ("ThreadPoolExecutor", "_BLOCKING_CALLS", "_ONE_BLOCKING_CALL")
IN_THREAD, IN_ONE_THREAD = "in_thread", "in_one_thread"


def choose_names(plan: Plan, project: Project) -> None:
    """Fill in ``names``, ``imports`` and ``keep_imports`` of every module's plan."""
    taken_from = _taken_from(project)
    for path, module_plan in plan.modules.items():
        module = project.modules[path]
        bound = _bound_names(module.tree)
        for wanted in sorted({w for e in module_plan.edits for w in _wanted(e)}):
            _choose(wanted, module, module_plan, bound)
        if module_plan.pool == "":
            _choose_for_pool(module, module_plan, bound)
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
    # Not with two underscores in front, which a class would take for its own.
    candidates = (local, f"{local}_", *(f"{local}_{i}" for i in range(2, 100)))
    plan.names[wanted] = next(c for c in candidates if c not in bound)


def _choose_for_pool(module: Module, plan: ModulePlan, bound: dict[str, int]) -> None:
    """Names for what a pool in the module itself needs, where it isn't there already."""
    helpers = [n for n in (IN_THREAD, IN_ONE_THREAD) if n in plan.names]
    if all(_has_pool_name(n, module, plan) for n in helpers):
        return
    for wanted in ("asyncio", "contextvars"):
        if wanted not in plan.names:
            _choose(wanted, module, plan, bound)
    for wanted in POOL_NAMES:
        bindings = module.scope.bindings.get(wanted, [])
        if any(isinstance(b, Imported) and b.module == "concurrent.futures" for b in bindings):
            plan.names[wanted] = wanted
            continue
        plan.names[wanted] = next(c for c in (wanted, f"{wanted}_", f"{wanted}_2") if c not in bound)


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
        own = module.scope.bindings.get(f"_{wanted}", [])
        return any(isinstance(b, Function) and is_runner(b) for b in own)
    bindings = module.scope.bindings.get(wanted, [])
    return any(isinstance(b, Imported) and POOL_MODULE in b.module for b in bindings)


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


def _taken_from(project: Project) -> dict[Path, set[str]]:
    """The global names of each module that other modules reach: imported, starred, through an attribute, by text."""
    found: dict[Path, set[str]] = defaultdict(set)
    starred: dict[Module, set[Module]] = defaultdict(set)
    by_text = {name for module in project.modules.values() for name in _named_in_text(module)}
    for importer in project.modules.values():
        found[importer.path] |= by_text
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
                    starred[own].add(importer)
        if aliases:
            for scope in scopes:
                for load in scope.facts.loads:
                    if isinstance(load.value, ast.Name) and load.value.id in aliases:
                        found[aliases[load.value.id].path].add(load.attr)
        if importer.is_test:
            _note_patches(importer, project, found)
    for module in starred:
        for user in _all_users(module, starred):
            found[module.path] |= {n.id for f in user.scope.functions() for n in f.facts.names}
            found[module.path] |= {n.id for n in user.scope.facts.names}
    return found


def _all_users(module: Module, starred: dict[Module, set[Module]]) -> set[Module]:
    """The modules that get a module's names by star imports, directly or through others."""
    found: set[Module] = set()
    todo = [module]
    while todo:
        for user in starred.get(todo.pop(), ()):
            if user not in found and user is not module:
                found.add(user)
                todo.append(user)
    return found


def _named_in_text(module: Module) -> set[str]:
    """Names that strings hand to ``__all__``, ``getattr`` and the like, or end a composed patch path with."""
    found: set[str] = set()
    text = module.source.text
    if not any(word in text for word in ("__all__", "getattr(", "setattr(", "patch(")):
        return found
    for node in ast.walk(module.tree):
        if isinstance(node, (ast.Assign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets):
                found |= _strings(node.value)
        elif isinstance(node, ast.Call) and node.args:
            last = ast.unparse(node.func).rpartition(".")[2]
            if last in ("getattr", "setattr", "hasattr", "extend", "append") and len(node.args) <= 3:
                found |= _strings(node)
            elif last == "patch" and constant_end(node.args[0]):
                found.add(constant_end(node.args[0]).partition(".")[0])
    return found


def _strings(node: ast.AST) -> set[str]:
    return {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def _note_import(
    binding: Imported,
    local: str,
    importer: Module,
    project: Project,
    found: dict[Path, set[str]],
    aliases: dict[str, Module],
) -> None:
    own = project.find_module(binding.module, binding.level, importer)
    if isinstance(own, Module) and binding.name is not None:
        found[own.path].add(binding.name)
    target = project.resolve_import(binding, importer)
    if isinstance(target, Module):
        aliases[local] = target


def _note_patches(module: Module, project: Project, found: dict[Path, set[str]]) -> None:
    """``@patch("actions.api.time.sleep")`` needs ``time`` to stay in ``actions.api``."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
            parts = node.value.split(".")
            if len(parts) > 8 or not all(part.isidentifier() for part in parts):
                continue
            for end in range(1, len(parts)):
                own = project.find_module(".".join(parts[:end]), 0, module)
                if isinstance(own, Module):
                    found[own.path].add(parts[end])
