"""The names that new code uses in a module: what it imports already, else one that nothing else there has."""

from __future__ import annotations

import ast

from rasa_asyncify.emitted import HELPERS, defined, imported
from rasa_asyncify.placing.taken_names import taken_names
from rasa_asyncify.plan import ModulePlan, Plan
from rasa_asyncify.project.bindings import Imported
from rasa_asyncify.project.index import Project
from rasa_asyncify.project.model import Binding, Function, Module
from rasa_asyncify.project.walking import walk


def choose_names(plan: Plan, project: Project) -> None:
    """Fill in ``names``, ``imports`` and ``keep_imports`` of every module's plan."""
    taken_from = taken_names(project)
    for path, module_plan in plan.modules.items():
        module = project.modules[path]
        bound = _bound_names(module.tree)
        for name in _starred_names(module, project):
            bound[name] = bound.get(name, 0) + 2  # more often than by the module's own import
        for wanted in sorted({w for e in module_plan.edits for w in e.imports}):
            _choose_import(wanted, "", module, module_plan, bound)
        for native in sorted({e.calls for e in module_plan.edits if e.calls}):
            _choose_native(native, module, module_plan, bound)
        for name in sorted(module_plan.homes):
            _choose_helper(name, module, module_plan, bound)
        module_plan.keep_imports = frozenset(taken_from.get(path, ()))


def _choose_import(
    origin: str, name: str, module: Module, plan: ModulePlan, bound: dict[str, int], *, early: bool = False
) -> None:
    """Find the name of an import, or plan one; ``early`` where it is used while the module is imported."""
    key = name or origin
    if key in plan.names:
        return
    existing = _imported_as(origin, name, module, bound)
    if existing and (not early or _opens_with(existing, module)):
        plan.names[key] = existing
        return
    if existing == key:  # too late for what stands above it: once more at the top
        plan.imports = (*plan.imports, (origin, name))
        plan.names[key] = key
        return
    plan.imports = (*plan.imports, (origin, name))
    plan.names[key] = _free(key, bound)


def _opens_with(local: str, module: Module) -> bool:
    """Whether one of the imports that open the module binds the name."""
    for statement in module.tree.body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            if any((a.asname or a.name.partition(".")[0]) == local for a in statement.names):
                return True
        elif not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            return False
    return False


def _choose_native(dotted: str, module: Module, plan: ModulePlan, bound: dict[str, int]) -> None:
    """Import a replacement by its own name; ``names`` has it by its dotted one."""
    origin, _, name = dotted.rpartition(".")
    existing = _imported_as(origin, name, module, bound)
    plan.names[dotted] = existing or _free(name, bound)
    if not existing:
        plan.imports = (*plan.imports, (origin, name))
        bound[plan.names[dotted]] = bound.get(plan.names[dotted], 0) + 1


def _choose_helper(name: str, module: Module, plan: ModulePlan, bound: dict[str, int]) -> None:
    function = HELPERS[name].function
    local = function if plan.homes[name] else f"_{function}"
    if _has_helper(name, local, module, plan):
        plan.names[name] = local
        return
    plan.names[name] = _free(local, bound)
    if plan.homes[name]:
        return
    for part in HELPERS[name].parts:
        for origin, inner in imported(part):
            _choose_import(origin, inner, module, plan, bound, early=True)
        for defined_name in defined(part):
            if defined_name != function:
                plan.names[defined_name] = _free(defined_name, bound)


def _free(local: str, bound: dict[str, int]) -> str:
    """``local`` or a variation; not with two underscores in front, which a class would take for its own."""
    candidates = (local, f"{local}_", *(f"{local}_{i}" for i in range(2, 100)))
    return next(c for c in candidates if c not in bound)


def _imported_as(origin: str, name: str, module: Module, bound: dict[str, int]) -> str | None:
    """The module-level name of ``import origin`` or ``from origin import name``, where nothing shadows it."""
    for local, bindings in module.scope.bindings.items():
        for binding in bindings:
            if (
                isinstance(binding, Imported)
                and (binding.name or "") == name
                and binding.module == origin
                and not binding.level
                and binding.node in module.tree.body
                and bound.get(local, 0) <= len(bindings)
            ):
                return local
    return None


def _has_helper(name: str, local: str, module: Module, plan: ModulePlan) -> bool:
    """Whether an earlier migration left the helper in the module, or its import."""
    if not plan.homes[name]:
        own = module.scope.bindings.get(local, [])
        mark = HELPERS[name].mark.replace("def ", "def _", 1)
        return mark in module.source.text and any(isinstance(b, Function) for b in own)
    bindings = module.scope.bindings.get(local, [])
    return any(isinstance(b, Imported) and HELPERS[name].module in b.module for b in bindings)


def _bound_names(tree: ast.Module) -> dict[str, int]:
    """How often each name is bound, anywhere in the module."""
    found: dict[str, int] = {}

    def note(name: str | None) -> None:
        if name:
            found[name] = found.get(name, 0) + 1

    for node in walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            note(node.id)
        elif isinstance(node, ast.arg):
            note(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)):
            note(node.name)
        elif isinstance(node, ast.alias):
            note(node.asname or node.name.partition(".")[0])
    return found


def _starred_names(module: Module, project: Project) -> set[str]:
    """The names that star imports of the project's modules bring."""
    found: set[str] = set()
    todo, seen = [module], {module}
    while todo:
        current = todo.pop()
        for node in current.scope.facts.star_imports:
            own = project.find_module(node.module or "", node.level, current)
            if isinstance(own, Module) and own not in seen:
                seen.add(own)
                todo.append(own)
                found |= {n for n, bindings in own.scope.bindings.items() if not _is_module(n, bindings)}
    return found


def _is_module(name: str, bindings: list[Binding]) -> bool:
    """Whether ``name`` is but the module of that name, which it may well be bound to again."""
    return all(isinstance(b, Imported) and b.name is None and b.module == name for b in bindings)
