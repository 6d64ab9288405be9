"""What the attributes of a value may be."""

from __future__ import annotations

from rasa_asyncify.inference.additions import Additions
from rasa_asyncify.inference.asking import Infers
from rasa_asyncify.inference.metaclasses import metaclass_of
from rasa_asyncify.project.bindings import Assigned
from rasa_asyncify.project.index import Folder
from rasa_asyncify.project.model import Binding, Class, Function, Module
from rasa_asyncify.project.values import (
    Container,
    ContainerMethod,
    External,
    ExternalInstance,
    ExternalMethod,
    Instance,
    OwnClass,
    OwnFunction,
    OwnModule,
    Super,
    Value,
    Values,
    union,
)

# Methods of containers that give what is in them, and those of them that give a container again.
COPYING = frozenset({"copy", "values"})
_GIVING = COPYING | {"get", "items", "pop", "popleft", "setdefault"}
_COLLECTIONS = frozenset(
    {"dict", "list", "set", "tuple", "UserDict", "UserList", "OrderedDict", "defaultdict", "deque"}
)


class Attributes:
    """Answers for the values of a project."""

    def __init__(self, inference: Infers, additions: Additions) -> None:
        self.inference = inference
        self.additions = additions
        self.project = inference.project
        self.catalogue = inference.catalogue

    def attribute(self, value: Value, name: str) -> Values:
        """What the attribute ``name`` of ``value`` may be."""
        if isinstance(value, External):
            return (self.inference.external(f"{value.name}.{name}"),)
        if isinstance(value, ExternalInstance):
            return self.of_external(value.cls, name)
        if isinstance(value, OwnModule):
            return self._module_attribute(value.module, name)
        if isinstance(value, OwnClass):
            found = self.of_class(value.cls, name, exact=value.exact, instance=False)
            is_member = name in value.cls.scope.bindings and is_enumeration(value.cls)
            return (Instance(value.cls), *found) if is_member else found
        if isinstance(value, Instance):
            return self.of_class(value.cls, name, exact=value.exact, instance=True)
        if isinstance(value, Super):
            return self._super_attribute(value, name)
        if isinstance(value, OwnFunction):
            return self.additions.to_function(value.function, name)
        if isinstance(value, Container):
            if value.named:
                return value.items
            return (ContainerMethod(value, name),) if name in _GIVING else ()
        return ()

    def of_external(self, cls: str, name: str) -> Values:
        entry = self.catalogue.cls(cls)
        if entry is None:
            return ()
        result = entry.attribute(name)
        if result is None:
            return (ExternalMethod(cls, name),)
        # With a wildcard an attribute may be a method as well as an inner object.
        known = (ExternalInstance(self.catalogue.canonical(result)),)
        return (*known, ExternalMethod(cls, name)) if name not in entry.attributes else known

    def _module_attribute(self, module: Module | Folder, name: str) -> Values:
        if isinstance(module, Module):
            found = self.inference.global_name(module, name)
            if found:
                return found
        member = self.project.member(module, name)
        return (OwnModule(member),) if member else ()

    def of_class(self, cls: Class, name: str, *, exact: bool, instance: bool) -> Values:
        """What the attribute ``name`` of a class or, with ``instance``, of its instances may be."""
        found = self._defined(cls, name, instance)
        if not exact:
            found += self._overridden(cls, name, instance)
        family = cls.ancestry() if exact else cls.relatives()
        for relative in family:
            found += [self.inference.infer(value, scope) for value, scope in relative.stored.get(name, ())]
        if not any(found):
            inherited = union(self._inherited(base, name) for base in sorted(cls.all_external_bases()))
            if any(isinstance(v, ExternalInstance) for v in inherited):
                return inherited  # a library's own object, whatever is done with it
        found += self._put_in(cls, name, family, known=any(found))
        if not any(found):
            return union(self._inherited(base, name) for base in sorted(cls.all_external_bases()))
        return union(found)

    def _defined(self, cls: Class, name: str, instance: bool) -> list[Values]:
        """What the body of the class, or the nearest of its bases that has the name, gives it."""
        for ancestor in cls.ancestry():
            method = ancestor.method(name)
            if method is not None:
                return [self._method(method, instance)]
            bindings = ancestor.scope.bindings.get(name)
            if bindings:
                return [self._class_binding(b, ancestor, instance) for b in bindings]
        return []

    def _overridden(self, cls: Class, name: str, instance: bool) -> list[Values]:
        """What the bodies of classes that derive from it give the name."""
        found: list[Values] = []
        for descendant in cls.descendants():
            overrides = [m for m in (a.method(name) for a in descendant.ancestry()) if m is not None]
            found += [self._method(override, instance) for override in overrides[:1]]
            if descendant.method(name) is None:
                assigned = descendant.scope.bindings.get(name, [])
                found += [self._class_binding(b, descendant, instance) for b in assigned]
        return found

    def _put_in(self, cls: Class, name: str, family: list[Class], *, known: bool) -> list[Values]:
        """What comes into an attribute by other ways than the class's own body and methods."""
        found: list[Values] = []
        for relative in family:
            self.inference.asked.add((relative, name))
            found += [
                self.inference.infer(value, scope)
                for value, scope in self.inference.flows.get((relative, name), ())
            ]
        if is_enumeration(cls) and name == "value":
            members = (
                b for c in family for bs in c.scope.bindings.values() for b in bs if isinstance(b, Assigned)
            )
            found += [self.inference.infer(b.value, cls.scope) for b in members]
        if any(c.method(name) is not None for c in family):
            found.append(self.additions.put_in_place_of(cls, name))
            return found
        if name in _GIVING and any(self.is_collection(c) for c in family):
            found.append(
                tuple(
                    ContainerMethod(c, name)
                    for c in self.additions.to_itself(cls)
                    if isinstance(c, Container)
                )
            )
        found.append(self.additions.to_attribute(cls, name))
        found.append(self.additions.assigned_outside(cls, name))
        metaclass = metaclass_of(cls, self.inference)
        if metaclass is not None and not known and metaclass is not cls:
            found.append(self.of_class(metaclass, name, exact=False, instance=True))
        return found

    def is_collection(self, cls: Class) -> bool:
        """Whether instances are dictionaries, lists and the like by their base."""
        return any(base.rpartition(".")[2] in _COLLECTIONS for base in cls.all_external_bases())

    def _class_binding(self, binding: Binding, cls: Class, instance: bool) -> Values:
        values = self.inference.bound(binding, cls.scope)
        if not instance:
            return values
        return tuple(OwnFunction(v.function, bound=True) if isinstance(v, OwnFunction) else v for v in values)

    def _method(self, method: Function, instance: bool) -> Values:
        if method.is_property and instance:
            return self.inference.returned(method)
        bound = (instance or method.is_class_method) and not method.is_static
        return (OwnFunction(method, bound=bound),)

    def _inherited(self, base: str, name: str) -> Values:
        base = self.catalogue.canonical(base)
        if self.catalogue.cls(base) is not None:
            return self.of_external(base, name)
        return (ExternalMethod(base, name),) if "." in base else ()

    def _super_attribute(self, value: Super, name: str) -> Values:
        """What follows the class in its own order of bases, and in those of all that descend from it."""
        found: list[Values] = []
        for cls in [value.cls, *value.cls.descendants()]:
            ancestry = cls.ancestry()
            after = ancestry[ancestry.index(value.cls) + 1 :]
            methods = [m for m in (ancestor.method(name) for ancestor in after) if m is not None]
            if methods:
                found.append(self._method(methods[0], instance=True))
            else:
                found += [self._inherited(b, name) for b in sorted(cls.all_external_bases())]
        return union(found)


def is_enumeration(cls: Class) -> bool:
    """Whether the class derives from ``Enum`` or one of its kind."""
    return any(base.partition(".")[0] == "enum" for base in cls.all_external_bases())
