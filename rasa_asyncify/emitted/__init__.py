"""The helpers that migrated projects get: the modules of this folder, whole or in parts. None is imported here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent

# The pools whose size can be set; that of `in_one_thread` is one by its nature.
_POOL = re.compile(r"(_BLOCKING_CALLS\w* = \w*ThreadPoolExecutor\w*\(\s*max_workers=)(\d+)")


@dataclass(frozen=True)
class Helper:
    """A function that migrated code calls.

    ``module`` is the private module of a package that it lives in, ``parts`` are the files of this folder that it is
    made of, and ``mark`` is text that only a module with it has.
    """

    function: str
    module: str
    parts: tuple[str, ...]
    mark: str


HELPERS = {
    "in_thread": Helper("in_thread", "_blocking_calls", ("in_thread",), "async def in_thread(func, /"),
    "in_one_thread": Helper(
        "in_one_thread", "_blocking_calls", ("in_one_thread",), "async def in_one_thread(func, /"
    ),
    "query": Helper("query", "_http", ("query",), "def query(params):"),
    "without_none": Helper("without_none", "_http", ("without_none",), "def without_none(headers):"),
    "basic_auth": Helper("basic_auth", "_http", ("basic_auth",), "def basic_auth(user, password):"),
    "http_session": Helper("http_session", "_http", ("http_session",), "def http_session():"),
    "tls_context": Helper("tls_context", "_http", ("tls_context",), "def tls_context():"),
}
MODULES = tuple(dict.fromkeys(h.module for h in HELPERS.values()))
_FILE = re.compile(rf"({'|'.join(MODULES)})(_\d+)?\.py")


def parts_of(helpers: Iterable[str]) -> tuple[str, ...]:
    """The parts that the ``helpers`` need, in the order in which they are defined."""
    wanted = {part for name in helpers for part in HELPERS[name].parts}
    return tuple(dict.fromkeys(p for h in HELPERS.values() for p in h.parts if p in wanted))


def source(part: str, workers: int | None = None) -> str:
    """The text of a part; ``workers`` is the size of its pool, where it has one."""
    text = (_FOLDER / f"{part}.py").read_text("utf-8")
    if workers is not None:
        text = _POOL.sub(rf"\g<1>{workers}", text)
    return text


def is_helper_file(name: str, data: bytes) -> bool:
    """Whether a file called ``name``, with such contents, is one that an earlier run added."""
    return bool(_FILE.fullmatch(name)) and any(helper.mark.encode() in data for helper in HELPERS.values())


def workers_in(text: str) -> int | None:
    """The size of the pool that the text of an earlier run makes; None where it makes none."""
    found = _POOL.search(text)
    return int(found[2]) if found else None


@cache
def defined(part: str) -> tuple[str, ...]:
    """The names that a part defines."""
    found: list[str] = []
    for node in ast.parse(source(part)).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.append(node.name)
        elif isinstance(node, ast.Assign):
            found += [t.id for t in node.targets if isinstance(t, ast.Name)]
    return tuple(found)


@cache
def imported(part: str) -> tuple[tuple[str, str], ...]:
    """What a part imports from elsewhere: (module, name), with an empty name for ``import module``."""
    found: list[tuple[str, str]] = []
    for node in ast.parse(source(part)).body:
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found += [(node.module or "", alias.name) for alias in node.names]
    return tuple(found)
