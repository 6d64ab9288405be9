"""The global names of each module that other modules take from it, which must stay there."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from rasa_asyncify.call_graph.test_doubles import constant_end
from rasa_asyncify.project.bindings import Imported
from rasa_asyncify.project.index import Project
from rasa_asyncify.project.model import Module
from rasa_asyncify.project.walking import walk


def taken_names(project: Project) -> dict[Path, set[str]]:
    """The global names of each module that other modules reach: imported, starred, through an attribute, by text."""
    found: dict[Path, set[str]] = defaultdict(set)
    starred: dict[Module, set[Module]] = defaultdict(set)
    by_text = {name for module in project.modules.values() for name in _named_in_text(module)}
    for importer in project.connected:
        found[importer.path] |= by_text
        _note_imports(importer, project, found)
        for scope in importer.scopes():
            for node in scope.facts.star_imports:
                own = project.find_module(node.module or "", node.level, importer)
                if isinstance(own, Module):
                    starred[own].add(importer)
        if importer.is_test:
            _note_patches(importer, project, found)
    for module in starred:
        for user in _all_users(module, starred):
            found[module.path] |= {n.id for scope in user.scopes() for n in scope.facts.names}
    return found


def _note_imports(importer: Module, project: Project, found: dict[Path, set[str]]) -> None:
    """What a module imports by name, or reads from modules that it imports."""
    aliases: dict[str, Module] = {}
    for scope in importer.scopes():
        for local, bindings in scope.bindings.items():
            for binding in bindings:
                if isinstance(binding, Imported):
                    _note_import(binding, local, importer, project, found, aliases)
    for scope in importer.scopes() if aliases else ():
        for load in scope.facts.loads:
            if isinstance(load.value, ast.Name) and load.value.id in aliases:
                found[aliases[load.value.id].path].add(load.attr)


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
    for node in walk(module.tree):
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
    return {n.value for n in walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)}


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
    for node in walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
            parts = node.value.split(".")
            if len(parts) > 8 or not all(part.isidentifier() for part in parts):
                continue
            for end in range(1, len(parts)):
                own = project.find_module(".".join(parts[:end]), 0, module)
                if isinstance(own, Module):
                    found[own.path].add(parts[end])
