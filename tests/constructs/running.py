"""Run a generated program, migrate it, run it again, and say what is wrong with the result."""

from __future__ import annotations

import contextlib
import io
import runpy
import shutil
import sqlite3
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

import loop_watch
from execution import Outcome, UnawaitedCoroutine, blocking_calls, loaded
from fixture_cases import migrate_tree, quiet_logs
from recording_server import RecordingServer, Reply

from rasa_asyncify.changes import Result

from . import journal
from .generating import KEYS, Program, Run

SLOW = 2.0  # seconds that a migration of a small program should never take
NOT_A_COROUTINE = "can't be used in 'await' expression"


@dataclass(frozen=True)
class Problem:
    """Something that is wrong; `kind` is one of a dozen, `text` says what and where."""

    kind: str
    text: str


@dataclass
class Verdict:
    """What came of one program."""

    label: str
    constructs: list[str]
    problems: list[Problem] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    failed_runs: int = 0
    changed: bool = False

    def add(self, kind: str, text: object) -> None:
        """Note a problem, once."""
        if (problem := Problem(kind, str(text))) not in self.problems:
            self.problems.append(problem)


@dataclass(frozen=True)
class Held:
    """A call that blocked on the loop's thread: the function, and the project's functions on the stack.

    Each is the path, the first line and the last.
    """

    function: str
    stack: tuple[tuple[str, int, int], ...]


@dataclass
class Seen:
    """What was seen of one run."""

    outcome: Outcome | None = None
    failure: str = ""
    never_awaited: str = ""
    journal: list[str] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)

    @property
    def comparable(self) -> Any:
        """What must be equal before and after."""
        if self.outcome is None:
            return (self.failure, self.journal)
        one = self.outcome
        sent = [request.meaning for request in one.requests]
        return (one.events, one.messages, one.error, sent, one.snapshot, self.journal)


# --- the whole -------------------------------------------------------------------------------------


def judge(program: Program, folder: Path) -> Verdict:
    """Write the program below a folder, and look at it before and after the migration."""
    verdict = Verdict(program.label, list(program.constructs))
    before, after = folder / "before", folder / "after"
    write(program, before)
    shutil.copytree(before, after)
    with quiet_logs():
        was = run_all(program, before)
        if any(seen.never_awaited or "NotLoadable" in seen.failure for seen in was):
            verdict.add("invalid program", next(s.never_awaited or s.failure for s in was))
            return verdict
        result = _migrated(verdict, after)
        if result is None:
            return verdict
        again = _checked(verdict, after)
        now = run_all(program, after)
    verdict.failed_runs = sum(bool(seen.failure or (seen.outcome and seen.outcome.error)) for seen in was)
    _compare(verdict, program, was, now)
    _look_at_the_loop(verdict, program, now, result, again, after)
    return verdict


def write(program: Program, folder: Path) -> None:
    """Write the program and the data that it works on."""
    for path, text in program.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    data = folder / "data"
    data.mkdir(parents=True)
    (data / "words.txt").write_text("first\nsecond\n", encoding="utf-8")
    (data / "log.txt").write_text("", encoding="utf-8")
    with contextlib.closing(sqlite3.connect(data / "shop.db")) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(
            "CREATE TABLE goods (name, price); CREATE TABLE sold (name, key);"
            "INSERT INTO goods VALUES ('k1', 10), ('k2', 20);"
        )


def _migrated(verdict: Verdict, folder: Path) -> Result | None:
    started = time.process_time()
    try:
        result = migrate_tree(folder)
    except Exception:
        verdict.add("crash", traceback.format_exc()[-1500:])
        return None
    verdict.seconds = time.process_time() - started
    if verdict.seconds > SLOW:
        verdict.add("slow", f"{verdict.seconds:.1f} s")
    verdict.changed = bool(result.changes)
    verdict.findings = [f"{f.rule} {f.path.name}:{f.line} {f.message}" for f in result.findings if f.blocks]
    for error in result.errors:
        kind = "unstable" if "second run" in error.cause else "given up"
        verdict.add(kind, f"{error.path.name}:{error.line}: {error.cause}")
    for path in folder.rglob("*.py"):
        try:
            compile(path.read_bytes(), str(path), "exec")
        except SyntaxError as error:
            verdict.add("not compiled", error)
    return result


def _checked(verdict: Verdict, folder: Path) -> Result:
    """A second run, as `--check` makes it: it must change nothing, and not block where the first did not."""
    copy = folder.with_name("again")
    shutil.copytree(folder, copy)
    again = migrate_tree(copy)
    if again.changes or again.errors:
        verdict.add("unstable", [*again.errors, *(change.path.name for change in again.changes)])
    if any(f.blocks for f in again.findings) and not verdict.findings:
        verdict.add("check", [f"{f.rule} {f.path.name}:{f.line} {f.message}" for f in again.findings])
    return again


