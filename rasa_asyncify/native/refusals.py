"""What has no native form, and why; and plans that are made once for each of the places they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Plan = TypeVar("_Plan")


class Refused(Exception):
    """The call has no equivalent that is surely the same; the message says why."""


class Plans(Generic[_Key, _Plan]):
    """Remembers what ``make`` gives or refuses."""

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
