"""How far a run has come: what the engine tells, and the bar that a terminal shows of it."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

_AFTER = 1.0  # seconds: shorter work shows nothing
_ERASED = "\r\x1b[2K\x1b[?25h"  # the line, and the cursor is shown again


class Progress(Protocol):
    """Is told how far a run has come."""

    def stage(self, name: str, steps: int) -> None:
        """Another stage begins, which has so many steps."""

    def step(self) -> None:
        """A step of the stage is done."""


class Silent:
    """Shows nothing."""

    def stage(self, name: str, steps: int) -> None:
        pass

    def step(self) -> None:
        pass


class Bar:
    """Shows a bar on standard error once the run has taken a second; leaves nothing behind."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._name = ""
        self._steps = 0
        self._done = 0
        self._bar: ProgressBar[int] | None = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._erase()

    def stage(self, name: str, steps: int) -> None:
        self._erase()
        self._name, self._steps, self._done = name, steps, 0
        self._show()

    def step(self) -> None:
        self._done += 1
        if self._bar is not None:
            self._bar.update(1)
        else:
            self._show()

    def _show(self) -> None:
        if self._bar is None and self._steps and time.monotonic() - self._started > _AFTER:
            import click

            self._bar = click.progressbar(
                length=self._steps, label=f"{self._name:<9}", file=sys.stderr, show_eta=False
            )
            self._bar.update(self._done)
            self._bar.render_progress()

    def _erase(self) -> None:
        if self._bar is not None:
            self._bar = None
            sys.stderr.write(_ERASED)
            sys.stderr.flush()


def can_show_bar() -> bool:
    """Whether standard error is a terminal that can erase a line."""
    return sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
