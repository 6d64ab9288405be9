"""What is put into containers and attributes from elsewhere: by another function, another module, a decorator."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

from rasa_asyncify.inference.asking import Infers
from rasa_asyncify.inference.owners import ByOwner, Place, owners_of
from rasa_asyncify.project.bindings import Addition, Assigned, Imported, last_name
from rasa_asyncify.project.model import Class, Function, Module, Scope
from rasa_asyncify.project.values import Container, Instance, OwnClass, OwnFunction, OwnModule, Values, union

_NOT_CALLED = re.compile(r"\.(\w+)\b(?!\s*[(.])")  # what may be assigned to
_BY_NAME = ""  # instead of an attribute: any, by its name
_ASSIGNED = re.compile(r"\.(\w+) = ")
_MADE = (ast.Dict, ast.List, ast.Set, ast.Call, ast.DictComp, ast.ListComp, ast.SetComp, ast.BinOp)


class Additions:
    """Finds, for one container or attribute at a time, what code anywhere in the project puts into it.

    Which modules may do so their text tells; only those are looked through.
    """

    def __init__(self, inference: Infers) -> None:
        self.inference = inference
        self.project = inference.project
        self._of_module: dict[Module, dict[str, list[tuple[Addition, Scope]]]] = {}
        self._storing: dict[str, list[Module]] | None = None
        self._stored: dict[Module, dict[str, list[tuple[ast.expr, ast.expr, Scope]]]] = {}
        self._growing: dict[str, list[Module]] | None = None
        self._assigning: dict[str, list[Module]] | None = None
        self._assigned: dict[Module, dict[str, list[Place[ast.expr]]]] = {}
        self._added_to = ByOwner(inference, self._places_of_additions)
        self._assigned_to = ByOwner(inference, self._places_of_assignments)
        # Containers that are handed to functions, which may put something into their parameters.
        self.handed: dict[str, list[tuple[ast.expr, Scope, Function, str]]] = defaultdict(list)

    def forget(self) -> None:
        """Drop what the inference told, after it has learnt more."""
        self._added_to.forget()
        self._assigned_to.forget()

    def to_name(self, name: str, scope: Scope) -> Values:
        """What is put into the variable ``name`` of ``scope``, in a ``Container``."""
        return self._values(self.of_name(name, scope))

    def of_name(self, name: str, scope: Scope) -> list[tuple[Addition, Scope]]:
        """Where something is put into the variable ``name`` of ``scope``."""
        if not any(
            isinstance(b, Assigned) and isinstance(b.value, _MADE) for b in scope.bindings.get(name, ())
        ):
            return []
        found: list[tuple[Addition, Scope]] = []
        if scope.parent is None:
            for module in self._modules(name):
                for local in self._names_of(name, scope.module, module):
                    found += [
                        a
                        for a in self._in(module, local)
                        if self._is_global(a[0].container, a[1], name, scope)
                    ]
        else:
            where = [scope, *(f.scope for f in scope.functions())] if name in scope.module.growing else []
            found += [
                (a, inner)
                for inner in where
                for a in inner.facts.added
                if isinstance(a.container, ast.Name)
                and a.name == name
                and _owner(a.container, inner) is scope
            ]
        found += self._through_parameters(name, lambda e, s: self._is_global(e, s, name, scope))
        return found

    def to_attribute(self, cls: Class, name: str) -> Values:
        """What is put into the attribute ``name`` of ``cls`` or its instances, in a ``Container``."""
        return self._values(self.of_attribute(cls, name))

    def of_attribute(self, cls: Class, name: str) -> list[tuple[Addition, Scope]]:
        """Where something is put into the attribute ``name`` of ``cls`` or its instances."""
        found = [place.what for place in self._added_to.of(cls, name)]
        found += self._through_parameters(name, lambda e, s: self._is_attribute(e, s, cls))
        return found

    def to_itself(self, cls: Class) -> Values:
        """What methods of ``cls``, a dictionary or a list by its base, put into the instance."""
        found: list[tuple[Addition, Scope]] = []
        for relative in cls.relatives():
            for function in relative.scope.functions():
                found += [
                    (a, function.scope) for a in function.facts.added if _is_self(a.container, function)
                ]
        return self._values(found)

    def assigned_outside(self, cls: Class, name: str) -> Values:
        """What code outside of the methods assigns to the attribute: ``report.source = Disk()``."""
        places = self._assigned_to.of(cls, name)
        return union([self.inference.infer(place.what, place.scope) for place in places])

    def put_in_place_of(self, cls: Class, name: str) -> Values:
        """What is assigned in place of a method: ``Api.load = other``, ``setattr(Api, "load", other)``.

        What tests replace is left out.
        """
        found = [
            self.inference.infer(value, scope)
            for target, value, scope in self.stores(name)
            if not scope.module.is_test and not _is_self(target, scope.function)
            if self._belongs(target, scope, cls.relatives())
        ]
        return union(found)

    def to_function(self, function: Function, name: str) -> Values:
        """What is assigned to an attribute of a function."""
        found = [
            self.inference.infer(value, scope)
            for target, value, scope in self.stores(name)
            if any(
                isinstance(v, OwnFunction) and v.function is function
                for v in self.inference.infer(target, scope)
            )
        ]
        return union(found)

    def stores(self, name: str) -> list[tuple[ast.expr, ast.expr, Scope]]:
        """(object, value, scope) of each ``x.name = value`` and ``setattr(x, "name", value)``."""
        if self._storing is None:
            self._storing = defaultdict(list)
            for module in self.project.connected:
                text = module.source.text
                for attribute in {_BY_NAME} if "setattr" in text else set(_NOT_CALLED.findall(text)):
                    self._storing[attribute].append(module)
        modules = [*self._storing.get(name, ()), *self._storing.get(_BY_NAME, ())]
        if len(modules) > 1:
            modules.sort(key=self._places.__getitem__)
        return [store for module in modules for store in self._stored_in(module).get(name, ())]

    @cached_property
    def _places(self) -> dict[Module, int]:
        """The order of the modules."""
        return {module: place for place, module in enumerate(self.project.connected)}

    def _stored_in(self, module: Module) -> dict[str, list[tuple[ast.expr, ast.expr, Scope]]]:
        known = self._stored.get(module)
        if known is None:
            known = self._stored[module] = defaultdict(list)
            for scope in module.scopes():
                for attribute, target, value in _attribute_stores(scope):
                    known[attribute].append((target, value, scope))
        return known

    def _belongs(self, node: ast.expr, where: Scope, family: list[Class]) -> bool:
        values = self.inference.infer(node, where)
        return any(isinstance(v, (Instance, OwnClass)) and v.cls in family for v in values)

    # -- where to look ---------------------------------------------------------------

    def _modules(self, name: str) -> list[Module]:
        if self._growing is None:
            self._growing = defaultdict(list)
            for module in self.project.connected:
                for known in module.growing:
                    self._growing[known].append(module)
        return self._growing.get(name, [])

    def _places_of_additions(self, name: str) -> list[Place[tuple[Addition, Scope]]]:
        found = [a for module in self._modules(name) for a in self._in(module, name)]
        return [Place(addition.container, scope, (addition, scope)) for addition, scope in found]

    def _places_of_assignments(self, name: str) -> list[Place[ast.expr]]:
        """Where something is assigned to an attribute of that name, but for those of a method's own object."""
        if self._assigning is None:
            self._assigning = defaultdict(list)
            for module in self.project.connected:
                for attribute in set(_ASSIGNED.findall(module.source.text)):
                    self._assigning[attribute].append(module)
        return [
            place for module in self._assigning.get(name, ()) for place in self._assigned_in(module, name)
        ]

    def _assigned_in(self, module: Module, name: str) -> list[Place[ast.expr]]:
        known = self._assigned.get(module)
        if known is None:
            known = self._assigned[module] = defaultdict(list)
            for scope in module.scopes():
                for target, value in scope.facts.stores:
                    if not _is_self(target.value, scope.function):
                        known[target.attr].append(Place(target, scope, value))
        return known.get(name, [])

    def _in(self, module: Module, name: str) -> list[tuple[Addition, Scope]]:
        known = self._of_module.get(module)
        if known is None:
            known = self._of_module[module] = defaultdict(list)
            for scope in module.scopes():
                for addition in scope.facts.added:
                    known[addition.name].append((addition, scope))
        return known.get(name, [])

    def _names_of(self, name: str, owner: Module, module: Module) -> set[str]:
        """The names that the global ``name`` of ``owner`` goes by in ``module``."""
        if module is owner or name not in module.source.text:
            return {name}
        renamed = {
            local
            for local, bindings in module.scope.bindings.items()
            if any(isinstance(b, Imported) and b.name == name for b in bindings)
        }
        return renamed | {name}

    def _is_global(self, node: ast.expr, where: Scope, name: str, scope: Scope) -> bool:
        """Whether ``node`` names the variable ``name`` of ``scope``."""
        if isinstance(node, ast.Name):
            owner = _owner(node, where)
            if owner is scope:
                return node.id == name
            if scope.parent is not None or (owner is not None and owner.parent is not None):
                return False
            return self.project.resolve_global(where.module, node.id) == (scope.module, name)
        if not isinstance(node, ast.Attribute) or node.attr != name or scope.parent is not None:
            return False
        return OwnModule(scope.module) in self.inference.infer(node.value, where)

    def _is_attribute(self, node: ast.expr, where: Scope, cls: Class) -> bool:
        """Whether ``node`` is an attribute of the class or its instances; where nothing is known of it, it may be."""
        owners = owners_of(node, where, self.inference)
        return owners is None or any(owner in cls.relatives() for owner in owners)

    def _through_parameters(self, name: str, matches: object) -> Iterator[tuple[Addition, Scope]]:
        assert callable(matches)
        for node, where, function, parameter in self.handed.get(name, ()):
            added = [
                a for a in function.facts.added if isinstance(a.container, ast.Name) and a.name == parameter
            ]
            if added and matches(node, where):
                yield from ((a, function.scope) for a in added)

    def _values(self, additions: list[tuple[Addition, Scope]]) -> Values:
        found: list[Values] = []
        for addition, scope in additions:
            values = self.inference.infer(addition.value, scope)
            if addition.spread:
                values = union(self.inference.items(v) for v in values)
            for _ in range(addition.depth):
                values = (Container(values),) if values else ()
            found.append(values)
        items = union(found)
        return (Container(items),) if items else ()


def _attribute_stores(scope: Scope) -> Iterator[tuple[str, ast.expr, ast.expr]]:
    """(attribute, object, value) of ``x.name = value`` and ``setattr(x, "name", value)`` in the scope's own code."""
    for target, value in scope.facts.stores:
        yield target.attr, target.value, value
    for call in scope.facts.calls if "setattr" in scope.module.source.text else ():
        if last_name(call.func) in ("setattr", "__setattr__") and len(call.args) == 3:
            name = call.args[1]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield name.value, call.args[0], call.args[2]


def _owner(node: ast.Name, scope: Scope) -> Scope | None:
    found = scope.lookup(node.id)
    return found[1] if found is not None else None


def _is_self(node: ast.expr, function: Function | None) -> bool:
    return isinstance(node, ast.Name) and function is not None and node.id == function.self_name
