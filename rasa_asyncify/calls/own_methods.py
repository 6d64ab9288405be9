"""Which of the project's methods a use of its classes and instances runs."""

from __future__ import annotations

from rasa_asyncify.project.model import Class, Function
from rasa_asyncify.project.values import Instance


def constructors(cls: Class) -> list[Function]:
    """The functions of the project that constructing ``cls`` runs."""
    return [*initialisers(cls), *methods(cls, "__post_init__")]


def initialisers(cls: Class) -> list[Function]:
    """Those of them that are given what the class is called with."""
    return [m for name in ("__new__", "__init__") for m in methods(cls, name)]


def methods(cls: Class, name: str) -> list[Function]:
    """The method that ``name`` reaches on an instance of ``cls``."""
    for ancestor in cls.ancestry():
        method = ancestor.method(name)
        if method is not None:
            return [method]
    return []


def reached_methods(value: Instance, name: str) -> list[Function]:
    """The methods that ``name`` may reach on ``value``, which may be an instance of a subclass."""
    found = methods(value.cls, name)
    if not value.exact:
        found += [m for cls in value.cls.descendants() for m in methods(cls, name)]
    return list(dict.fromkeys(found))
