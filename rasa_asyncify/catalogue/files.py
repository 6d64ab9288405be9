"""The catalogue's files, each read when it is first asked for."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from rasa_asyncify.catalogue.library import Library, library_of

_FOLDER = Path(__file__).parent


def is_known(name: str) -> bool:
    """Whether the catalogue has a file for the library that the dotted ``name`` belongs to."""
    return name.partition(".")[0] in _roots()


@cache
def load(root: str) -> Library | None:
    """The library with the import root ``root``; None where it has no file."""
    return library_of(root, _read(root)) if root in _roots() else None


class Beside(NamedTuple):
    """What no library's own file holds: of libraries without one, by import root, and of functions, by dotted name."""

    brief: frozenset[str]
    awaited: frozenset[str]
    effects: Mapping[str, str]
    process_wide: Mapping[str, str]
    signals: frozenset[str]
    seeds: frozenset[str]


@cache
def beside() -> Beside:
    """What `_beside.toml` holds."""
    data = _read("_beside")
    return Beside(
        frozenset(data["brief"]),
        frozenset(data["awaited"]),
        data["effects"],
        data["process-wide"],
        frozenset(data["signals"]),
        frozenset(data["seeds"]),
    )


@cache
def _roots() -> frozenset[str]:
    return frozenset(path.stem for path in _FOLDER.glob("[!_]*.toml"))


def _read(stem: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads((_FOLDER / f"{stem}.toml").read_text("utf-8"))
