"""Two measures of an event loop that is held: a heartbeat that comes late, and blocking calls."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

import blockbuster.blockbuster as blockbuster

TICK = 0.005  # seconds between two beats of the heartbeat


@dataclass(frozen=True)
class BlockingCall:
    """A blocking function, called while the event loop was running in the same thread.

    `place` is the innermost line of the project on the stack, as `actions/api.py:7`.
    """

    function: str
    place: str


class Heartbeat:
    """A task that wants to run every TICK, and notes the longest time it had to wait beyond it."""

    longest = 0.0

    async def beat(self) -> None:
        last = time.perf_counter()
        try:
            while True:
                await asyncio.sleep(TICK)
                last = self._note(last)
        finally:  # the hold may last until the moment of being cancelled
            self._note(last)

    def _note(self, last: float) -> float:
        now = time.perf_counter()
        self.longest = max(self.longest, now - last - TICK)
        return now


# Reading source lines for a traceback is not the project's doing.
_NOT_THE_PROJECT = frozenset({"linecache.py", "traceback.py", "<frozen importlib._bootstrap>"})
# Not on the list of BlockBuster, which waits for the query or for the first byte.
_MORE_BLOCKERS = (
    "builtins.open",
    "io.open",
    "os.system",
    "sqlite3.connect",
    "subprocess.Popen.wait",
)


@dataclass
class _Watch:
    """The blocking calls of one run."""

    folder: Path
    calls: list[BlockingCall] = field(default_factory=list)

    def note(self, function: str, frame: FrameType) -> None:
        if place := place_of(frame, self.folder):
            self.calls.append(BlockingCall(function, place))


# A library that was imported in an earlier run may hold that run's wrapped functions (`from time import
# sleep`); so these look up here who is watching.
_watches: list[_Watch] = []


@contextlib.contextmanager
def noting(folder: Path) -> Iterator[list[BlockingCall]]:
    """BlockBuster, but noting each blocking call of the folder's code instead of raising.

    To be entered before the code is imported: `from time import sleep` keeps what it finds.
    """
    watch = _Watch(folder)
    plain_wrap = blockbuster._wrap_blocking

    def wrap(modules: Any, excluded: Any, function: Any, name: str, *rules: Any) -> Any:
        check = plain_wrap(modules, excluded, function, name, *rules)

        def noted(*args: Any, **kwargs: Any) -> Any:
            try:
                return check(*args, **kwargs)
            except blockbuster.BlockingError as error:
                if str(error) != f"Blocking call to {name}":
                    raise
                for each in _watches:
                    each.note(name, sys._getframe(1))
                return function(*args, **kwargs)

        return noted

    with mock.patch.object(blockbuster, "_wrap_blocking", wrap):
        found = blockbuster.BlockBuster()
        for name in _MORE_BLOCKERS:
            found.functions[name] = blockbuster.BlockBusterFunction(None, name)
        found.activate()
    _watches.append(watch)
    try:
        yield watch.calls
    finally:
        _watches.remove(watch)
        found.deactivate()


def place_of(frame: FrameType | None, folder: Path) -> str | None:
    """The innermost line of the folder's code on the stack, as `actions/api.py:7`."""
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.name in _NOT_THE_PROJECT or str(path) in _NOT_THE_PROJECT:
            return None
        if path.is_relative_to(folder):
            return f"{path.relative_to(folder).as_posix()}:{frame.f_lineno}"
        frame = frame.f_back
    return None
