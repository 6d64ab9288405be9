"""The plan: every decision as data, with its place, its rule and its reason. Rewriting only does what it says."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True, order=True)
class Span:
    """Where a node stands: 1-based lines, 0-based columns in characters."""

    line: int
    column: int
    end_line: int
    end_column: int

    @property
    def start(self) -> tuple[int, int]:
        return (self.line, self.column)


@dataclass(frozen=True)
class Finding:
    """Something a maintainer should know; ``blocks`` where a blocking call stays on the event loop."""

    rule: str
    path: Path
    line: int
    message: str
    blocks: bool = False


@dataclass(frozen=True)
class MakeAsync:
    """``def`` becomes ``async def``; ``span`` starts at the ``def``. ``entry``: it is an action's ``run``."""

    span: Span
    rule: str
    reason: str
    entry: bool = False


@dataclass(frozen=True)
class AwaitCall:
    """A call gains ``await``."""

    span: Span
    rule: str
    reason: str


@dataclass(frozen=True)
class RunCall:
    """A call in synchronous code is wrapped in ``asyncio.run()``."""

    span: Span
    rule: str
    reason: str


@dataclass(frozen=True)
class Sleep:
    """``time.sleep(x)`` becomes ``await asyncio.sleep(x)``."""

    span: Span
    rule: str
    reason: str


@dataclass(frozen=True)
class OffloadCall:
    """``f(x)`` becomes ``await in_thread(f, x)``; ``alone`` where calls must not overlap."""

    span: Span
    rule: str
    reason: str
    alone: bool = False


@dataclass(frozen=True)
class OffloadExpression:
    """An expression becomes ``await in_thread(lambda: expression)``."""

    span: Span
    rule: str
    reason: str
    alone: bool = False


@dataclass(frozen=True)
class MoveBody:
    """A body moves to a plain method (or function) ``name`` that the coroutine function sends to a thread.

    ``through`` is what the moved function is reached by: "self", "cls", a class's name, or "" for a function.
    """

    span: Span
    rule: str
    reason: str
    name: str
    through: str
    alone: bool = False
    entry: bool = False


@dataclass(frozen=True)
class Fetch:
    """A statement ``response = requests.get(...)`` becomes an ``async with`` over an aiohttp request.

    ``span`` is the statement's, ``call`` the call's; ``method`` the HTTP verb in lower case, or "request".
    ``timeout`` is None (nothing given) or the seconds as source text for (connect, read).
    """

    span: Span
    rule: str
    reason: str
    call: Span
    method: str
    response: str
    session: str
    timeout: tuple[str, str] | None


@dataclass(frozen=True)
class UseResponse:
    """``response.status_code`` and the like become aiohttp's; ``form`` is the template, ``{}`` the response."""

    span: Span
    rule: str
    reason: str
    form: str


@dataclass(frozen=True)
class MapHandler:
    """An ``except`` clause (``span`` is the clause's) catches ``types`` from now on."""

    span: Span
    rule: str
    reason: str
    types: tuple[str, ...]


@dataclass(frozen=True)
class AddKeyword:
    """A call gains a keyword argument."""

    span: Span
    rule: str
    reason: str
    keyword: str
    value: str


Edit: TypeAlias = (
    MakeAsync
    | AwaitCall
    | RunCall
    | Sleep
    | OffloadCall
    | OffloadExpression
    | MoveBody
    | Fetch
    | UseResponse
    | MapHandler
    | AddKeyword
)


@dataclass
class ModulePlan:
    """What changes in one module.

    ``names`` maps "asyncio", "aiohttp", "json" and "in_thread" to the names they go by in the module; ``imports`` are the
    modules among them that it doesn't import yet. ``pool`` is where ``in_thread`` comes from: None where it isn't needed, "" for the module itself, else the
    ``from`` part of the import. ``keep_imports`` are names that others take from the module.
    """

    path: Path
    edits: list[Edit] = field(default_factory=list)
    pool: str | None = None
    names: dict[str, str] = field(default_factory=dict)
    imports: tuple[str, ...] = ()
    keep_imports: frozenset[str] = frozenset()


@dataclass(frozen=True)
class NewFile:
    """A private module with the pool and its helper. ``alone``: with the single-thread helper too."""

    path: Path
    alone: bool


@dataclass
class Plan:
    """All decisions for a project."""

    modules: dict[Path, ModulePlan] = field(default_factory=dict)
    new_files: list[NewFile] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    wider: set[Path] = field(default_factory=set)

    def module(self, path: Path) -> ModulePlan:
        """The plan for the module at ``path``, made on first use."""
        return self.modules.setdefault(path, ModulePlan(path))

    def counts(self) -> dict[str, int]:
        """How many edits there are of each kind, by class name."""
        found: dict[str, int] = defaultdict(int)
        for module in self.modules.values():
            for edit in module.edits:
                found[type(edit).__name__] += 1
        return found
