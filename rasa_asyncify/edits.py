"""The edits that a plan is made of: what changes, where, by which rule, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rasa_asyncify.framework.sdk import CALL_EITHER


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

    @property
    def lines(self) -> range:
        return range(self.line, self.end_line + 1)


@dataclass(frozen=True)
class Edit:
    """What changes at ``span``, by which rule, and why.

    ``is_native``: a call is replaced by its asynchronous equivalent. ``requirement``: what the new code needs
    installed. ``says_more``: it is worth a line beside those that it follows from.
    """

    span: Span
    rule: str
    reason: str

    is_native: ClassVar[bool] = False
    requirement: ClassVar[str | None] = None
    says_more: ClassVar[bool] = True

    @property
    def lines(self) -> range:
        """The 1-based lines that it changes or moves."""
        return range(self.span.line, self.span.line + 1)

    @property
    def spans(self) -> tuple[Span, ...]:
        """The places of all nodes that it has to do with."""
        return (self.span,)

    @property
    def helpers(self) -> frozenset[str]:
        """The helpers that the new code calls."""
        return frozenset()

    @property
    def imports(self) -> tuple[str, ...]:
        """The modules that the new code names."""
        return ()

    @property
    def calls(self) -> str | None:
        """The dotted name of a function that the new code calls, and that is imported by its own name."""
        return None


@dataclass(frozen=True)
class _Offload(Edit):
    """Something goes to a thread; ``alone`` where calls must not overlap."""

    alone: bool

    @property
    def helpers(self) -> frozenset[str]:
        return frozenset({"in_one_thread" if self.alone else "in_thread"})


@dataclass(frozen=True)
class MakeAsync(Edit):
    """``def`` becomes ``async def``; ``span`` starts at the ``def``. ``actions``: how many have it as their ``run``."""

    actions: int = 0


@dataclass(frozen=True)
class AwaitCall(Edit):
    """A call gains ``await``; ``either``: through ``call_potential_coroutine``, as there may be nothing to await."""

    either: bool = False

    @property
    def calls(self) -> str | None:
        return CALL_EITHER if self.either else None


@dataclass(frozen=True)
class RunCall(Edit):
    """A call in synchronous code is wrapped in ``asyncio.run()``."""

    @property
    def imports(self) -> tuple[str, ...]:
        return ("asyncio",)


@dataclass(frozen=True)
class Sleep(Edit):
    """``time.sleep(x)`` becomes ``await asyncio.sleep(x)``."""

    is_native: ClassVar[bool] = True

    @property
    def imports(self) -> tuple[str, ...]:
        return ("asyncio",)


@dataclass(frozen=True)
class OffloadCall(_Offload):
    """``f(x)`` becomes ``await in_thread(f, x)``."""


@dataclass(frozen=True)
class OffloadExpression(_Offload):
    """An expression becomes ``await in_thread(lambda: expression)``."""


@dataclass(frozen=True)
class OffloadBlock(_Offload):
    """Statements move to a function ``name`` within the function, which goes to a thread.

    ``span`` reaches from the first to the last. ``results`` are the names that the function returns and that are
    bound where it stood, ``outer`` and ``outermost`` those that it declares ``nonlocal`` and ``global``. ``leaves``:
    the statements return, and what they return is returned.
    """

    name: str
    results: tuple[str, ...] = ()
    outer: tuple[str, ...] = ()
    outermost: tuple[str, ...] = ()
    leaves: bool = False

    @property
    def lines(self) -> range:
        return self.span.lines


@dataclass(frozen=True)
class MoveBody(_Offload):
    """A body moves to a plain method (or function) ``name`` that the coroutine function sends to a thread.

    ``decorated``: the decorators go with the body. ``through`` is what the moved function is reached by: "self",
    "cls", a class's name, or "" for a function.
    """

    name: str
    through: str
    actions: int = 0
    decorated: bool = True


@dataclass(frozen=True)
class Argument:
    """An argument of an aiohttp request: its ``keyword`` ("": by position) and its source text.

    The text is a ``string.Template``: ``$name`` stands for what the call of requests gives as ``name``.
    """

    keyword: str
    form: str


@dataclass(frozen=True)
class InlineRequest(Edit):
    """A call of requests becomes an ``async with`` over an aiohttp request.

    ``span`` is the statement's (its head's, where it has suites), ``call`` the call's. ``standing`` tells how the block
    and the statement go together, as ``for_requests.lifting`` names it. ``method`` is that of the client session,
    ``given`` names the call's own arguments in their order, ``arguments`` are the new ones.

    ``reads``: the block reads the body; into the variable ``content``, where there is one. ``shared``: the request goes
    over the event loop's one client session. Without ``makes_session`` it goes over one that is there.
    """

    call: Span
    standing: str
    method: str
    given: tuple[str, ...]
    arguments: tuple[Argument, ...]
    response: str
    session: str
    reads: bool
    content: str | None = None
    shared: bool = False
    makes_session: bool = True
    calls_helpers: frozenset[str] = frozenset()

    is_native: ClassVar[bool] = True
    requirement: ClassVar[str | None] = "aiohttp"

    @property
    def spans(self) -> tuple[Span, ...]:
        return (self.span, self.call)

    @property
    def helpers(self) -> frozenset[str]:
        return self.calls_helpers | ({"http_session"} if self.shared else set())

    @property
    def imports(self) -> tuple[str, ...]:
        makes = self.makes_session and not self.shared
        names_it = makes or any("aiohttp." in a.form for a in self.arguments)
        return ("aiohttp",) if names_it else ()


@dataclass(frozen=True)
class MakeClientSession(Edit):
    """``with requests.Session() as session`` becomes ``async with aiohttp.ClientSession(...) as session``."""

    @property
    def imports(self) -> tuple[str, ...]:
        return ("aiohttp",)


@dataclass(frozen=True)
class EnterClientSession(MakeClientSession):
    """``session = requests.Session()`` becomes a block around all that uses it, to which ``span`` reaches."""

    name: str

    @property
    def lines(self) -> range:
        return self.span.lines


@dataclass(frozen=True)
class NativeCall(Edit):
    """``f(x)`` becomes ``await g(x)``; ``name`` is g's dotted name, or the other name of a method."""

    name: str

    is_native: ClassVar[bool] = True

    @property
    def calls(self) -> str | None:
        return self.name if "." in self.name else None


