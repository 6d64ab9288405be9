"""Whose attributes code means: places that mention an attribute, found again by the class that it belongs to."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from rasa_asyncify.inference.asking import Infers
from rasa_asyncify.inference.metaclasses import metaclass_of
from rasa_asyncify.project.model import Class, Scope
from rasa_asyncify.project.values import Instance, OwnClass

_What = TypeVar("_What")


@dataclass(frozen=True)
class Place(Generic[_What]):
    """``node`` in ``scope`` is an attribute, or a name in a class's body; ``what`` is known of it."""

    node: ast.expr
    scope: Scope
    what: _What


@dataclass
class _Index(Generic[_What]):
    """The positions of places by class, and of those whose class isn't known, so that it may be any."""

    places: Sequence[Place[_What]]
    by_class: dict[Class, list[int]] = field(default_factory=dict)
    of_any: list[int] = field(default_factory=list)


class ByOwner(Generic[_What]):
    """Answers for the places that ``places_of`` gives for an attribute's name; each is looked at once."""

    def __init__(self, inference: Infers, places_of: Callable[[str], Sequence[Place[_What]]]) -> None:
        self.inference = inference
        self.places_of = places_of
        self._known: dict[str, _Index[_What]] = {}

    def forget(self) -> None:
        """Drop what was remembered, after the inference has learnt more."""
        self._known.clear()

    def of(self, cls: Class, name: str) -> list[Place[_What]]:
        """The places, in their order, where the attribute ``name`` may be that of ``cls`` or one of its relatives."""
        index = self._known.get(name) or self._read(name)
        if not index.places:
            return []
        found = set(index.of_any)
        for relative in cls.relatives():
            found.update(index.by_class.get(relative, ()))
        return [index.places[position] for position in sorted(found)]

    def _read(self, name: str) -> _Index[_What]:
        index = _Index(self.places_of(name))
        unfinished = self.inference.unfinished
        for position, place in enumerate(index.places):
            owners = owners_of(place.node, place.scope, self.inference)
            if owners is None:
                index.of_any.append(position)
            for owner in owners or ():
                index.by_class.setdefault(owner, []).append(position)
        if self.inference.unfinished == unfinished:  # else it was asked in the midst of one of these
            self._known[name] = index
        return index


def owners_of(node: ast.expr, scope: Scope, inference: Infers) -> list[Class] | None:
    """The classes that ``node`` may be an attribute of, by themselves or by their instances; None: any."""
    if isinstance(node, ast.Name):  # in the body of the class
        found = scope.lookup(node.id)
        return [found[1].cls] if found is not None and found[1].cls is not None else []
    if not isinstance(node, ast.Attribute):
        return []
    values = inference.infer(node.value, scope)
    if not values:
        return None
    owners = [v.cls for v in values if isinstance(v, (Instance, OwnClass))]
    made = [metaclass_of(owner, inference) for owner in owners]
    return [*owners, *(m for m in made if m is not None)]