# --- running ---------------------------------------------------------------------------------------


def run_all(program: Program, folder: Path) -> list[Seen]:
    """Run the actions and then the scripts, against one server."""
    with RecordingServer() as server:
        for key in KEYS:
            server.on(f"/items/{key or ''}", Reply.json({"value": "bad" if key == "bad" else f"item {key}"}))
        server.on("/items/None", Reply.json({"value": "item None"}))
        server.on("/orders", Reply.text("ordered"))
        runs = [_run(run, folder, server) for run in program.runs]
        return runs + [_run_script(path, folder, server) for path in program.scripts]


def _run(run: Run, folder: Path, server: RecordingServer) -> Seen:
    seen = Seen()
    journal.ENTRIES.clear()
    with _stacks(folder.resolve()) as held:
        try:
            report = blocking_calls(
                folder,
                run.action,
                server=server,
                snapshot=_left,
                env={"API_URL": server.url},
                limit=10,
                **run.call,
            )
        except UnawaitedCoroutine as error:
            seen.never_awaited = str(error)
        except Exception as error:
            seen.failure = f"{type(error).__name__}: {error}"
        else:
            seen.outcome = report.outcome
    seen.journal, seen.held = list(journal.ENTRIES), held
    return seen


def _run_script(path: str, folder: Path, server: RecordingServer) -> Seen:
    """Run a script as `__main__`; what it prints is its outcome."""
    seen = Seen()
    journal.ENTRIES.clear()
    printed = io.StringIO()
    with loaded(folder, env={"API_URL": server.url}), contextlib.redirect_stdout(printed):
        try:
            runpy.run_path(str(folder / path), run_name="__main__")
        except Exception as error:
            printed.write(f"{type(error).__name__}: {error}")
    seen.failure = f"printed {printed.getvalue()}"
    seen.journal = list(journal.ENTRIES)
    server.take()
    return seen


def _left(folder: Path) -> Any:
    with contextlib.closing(sqlite3.connect(folder / "data/shop.db")) as connection:
        sold = connection.execute("SELECT name, key FROM sold").fetchall()
    return sold, (folder / "data/log.txt").read_text(encoding="utf-8")


@contextlib.contextmanager
def _stacks(folder: Path) -> Iterator[list[Held]]:
    """Note for each call that holds the loop which functions of the folder were on the stack."""
    found: list[Held] = []
    plain = loop_watch._Watch.note

    def note(watch: Any, function: str, frame: FrameType) -> None:
        known = len(watch.calls)
        plain(watch, function, frame)
        if len(watch.calls) > known:
            found.append(Held(function, tuple(_functions(frame, folder))))

    with mock.patch.object(loop_watch._Watch, "note", note):
        yield found


def _functions(frame: FrameType | None, folder: Path) -> Iterator[tuple[str, int, int]]:
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(folder):
            lines = [line for *_, line in frame.f_code.co_lines() if line]
            yield (path.relative_to(folder).as_posix(), frame.f_code.co_firstlineno, max(lines))
        frame = frame.f_back


# --- comparing -------------------------------------------------------------------------------------


def _compare(verdict: Verdict, program: Program, was: list[Seen], now: list[Seen]) -> None:
    what = [*(f"{run.action} {run.call['slots']}" for run in program.runs), *program.scripts]
    for name, one, other in zip(what, was, now, strict=True):
        if other.never_awaited:
            verdict.add("never awaited", f"{name}: {other.never_awaited}")
        elif one.comparable != other.comparable:
            text = f"{name}: {_difference(one, other)}"
            verdict.add("awaited no coroutine" if NOT_A_COROUTINE in text else "different", text)


def _difference(one: Seen, other: Seen) -> str:
    if one.outcome is None or other.outcome is None:
        return f"{one.failure or one.outcome} -> {other.failure or other.outcome}"
    names = ("events", "messages", "error", "requests", "left", "journal")
    pairs = zip(names, one.comparable, other.comparable, strict=True)
    return "; ".join(f"{name}: {a} -> {b}" for name, a, b in pairs if a != b)


def _look_at_the_loop(
    verdict: Verdict, program: Program, now: list[Seen], result: Result, again: Result, folder: Path
) -> None:
    """What held the loop must have a finding, in a function that was on the stack then."""
    root = folder.with_name("again").resolve()
    reported = [(f.path.relative_to(root).as_posix(), f.line) for f in again.findings if f.blocks]
    for run, seen in zip(program.runs, now, strict=False):
        for held in seen.held:
            if not reported:
                verdict.add("held unseen", f"{run.action}: {held.function} in {held.stack[:3]}")
            elif not any(_is_on(place, held) for place in reported):
                verdict.add("held elsewhere", f"{run.action}: {held.function} in {held.stack[:3]}")


def _is_on(place: tuple[str, int], held: Held) -> bool:
    path, line = place
    return any(path == p and first <= line <= last for p, first, last in held.stack)