@dataclass(frozen=True)
class UseAsyncClient(Edit):
    """An httpx request is awaited: ``await client.get(url)``.

    Where ``statement`` is given, ``httpx.get(url)`` stood there, and the statement goes into a block of its own,
    ``async with httpx.AsyncClient() as client``; the ``moved`` keyword arguments go to that client. ``tls``: it gets
    the helper's TLS settings, which each client would load anew.
    """

    client: str = ""
    statement: Span | None = None
    moved: tuple[str, ...] = ()
    tls: bool = False

    is_native: ClassVar[bool] = True

    @property
    def lines(self) -> range:
        return (self.statement or self.span).lines

    @property
    def helpers(self) -> frozenset[str]:
        return frozenset({"tls_context"} if self.tls else ())


@dataclass(frozen=True)
class MakeAsyncClient(Edit):
    """``httpx.Client(...)`` becomes ``httpx.AsyncClient(...)``; ``block``: the ``with`` around it ``async with``.

    ``tls``: it gets the helper's TLS settings.
    """

    block: bool
    tls: bool

    @property
    def helpers(self) -> frozenset[str]:
        return frozenset({"tls_context"} if self.tls else ())


@dataclass(frozen=True)
class CloseAsyncClient(Edit):
    """``client.close()`` becomes ``await client.aclose()``."""


@dataclass(frozen=True)
class UseResponse(Edit):
    """``response.status_code`` and the like become aiohttp's; ``form`` is the template, ``{}`` the response."""

    form: str

    says_more: ClassVar[bool] = False

    @property
    def imports(self) -> tuple[str, ...]:
        return ("json",) if self.form.startswith("json.") else ()


@dataclass(frozen=True)
class ReplaceExpression(Edit):
    """An expression becomes another one, given as source text."""

    text: str

    says_more: ClassVar[bool] = False


@dataclass(frozen=True)
class MapHandler(Edit):
    """An ``except`` clause (``span`` is the clause's) catches ``types`` from now on."""

    types: tuple[str, ...]

    @property
    def imports(self) -> tuple[str, ...]:
        modules = ("asyncio", "aiohttp", "json")
        return tuple(m for m in modules if any(t.startswith(f"{m}.") for t in self.types))


@dataclass(frozen=True)
class AddKeyword(Edit):
    """A call gains a keyword argument."""

    keyword: str
    value: str
