"""Protocols: which classes of the project have all the methods that one asks for."""

from __future__ import annotations

from rasa_asyncify.project.bindings import last_name
from rasa_asyncify.project.index import Project
from rasa_asyncify.project.model import Class, Function


def link_protocols(project: Project) -> None:
    """Count the classes that fit a protocol among what descends from it, for an instance may be one of any of them."""
    protocols = [cls for cls in project.classes() if is_protocol(cls)]
    if not protocols:
        return
    plain = [cls for cls in project.classes() if cls not in protocols]
    for protocol in protocols:
        wanted = _methods(protocol)
        if wanted:
            known = protocol.descendants()
            protocol.subclasses += [c for c in plain if c not in known and _has_all(c, wanted)]


def is_protocol(cls: Class) -> bool:
    """Whether the class statement names ``Protocol`` among its bases."""
    bases = (getattr(base, "value", base) if not hasattr(base, "attr") else base for base in cls.node.bases)
    return any(last_name(base) == "Protocol" for base in bases)


def _methods(protocol: Class) -> list[Function]:
    found: dict[str, Function] = {}
    for cls in protocol.ancestry():
        for nested in cls.scope.facts.nested:
            if isinstance(nested, Function) and (
                not nested.name.startswith("__") or nested.name == "__call__"
            ):
                found.setdefault(nested.name, nested)
    return list(found.values())


def _has_all(cls: Class, wanted: list[Function]) -> bool:
    ancestry = cls.ancestry()
    for method in wanted:
        own = next((m for m in (a.method(method.name) for a in ancestry) if m is not None), None)
        if own is None or not _takes_as_much(own, method):
            return False
    return True


def _takes_as_much(own: Function, asked: Function) -> bool:
    """Whether ``own`` can be called with as many arguments as the protocol says."""
    if asked.is_property or own.is_property:
        return asked.is_property == own.is_property
    mine, theirs = own.node.args, asked.node.args
    if theirs.vararg is not None or theirs.kwarg is not None:
        return True
    given = len([*theirs.posonlyargs, *theirs.args]) - (not asked.is_static)
    taken = len([*mine.posonlyargs, *mine.args]) - (not own.is_static)
    return taken - len(mine.defaults) <= given and (given <= taken or mine.vararg is not None)
