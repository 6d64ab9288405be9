"""The edits that a plan is made of: what changes, where, by which rule, and why."""

from __future__ import annotations

from dataclasses import dataclass
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
class MakeAsync:
    """``def`` becomes ``async def``; ``span`` starts at the ``def``. ``actions``: how many have it as their ``run``."""

    span: Span
    rule: str
    reason: str
    actions: int = 0


@dataclass(frozen=True)
class AwaitCall:
    """A call gains ``await``; ``either``: through ``call_potential_coroutine``, as there may be nothing to await."""

    span: Span
    rule: str
    reason: str
    either: bool = False


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
class OffloadBlock:
    """Statements move to a function ``name`` within the function, which goes to a thread.

    ``span`` reaches from the first to the last. ``results`` are the names that the function returns and that are
    bound where it stood, ``outer`` and ``outermost`` those that it declares ``nonlocal`` and ``global``. ``leaves``:
    the statements return, and what they return is returned.
    """

    span: Span
    rule: str
    reason: str
    name: str
    alone: bool = False
    results: tuple[str, ...] = ()
    outer: tuple[str, ...] = ()
    outermost: tuple[str, ...] = ()
    leaves: bool = False


@dataclass(frozen=True)
class MoveBody:
    """A body moves to a plain method (or function) ``name`` that the coroutine function sends to a thread.

    ``decorated``: the decorators go with the body. ``through`` is what the moved function is reached by: "self",
    "cls", a class's name, or "" for a function.
    """

    span: Span
    rule: str
    reason: str
    name: str
    through: str
    alone: bool = False
    actions: int = 0
    decorated: bool = True


@dataclass(frozen=True)
class InlineRequest:
    """A statement ``response = requests.get(...)`` becomes an ``async with`` over an aiohttp request.

    ``span`` is the statement's, ``call`` the call's; ``method`` the HTTP verb in lower case. ``timeout`` is None
    (nothing given) or the seconds as source text for (connect, read). ``redirects``: they are followed. ``skipped``
    positional arguments name the verb. ``content`` is the variable for the body's bytes, where something reads them.
    """

    span: Span
    rule: str
    reason: str
    call: Span
    method: str
    response: str
    session: str
    timeout: tuple[str, str] | None
    redirects: bool = True
    skipped: int = 0
    content: str | None = None


@dataclass(frozen=True)
class AiohttpCall:
    """``requests.get(url)`` becomes ``await over_aiohttp(requests.get, url)``; ``shared``: by the shared session."""

    span: Span
    rule: str
    reason: str
    shared: bool = False


@dataclass(frozen=True)
class NativeCall:
    """``f(x)`` becomes ``await g(x)``; ``name`` is g's dotted name, or the other name of a method."""

    span: Span
    rule: str
    reason: str
    name: str


@dataclass(frozen=True)
class UseAsyncClient:
    """An httpx request is awaited: ``await client.get(url)``.

    Where ``statement`` is given, ``httpx.get(url)`` stood there, and the statement goes into a block of its own,
    ``async with httpx.AsyncClient() as client``; the ``moved`` keyword arguments go to that client. ``tls``: it gets
    the helper's TLS settings, which each client would load anew.
    """

    span: Span
    rule: str
    reason: str
    client: str = ""
    statement: Span | None = None
    moved: tuple[str, ...] = ()
    tls: bool = False


@dataclass(frozen=True)
class MakeAsyncClient:
    """``httpx.Client(...)`` becomes ``httpx.AsyncClient(...)``; ``block``: the ``with`` around it ``async with``.

    ``tls``: it gets the helper's TLS settings.
    """

    span: Span
    rule: str
    reason: str
    block: bool
    tls: bool


@dataclass(frozen=True)
class CloseAsyncClient:
    """``client.close()`` becomes ``await client.aclose()``."""

    span: Span
    rule: str
    reason: str


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
    | OffloadBlock
    | MoveBody
    | InlineRequest
    | AiohttpCall
    | NativeCall
    | UseAsyncClient
    | MakeAsyncClient
    | CloseAsyncClient
    | UseResponse
    | MapHandler
    | AddKeyword
)


def helper(edit: Edit) -> str | None:
    """The helper that the edit's new code calls."""
    if isinstance(edit, (OffloadCall, OffloadExpression, OffloadBlock, MoveBody)):
        return "in_one_thread" if edit.alone else "in_thread"
    if isinstance(edit, AiohttpCall):
        return "over_aiohttp_shared" if edit.shared else "over_aiohttp"
    if isinstance(edit, (UseAsyncClient, MakeAsyncClient)) and edit.tls:
        return "tls_context"
    return None
