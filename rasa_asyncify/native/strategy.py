"""A strategy awaits the asynchronous equivalent of a blocking call, or refuses with a reason."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar, Generic, TypeVar

from rasa_asyncify.calls.sites import Site
from rasa_asyncify.edits import Edit
from rasa_asyncify.project.model import Module

_Key = TypeVar("_Key")
_Plan = TypeVar("_Plan")

Held = Callable[[Site], bool]


class Refused(Exception):
    """The call has no equivalent that is surely the same; the message says why."""


def check_answers(mocks: Iterable[str]) -> None:
    """Refuse where tests answer a module's requests by ``mocks``, which another client wouldn't notice.

    Raises:
        Refused: with their names.
    """
    named = " and ".join(mocks)
    if named:
        raise Refused(f"the tests answer requests with {named}")


class Strategy(ABC):
    """One kind of asynchronous equivalent. What new code it needs is said by its edits: imports, helper, requirement.

    ``native`` is the catalogue's word for what it is for. ``asks``: whether it asks somebody else, so that several
    calls might be waited for together.
    """

    native: ClassVar[str]
    asks: ClassVar[bool] = True

    def serves(self, native: str) -> bool:
        """Whether it is for what the catalogue gives this kind of replacement."""
        return native == self.native

    @abstractmethod
    def offer(self, site: Site, held: Held) -> None:
        """Agree to take the call at ``site``; ``held`` tells which sites go to a thread with what is around them.

        Raises:
            Refused: where it might do something else.
        """

    @abstractmethod
    def edits(self, site: Site) -> Iterator[Edit]:
        """What changes in the site's module, once ``offer`` has agreed."""

    def consequences(self, site: Site) -> Iterator[tuple[Module, Edit]]:
        """What else changes, there and in other modules: what is done with the result."""
        return iter(())


class Plans(Generic[_Key, _Plan]):
    """Plans that are made once for each of the places they are asked for: remembers what ``make`` gives or refuses."""

    def __init__(self, make: Callable[[_Key], _Plan]) -> None:
        self._make = make
        self._known: dict[_Key, _Plan | Refused] = {}

    def of(self, key: _Key) -> _Plan:
        """The plan for ``key``.

        Raises:
            Refused: where ``make`` does, each time.
        """
        if key not in self._known:
            try:
                self._known[key] = self._make(key)
            except Refused as refused:
                self._known[key] = refused
        known = self._known[key]
        if isinstance(known, Refused):
            raise known
        return known
