"""Note the calls of named functions on the event loop's thread.

For what BlockBuster doesn't see: libraries in C that wait on sockets of their own (psycopg2), and those
that wait through something other than Python's `socket`.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

from loop_watch import BlockingCall, place_of


@contextlib.contextmanager
def noting_calls(folder: Path, names: Sequence[str]) -> Iterator[list[BlockingCall]]:
    """Note each call of a named function that the folder's code makes while the loop runs in this thread.

    A name is a dotted end of `module.qualname` of the function that is called, as it is defined:
    `psycopg2.connect`, `cursor.execute`. The qualname of a method in C begins with the object's own class.
    A generator is noted each time that it goes on. Not seen are classes in C that are called, and what C
    code calls by a slot (`for row in cursor`, `with connection`, where these are in C).

    Nothing is profiled where no names are given.
    """
    calls: list[BlockingCall] = []
    if not names:
        yield calls
        return
    wanted = {name.rpartition(".")[2] for name in names}

    def profile(frame: FrameType, event: str, arg: Any) -> None:
        if event == "call" and frame.f_code.co_name in wanted:
            note(_name_of_frame(frame), frame.f_back)
        elif event == "c_call" and arg.__name__ in wanted:
            note(_name_of_builtin(arg), frame)

    def note(function: str, caller: FrameType | None) -> None:
        found = [name for name in names if f".{function}".endswith(f".{name}")]
        if found and asyncio._get_running_loop() is not None and (place := place_of(caller, folder)):
            calls.extend(BlockingCall(name, place) for name in found)

    earlier = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield calls
    finally:
        sys.setprofile(earlier)


def _name_of_frame(frame: FrameType) -> str:
    return f"{frame.f_globals.get('__name__')}.{_qualname(frame)}"


def _qualname(frame: FrameType) -> str:
    """The qualname of a frame's function; on Python 3.10 a method is looked up in its first argument's class."""
    code = frame.f_code
    if sys.version_info >= (3, 11):
        return code.co_qualname
    first = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
    for owner in (first if isinstance(first, type) else type(first)).__mro__:
        if _code(vars(owner).get(code.co_name)) is code:
            return f"{owner.__qualname__}.{code.co_name}"
    return code.co_name


def _code(member: Any) -> CodeType | None:
    """The code of a class's member: a function, a property or a class method."""
    function = getattr(member, "fget", None) or getattr(member, "__func__", member)
    return getattr(function, "__code__", None)


def _name_of_builtin(function: Any) -> str:
    owner = getattr(function, "__self__", None)
    if owner is None or isinstance(owner, ModuleType):
        module = str(getattr(function, "__module__", None))
        return f"{module.lstrip('_')}.{function.__qualname__}"  # sqlite3's functions are those of _sqlite3
    kind = owner if isinstance(owner, type) else type(owner)
    return f"{kind.__module__}.{function.__qualname__}"
