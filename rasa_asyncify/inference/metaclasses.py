"""Metaclasses of the project: what has them, and what their methods' first parameters are."""

from __future__ import annotations

from rasa_asyncify.inference.asking import Infers
from rasa_asyncify.project.model import Class, Function, Parameter
from rasa_asyncify.project.values import Container, OwnClass, OwnFunction, Values


def metaclass_of(cls: Class, inference: Infers) -> Class | None:
    """The project's own metaclass of ``cls``, if it has one."""
    node = cls.metaclass
    if node is None:
        return None
    owner = next(c for c in cls.ancestry() if any(k.value is node for k in c.node.keywords))
    return next((v.cls for v in inference.infer(node, owner.parent) if isinstance(v, OwnClass)), None)


def is_metaclass(cls: Class) -> bool:
    """Whether instances of ``cls`` are classes."""
    return bool(cls.all_external_bases() & {"type", "abc.ABCMeta", "enum.EnumMeta", "enum.EnumType"})


def made_by(metaclass: Class, inference: Infers) -> Values:
    """The classes of the project that ``metaclass`` makes."""
    family = [metaclass, *metaclass.descendants()]
    return tuple(OwnClass(c) for c in inference.project.classes() if metaclass_of(c, inference) in family)


def is_namespace(parameter: Parameter) -> bool:
    """Whether it is what ``__new__(mcs, name, bases, namespace)`` gets the members of the new class in."""
    if parameter.function.name not in ("__new__", "__init__"):
        return False
    arguments = parameter.function.node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    return len(positional) > 3 and positional[3].arg == parameter.name


def members_of(classes: Values) -> Values:
    """A container of the methods in the classes' own bodies."""
    owned = (v.cls.scope.facts.nested for v in classes if isinstance(v, OwnClass))
    items = tuple(OwnFunction(f) for nested in owned for f in nested if isinstance(f, Function))
    return (Container(items),) if items else ()
