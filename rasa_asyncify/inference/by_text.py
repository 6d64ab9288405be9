"""What is found by a text at run time: ``globals()[name]``, ``getattr(module, name)``, ``import_module(name)``."""

from __future__ import annotations

import ast

from rasa_asyncify.inference.asking import Infers
from rasa_asyncify.project.bindings import Assigned, Imported
from rasa_asyncify.project.expressions import only_assigned, text_start
from rasa_asyncify.project.index import Folder
from rasa_asyncify.project.model import Class, Function, Module, Scope
from rasa_asyncify.project.values import (
    Container,
    External,
    Instance,
    OwnClass,
    OwnFunction,
    OwnModule,
    Value,
    Values,
)

_IMPORTERS = frozenset({"importlib.import_module", "builtins.__import__", "importlib.reload"})


class ByText:
    """Looks up what a text may name. ``named`` are the functions that a text which isn't known may have named."""

    def __init__(self, inference: Infers) -> None:
        self.inference = inference
        self.named: set[Function] = set()

    # -- namespaces ---------------------------------------------------------------

    def namespace(self, node: ast.expr, scope: Scope) -> list[Value | Scope]:
        """The owners of the names in ``globals()``, ``vars(x)``, ``locals()`` or ``x.__dict__``; empty for others."""
        if isinstance(node, ast.Attribute) and node.attr == "__dict__":
            return list(self.inference.infer(node.value, scope))
        if (
            not isinstance(node, ast.Call)
            or not isinstance(node.func, ast.Name)
            or scope.lookup(node.func.id)
        ):
            return []
        if node.func.id == "globals":
            return [scope.module.scope]
        if node.func.id == "locals" or (node.func.id == "vars" and not node.args):
            return [scope]
        if node.func.id == "vars":
            return list(self.inference.infer(node.args[0], scope))
        return []

    def items(self, owners: list[Value | Scope], key: ast.expr | None, scope: Scope) -> Values:
        """What ``owners`` have under the name ``key``; all that they have where no key is given."""
        prefix, exact = self.start(key, scope)
        found: list[Value] = []
        for owner in owners:
            found += self.members(owner, prefix, exact)
        return tuple(dict.fromkeys(found))

    def start(self, key: ast.expr | None, scope: Scope) -> tuple[str, bool]:
        """How the text ``key`` begins, and whether that is all of it."""
        if key is None:
            return "", False
        if isinstance(key, ast.Constant):
            return str(key.value), True
        if isinstance(key, ast.Name):
            found = scope.lookup(key.id)
            values = only_assigned(found[0]) if found else []
            if len(values) == 1:
                if isinstance(values[0], ast.Constant):
                    return str(values[0].value), True
                return text_start(values[0], scope) or "", False
            return "", False
        return text_start(key, scope) or "", False

    def members(self, owner: Value | Scope, prefix: str, exact: bool) -> Values:
        """The functions, classes and objects of ``owner`` whose names begin with ``prefix``, or are it."""
        found: list[Value] = []
        for name in self._names(owner):
            if name != prefix if exact else not name.startswith(prefix):
                continue
            if name == "run" and not exact:
                continue  # an action's, which is awaited by a way of its own
            if isinstance(owner, Scope):
                values = self.inference.name(name, owner)
            else:
                values = self.inference.attribute(owner, name)
            found += [v for v in values if not isinstance(v, OwnModule)]
        if not exact:
            self.named |= {v.function for v in found if isinstance(v, OwnFunction)}
        return tuple(found)

    def _names(self, owner: Value | Scope) -> list[str]:
        if isinstance(owner, OwnModule):
            if not isinstance(owner.module, Module):
                return []
            owner = owner.module.scope
        if isinstance(owner, Scope):
            return self._of_scope(owner)
        if isinstance(owner, (Instance, OwnClass)):
            relatives = owner.cls.ancestry() if owner.exact else owner.cls.relatives()
            return [n for cls in relatives for n in self._of_scope(cls.scope) if not n.startswith("__")]
        return []

    def _of_scope(self, scope: Scope) -> list[str]:
        """The names that may be functions, classes or objects of the project."""
        names = [
            name
            for name, bindings in scope.bindings.items()
            if any(
                isinstance(b, (Function, Class, Imported))
                or (isinstance(b, Assigned) and isinstance(b.value, (ast.Call, ast.Lambda, ast.Name)))
                for b in bindings
            )
        ]
        for node in scope.facts.star_imports:
            own = self.inference.project.find_module(node.module or "", node.level, scope.module)
            if isinstance(own, Module) and own is not scope.module:
                names += [n for n, b in own.scope.bindings.items() if isinstance(b[-1], (Function, Class))]
        return names

    # -- attributes ---------------------------------------------------------------

    def attribute(self, node: ast.Call, scope: Scope) -> Values:
        """What ``getattr(x, name)`` gives where ``x`` is the project's own."""
        prefix, exact = self.start(node.args[1], scope)
        found: list[Value] = []
        for value in self.inference.infer(node.args[0], scope):
            if isinstance(value, (OwnModule, Instance, OwnClass)):
                found += self.members(value, prefix, exact)
        if len(node.args) > 2:
            found += self.inference.infer(node.args[2], scope)
        return tuple(dict.fromkeys(found))

    # -- modules ---------------------------------------------------------------

    def modules(self, node: ast.Call, name: str, scope: Scope) -> Values:
        """The project's modules that ``import_module(...)`` may give; ``name`` is what is called."""
        if name not in _IMPORTERS or not node.args:
            return ()
        start, exact = self.start(node.args[0], scope)
        if isinstance(node.args[0], ast.Constant) or exact:
            level = len(start) - len(start.lstrip("."))
            found = self.inference.project.find_module(start.lstrip("."), level, scope.module)
            return (OwnModule(found),) if found is not None else ()
        return tuple(OwnModule(m) for m in self._below(start, scope))

    def _below(self, start: str, scope: Scope) -> list[Module]:
        """The modules whose names begin with ``start``, whatever stands before it in their paths."""
        package = start.rpartition(".")[0]
        level = len(package) - len(package.lstrip("."))
        if not package.strip("."):
            return []
        found = self.inference.project.find_module(package.lstrip("."), level, scope.module)
        if found is None:
            return []
        folder = found.path if isinstance(found, Folder) else found.path.parent
        stem = start.rpartition(".")[2]
        return [
            m
            for m in self.inference.project.modules.values()
            if m.path.parent == folder and m.path.stem.startswith(stem) and not m.is_package
        ]

    def loaded(self, node: ast.Subscript, scope: Scope) -> Values:
        """What ``sys.modules[name]`` gives."""
        if External("sys.modules") not in self.inference.infer(node.value, scope):
            return ()
        if isinstance(node.slice, ast.Name) and node.slice.id == "__name__":
            return (OwnModule(scope.module),)
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            found = self.inference.project.find_module(node.slice.value, 0, scope.module)
            return (OwnModule(found),) if found is not None else ()
        return ()

    def listed(self, node: ast.Call, scope: Scope) -> Values:
        """What ``inspect.getmembers(x)`` lists: pairs of a name and a member."""
        found: list[Value] = []
        for value in self.inference.infer(node.args[0], scope) if node.args else ():
            found += self.members(value, "", False)
        items = tuple(dict.fromkeys(found))
        return (Container((Container(items),)),) if items else ()
