"""Commands that are measured: how long they take, and how much memory they and their children take together."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_POLL = 0.02  # seconds between two looks at the memory


class Failed(Exception):
    """A command that is measured did not do what it should."""


@dataclass(frozen=True)
class Run:
    """A command, the codes that it may end with, and what is done before each run, which isn't measured."""

    command: Sequence[str]
    codes: tuple[int, ...] = (0,)
    prepare: Callable[[], None] = lambda: None


def environment() -> dict[str, str]:
    """This process's, with the tool importable from the source tree and compiled, as pip installs it."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {
        **kept,
        "PYTHONPATH": path,
        "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "speed-pycache"),
    }


def seconds(run: Run) -> float:
    """The wall time of one run.

    Raises:
        Failed: it ended with a code that it may not end with.
    """
    run.prepare()
    started = time.perf_counter()
    done = subprocess.run(run.command, env=environment(), capture_output=True, text=True)
    taken = time.perf_counter() - started
    if done.returncode not in run.codes:
        output = (done.stdout + done.stderr)[-2000:]
        raise Failed(f"{shlex.join(run.command)} ended with code {done.returncode}:\n{output}")
    return taken


def shortest(runs: Sequence[Run], repeat: int) -> list[float]:
    """The shortest of `repeat` runs of each, after one that warms the caches.

    They take turns, so that a busy spell of the machine meets all of them.
    """
    for run in runs:
        seconds(run)
    rounds = [[seconds(run) for run in runs] for _ in range(repeat)]
    return [min(taken) for taken in zip(*rounds, strict=True)]


def peak_megabytes(run: Run) -> float:
    """The most memory that the process and its children had at one time; what they share counts once.

    Only on Linux; elsewhere 0.
    """
    run.prepare()
    process = subprocess.Popen(
        run.command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(_kilobytes(pid) for pid in _family(process.pid)))
        time.sleep(_POLL)
    return peak / 1024


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return [pid]
    return [pid, *(inner for child in children for inner in _family(int(child)))]


def _kilobytes(pid: int) -> int:
    """The process's proportional share of the memory that it has."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)


def script(name: str) -> list[str] | None:
    """The command of that name beside this interpreter, or on the path."""
    beside = Path(sys.executable).with_name(f"{name}.exe" if os.name == "nt" else name)
    found = str(beside) if beside.exists() else shutil.which(name)
    return [found] if found else None


def copied(source: Path, target: Path) -> Callable[[], None]:
    """Makes `target` a fresh copy of a tree."""

    def copy() -> None:
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)

    return copy
