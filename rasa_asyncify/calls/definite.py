"""What an expression surely is, where inference tells only what it may be.

A native form in place of one function does something else where another one may be called: by an alias that a module
of the project binds twice, a partial object, an attribute that holds another object's method.
"""

from __future__ import annotations

import ast

from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.project.bindings import Assigned, Entered, Imported
from rasa_asyncify.project.index import Folder, Project
from rasa_asyncify.project.model import Binding, Module, Scope
from rasa_asyncify.project.values import External, ExternalInstance, Instance, Super, Value


def is_function(node: ast.expr, name: str, scope: Scope, inference: Inference) -> bool:
    """Whether ``node`` is surely the library's function (or class) ``name``, reached by imports alone."""
    return inference.infer(node, scope) == (External(name),) and _is_imported(node, scope, inference.project)


def is_method(node: ast.expr, name: str, scope: Scope, inference: Inference) -> bool:
    """Whether ``node`` surely is ``x.method``, where ``x`` has no such attribute but its class's: ``name``'s end."""
    if not isinstance(node, ast.Attribute) or node.attr != name.rpartition(".")[2]:
        return False
    owners = inference.infer(node.value, scope)
    return _is_known(node.value, scope, inference) and all(_inherits(o, node.attr) for o in owners)


def _inherits(owner: Value, method: str) -> bool:
    """Whether an object has ``method`` from a library's class, and nothing of its own by that name."""
    if isinstance(owner, (ExternalInstance, Super)):
        return True
    return isinstance(owner, Instance) and not any(
        method in cls.stored or method in cls.scope.bindings for cls in owner.cls.relatives()
    )


def _is_known(node: ast.expr, scope: Scope, inference: Inference) -> bool:
    """Whether something is known of each value that ``node`` may have, as far as it is decided here."""
    if isinstance(node, ast.IfExp):
        return _is_known(node.body, scope, inference) and _is_known(node.orelse, scope, inference)
    if isinstance(node, ast.BoolOp):
        return all(_is_known(value, scope, inference) for value in node.values)
    found = scope.lookup(node.id) if isinstance(node, ast.Name) else None
    for binding in found[0] if found else ():
        value = binding.value if isinstance(binding, (Assigned, Entered)) else None
        if value is not None and not isinstance(value, ast.Name) and found is not None:
            if not _is_known(value, found[1], inference):
                return False
    return bool(inference.infer(node, scope))


# -- imports ---------------------------------------------------------------


def _is_imported(node: ast.expr, scope: Scope, project: Project) -> bool:
    """Whether nothing but imports, through whatever modules of the project, binds the dotted name ``node``."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.insert(0, node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return False
    found = scope.lookup(node.id)
    walk = _Imports(project)
    if found is None or found[1] is scope.module.scope:
        return walk.reach(scope.module, [node.id, *attributes])
    return walk.are_imports(found[0], found[1].module, attributes)


class _Imports:
    """Follows dotted names through the project's modules."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._seen: set[tuple[Module, str]] = set()

    def reach(self, module: Module | Folder, names: list[str]) -> bool:
        """Whether ``names``, looked up in a module one after the other, lead to a library by imports alone."""
        if not names:
            return False
        name, *rest = names
        if isinstance(module, Module):
            if (module, name) in self._seen:
                return True
            self._seen.add((module, name))
            bindings = module.scope.bindings.get(name)
            if bindings:
                return self.are_imports(bindings, module, rest)
        member = self.project.member(module, name)
        if member is not None:
            return self.reach(member, rest)
        return isinstance(module, Module) and all(self._starred(m, names) for m in self._stars(module))

    def _stars(self, module: Module) -> list[Module]:
        nodes = module.scope.facts.star_imports
        found = (self.project.find_module(node.module or "", node.level, module) for node in nodes)
        return [own for own in found if isinstance(own, Module)]

    def _starred(self, module: Module, names: list[str]) -> bool:
        return self.project.resolve_global(module, names[0]) is None or self.reach(module, names)

    def are_imports(self, bindings: list[Binding], importer: Module, names: list[str]) -> bool:
        """Whether each of the ``bindings`` is an import, and ``names`` below it lead to a library."""
        return all(isinstance(b, Imported) and self._is_import(b, importer, names) for b in bindings)

    def _is_import(self, binding: Imported, importer: Module, names: list[str]) -> bool:
        own = self.project.find_module(binding.module, binding.level, importer)
        if own is None:
            return not binding.level
        if isinstance(own, Folder) and isinstance(self.project.resolve_import(binding, importer), str):
            return True  # a library hides the folder
        return self.reach(own, [binding.name, *names] if binding.name else names)
