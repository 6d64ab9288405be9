"""What is decided so far: it changes until nothing more has to be given up."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from rasa_asyncify.calls.sites import Site
from rasa_asyncify.project.model import Function


class Outcome:
    """What functions become: ``converted`` to coroutine functions; those ``moved`` send their body to a thread."""

    converted: AbstractSet[Function]
    moved: Mapping[Function, object]

    def awaitable(self, function: Function) -> bool:
        """Whether calling ``function`` gives a coroutine afterwards."""
        return function.is_async or function in self.converted or function in self.moved

    def inline(self, function: Function) -> bool:
        """Whether the function's body runs on the event loop afterwards."""
        return (function.is_async or function in self.converted) and function not in self.moved


@dataclass
class Draft(Outcome):
    """As ``Decisions``; ``must`` are the entry points that become coroutine functions whatever else is decided."""

    must: set[Function] = field(default_factory=set)
    converted: set[Function] = field(default_factory=set)
    moved: dict[Function, str] = field(default_factory=dict)
    kept: dict[Function, str] = field(default_factory=dict)
    refused: dict[Site, str] = field(default_factory=dict)
    stuck: dict[Site, str] = field(default_factory=dict)
    interrupted: dict[Function, list[ast.AST]] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, ...]:
        """Another one whenever something was decided: each part only grows, or only shrinks."""
        return (len(self.converted), len(self.moved), len(self.stuck), len(self.interrupted))

    def is_sure(self, function: Function) -> bool:
        """Whether it is a coroutine function, or becomes one whatever else is decided."""
        return function.is_async or function in self.must
