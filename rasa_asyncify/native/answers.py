"""Tests that answer requests in a way that another client wouldn't notice."""

from __future__ import annotations

from collections.abc import Iterable

from rasa_asyncify.native.strategy import Refused


def check_answers(mocks: Iterable[str]) -> None:
    """Refuse where ``mocks``, the libraries that answer for a module's requests, are any.

    Raises:
        Refused: with their names.
    """
    named = " and ".join(mocks)
    if named:
        raise Refused(f"the tests answer requests with {named}")
