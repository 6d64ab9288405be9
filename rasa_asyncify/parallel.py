"""Work on many modules at once, in other processes."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing.context import BaseContext
    from multiprocessing.process import BaseProcess

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_CHUNK = 4  # items that go to a process at a time
_GARBAGE = 50_000  # objects between two collections: most of them go by themselves


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """Calls functions for many items in ``jobs`` processes, or in this one where no others were started.

    To be used in a ``with`` block, which ends the processes, whatever happens in it.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._executor: ProcessPoolExecutor | None = None
        self._others: list[BaseProcess] = []

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._kill()
        self._stop()

    def start(self) -> None:
        """Start the processes; they import what they will need while this one goes on."""
        if self.jobs < 2 or self._executor is not None:
            return
        try:
            import multiprocessing
            from concurrent.futures import ProcessPoolExecutor

            self._others = multiprocessing.active_children()
            with _no_interrupts():
                executor = ProcessPoolExecutor(self.jobs, _context(), initializer=_warm_up)
                for _ in range(self.jobs):
                    executor.submit(os.getpid)
                self._executor = executor
        except (ImportError, NotImplementedError, OSError):
            pass  # no semaphores, no right to fork: then it takes longer

    def map(self, function: Callable[[_Item], _Result], items: Sequence[_Item]) -> Iterator[_Result]:
        """The results in the order of the items. The function is a module's own, and raises nothing.

        With processes, all items are under way at once; without, each is done when its result is asked for.
        """
        if self._executor is None:
            return _one_by_one(function, items)
        results = self._executor.map(function, items, chunksize=_CHUNK)
        return self._collected(results, function, items)

    def _collected(
        self, results: Iterator[_Result], function: Callable[[_Item], _Result], items: Sequence[_Item]
    ) -> Iterator[_Result]:
        from concurrent.futures import BrokenExecutor

        done = 0
        try:
            for result in results:
                done += 1
                yield result
        except BrokenExecutor:  # the system has ended a process, perhaps for want of memory
            self._stop()
            yield from _one_by_one(function, items[done:])

    def _kill(self) -> None:
        """End the processes at once: what they do isn't wanted any more."""
        import multiprocessing

        for process in multiprocessing.active_children() if self._executor is not None else ():
            if process not in self._others:
                process.kill()

    def _stop(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """An interrupt meanwhile comes afterwards, and never to the processes that are started."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _one_by_one(function: Callable[[_Item], _Result], items: Sequence[_Item]) -> Iterator[_Result]:
    """In this process, with the cyclic collector, for black's trees; what there is already it won't look at."""
    was_enabled = gc.isenabled()
    for item in items:
        gc.freeze()
        gc.enable()
        result = function(item)
        if not was_enabled:
            gc.disable()
        yield result


def _context() -> BaseContext:
    """Processes are forked where that is safe, as it is without threads on Linux, and started anew elsewhere."""
    import multiprocessing

    can_fork = sys.platform == "linux" and threading.active_count() == 1
    return multiprocessing.get_context("fork" if can_fork else "spawn")


def _warm_up() -> None:
    """Prepare a process: an interrupt is for the one that started it, and what it takes time to import is there."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from rasa_asyncify import rewriting

    rewriting.import_all()
    gc.freeze()
    gc.set_threshold(_GARBAGE)
    gc.enable()  # black's trees are full of cycles
