"""The settings in the `[tool.rasa-asyncify]` table of a project's pyproject.toml."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from rasa_asyncify.catalogue.own import Entry, read_blocking, read_non_blocking

TABLE = "tool.rasa-asyncify"
BLACK_MODES = ("changed", "whole-file", "off")
HTTP_FORMS = ("aiohttp", "thread")
HTTP_SESSIONS = ("per-call", "shared")


class ConfigError(Exception):
    """A pyproject.toml that cannot be used: which one, and what to do about it."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(path, message)
        self.path = path
        self.message = message

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def _regular_expression(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string, a regular expression")
    from rasa_asyncify.discovery import compile_exclude

    compile_exclude(value)
    return value


def _one_of(*choices: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"must be one of {', '.join(map(repr, choices))}, not {value!r}")
        return value

    return check


def _workers(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"must be a number of threads, 1 or more, not {value!r}")
    return value


@dataclass(frozen=True)
class Config:
    """One field a key, `extend_exclude` for `extend-exclude`.

    The metadata's `read` turns the value that TOML gives into the field's, or raises ValueError
    with what is wrong, to be read behind the key's name.
    """

    exclude: str | None = field(default=None, metadata={"read": _regular_expression})
    extend_exclude: str | None = field(default=None, metadata={"read": _regular_expression})
    black: str = field(default="changed", metadata={"read": _one_of(*BLACK_MODES)})
    http: str = field(default="aiohttp", metadata={"read": _one_of(*HTTP_FORMS)})
    # None: as the project has it, or else per call
    http_session: str | None = field(default=None, metadata={"read": _one_of(*HTTP_SESSIONS)})
    # None: as the project has it, or else the helper's own number
    executor_workers: int | None = field(default=None, metadata={"read": _workers})
    blocking: tuple[Entry, ...] = field(default=(), metadata={"read": read_blocking})
    non_blocking: tuple[str, ...] = field(default=(), metadata={"read": read_non_blocking})


def load(root: Path) -> Config:
    """The settings of the project at `root`; the defaults where it says nothing.

    Raises ConfigError for a file that cannot be read or is not TOML, for an unknown key and for
    a value that doesn't fit.
    """
    path = root / "pyproject.toml"
    document = _read(path)
    if document is None:
        return Config()
    table: object = document
    for name in TABLE.split("."):
        if not isinstance(table, dict):
            break
        table = table.get(name, {})
    if not isinstance(table, dict):
        raise ConfigError(path, f"[{TABLE}] must be a table")
    return _config(path, table)


def _read(path: Path) -> dict[str, Any] | None:
    """The file's contents, or None where there is no such file."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(path, f"cannot be read: {error.strerror}") from error
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        return tomllib.loads(data.decode("utf-8"))
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError
        raise ConfigError(path, f"not valid TOML: {error}") from error


def _config(path: Path, table: dict[str, object]) -> Config:
    readers = {item.name.replace("_", "-"): item.metadata["read"] for item in fields(Config)}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in readers:
            raise ConfigError(path, f"[{TABLE}] has no key {key!r}{_suggestion(key, readers)}")
        try:
            values[key.replace("-", "_")] = readers[key](value)
        except ValueError as error:
            raise ConfigError(path, f"[{TABLE}] {key} {error}") from error
    return Config(**values)


def _suggestion(key: str, known: dict[str, Any]) -> str:
    import difflib

    close = difflib.get_close_matches(key.lower().replace("_", "-"), known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f" (there are: {', '.join(known)})"
