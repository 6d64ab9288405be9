"""Run the actions of a project as rasa-sdk does, and tell whether they hold the event loop.

A fixture is executed twice, before and after the migration, and the two `Outcome`s are compared.
Each run imports the project's package anew, so that the same folder can be run, migrated and run
again within one process.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import os
import sqlite3
import subprocess
import sys
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from call_watch import noting_calls
from loop_watch import BlockingCall, Heartbeat, noting
from project_loading import NotLoadable, loaded, pickled
from rasa_sdk.executor import ActionExecutor, CollectingDispatcher
from recording_server import RecordedRequest, RecordingServer, Reply

__all__ = [
    "BlockingCall",
    "LoopReport",
    "NotLoadable",
    "Outcome",
    "RaisedError",
    "RecordedRequest",
    "RecordingServer",
    "Reply",
    "StillRunning",
    "UnawaitedCoroutine",
    "action_call",
    "blocking_calls",
    "files",
    "loaded",
    "longest_hold",
    "migrate",
    "pickled",
    "rows",
    "run_action",
    "run_together",
]

ROOT = Path(__file__).resolve().parent.parent
T = TypeVar("T")
Snapshot = Callable[[Path], Any]
Runner = Callable[[ActionExecutor, dict[str, Any]], Awaitable["Outcome"]]


class UnawaitedCoroutine(AssertionError):
    """A coroutine of the project was made and never awaited."""


class StillRunning(AssertionError):
    """An action did not come back within its limit."""


@dataclass(frozen=True)
class RaisedError:
    """What an action raised: the class names of the exception and of its causes, and its text."""

    chain: tuple[str, ...]
    message: str

    @classmethod
    def of(cls, error: BaseException) -> RaisedError:
        """Describe an exception; an implicit `__context__` is no cause."""
        chain: list[str] = []
        cause: BaseException | None = error
        while cause is not None:
            chain.append(f"{type(cause).__module__}.{type(cause).__qualname__}")
            cause = cause.__cause__
        return cls(tuple(chain), str(error))


@dataclass
class Outcome:
    """What one run of an action did, as seen from outside.

    `messages` holds what was uttered, also by an action that failed afterwards. `requests` and
    `snapshot` are filled where `run_action` was given a server or a snapshot function.
    """

    events: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    error: RaisedError | None = None
    requests: list[RecordedRequest] = field(default_factory=list)
    snapshot: Any = None

    @property
    def texts(self) -> list[str | None]:
        """The texts of the messages."""
        return [message.get("text") for message in self.messages]

    @property
    def slots(self) -> dict[str, Any]:
        """The values that SlotSet events gave to slots."""
        return {e["name"]: e["value"] for e in self.events if e["event"] == "slot"}

    @property
    def behaviour(self) -> tuple[Any, ...]:
        """What must be equal before and after: all but the exception's class and wording, and the
        headers that an HTTP library sends of its own accord."""
        sent = [request.meaning for request in self.requests]
        return (self.events, self.messages, self.error is not None, sent, self.snapshot)


@dataclass
class LoopReport:
    """How one run treated the event loop; `longest_hold` is in seconds."""

    outcome: Outcome
    longest_hold: float
    calls: list[BlockingCall] = field(default_factory=list)


# --- running -----------------------------------------------------------------------------------


def action_call(
    action_name: str,
    *,
    slots: Mapping[str, Any] | None = None,
    latest_message: Mapping[str, Any] | None = None,
    events: Sequence[Mapping[str, Any]] | None = None,
    active_loop: Mapping[str, Any] | None = None,
    domain: Mapping[str, Any] | None = None,
    sender_id: str = "somebody",
) -> dict[str, Any]:
    """What Rasa posts to the action server.

    Without `events` each slot was set just now, which is what makes a form validate it.
    """
    values = dict(slots or {})
    just_set = [{"event": "slot", "name": name, "value": value} for name, value in values.items()]
    tracker = {
        "sender_id": sender_id,
        "slots": values,
        "latest_message": dict(latest_message or {}),
        "events": just_set if events is None else list(events),
        "paused": False,
        "followup_action": None,
        "active_loop": dict(active_loop or {}),
        "latest_action_name": "action_listen",
    }
    return {
        "next_action": action_name,
        "sender_id": sender_id,
        "tracker": tracker,
        "domain": dict(domain or {"version": "3.1", "slots": {name: {} for name in values}}),
    }


def run_action(
    folder: Path,
    action_name: str,
    *,
    package: str = "actions",
    env: Mapping[str, str] | None = None,
    within: str = ".",
    python_path: Sequence[str] = (),
    server: RecordingServer | None = None,
    snapshot: Snapshot | None = None,
    limit: float = 30.0,
    runner: Runner | None = None,
    **call: Any,
) -> Outcome:
    """Run one action of the project in `folder` in an event loop of its own.

    `call` are the arguments of `action_call`, `package` to `python_path` those of `loaded`; `limit` is in
    seconds. `server` is asked for the
    requests of this run, `snapshot` (see `files`, `rows`) for what the run left behind. `runner`
    stands between the executor and the caller, for those who watch the run.

    Raises:
        NotLoadable: the package fails to import.
        StillRunning: the action takes longer than `limit`.
        UnawaitedCoroutine: the run made a coroutine that nothing awaited.
    """
    if server is not None:
        server.take()
    one = action_call(action_name, **call)
    loading = loaded(folder, package=package, env=env, within=within, python_path=python_path)
    with loading as executor, _all_awaited():
        outcome = asyncio.run(_within(limit, (runner or _run)(executor, one)))
    outcome.requests = server.take() if server is not None else []
    outcome.snapshot = snapshot(folder) if snapshot is not None else None
    return outcome


def run_together(
    folder: Path,
    action_name: str,
    times: int,
    *,
    package: str = "actions",
    env: Mapping[str, str] | None = None,
    limit: float = 60.0,
    **call: Any,
) -> tuple[float, list[Outcome]]:
    """Run one action `times` times in one event loop. Returns the seconds it took in all, and the
    outcomes. Raises what `run_action` does."""

    async def together() -> list[Outcome]:
        calls = [copy.deepcopy(action_call(action_name, **call)) for _ in range(times)]
        return await asyncio.gather(*(_run(executor, one) for one in calls))

    with loaded(folder, package=package, env=env) as executor, _all_awaited():
        started = time.perf_counter()
        outcomes = asyncio.run(_within(limit, together()))
        return time.perf_counter() - started, outcomes


async def _run(executor: ActionExecutor, call: dict[str, Any]) -> Outcome:
    """Run through the executor; catch what the action raises, keep what it uttered before."""
    dispatchers: list[CollectingDispatcher] = []
    name = call["next_action"]
    action = executor.actions.get(name)

    def kept(dispatcher: CollectingDispatcher, tracker: Any, domain: Any) -> Any:
        dispatchers.append(dispatcher)
        return action(dispatcher, tracker, domain)

    runner = ActionExecutor()
    if action is not None:
        runner.actions[name] = kept
    try:
        result = await runner.run(call)
    except (Exception, asyncio.CancelledError) as error:
        return Outcome(messages=dispatchers[0].messages if dispatchers else [], error=RaisedError.of(error))
    answer = result if isinstance(result, dict) else result.model_dump()
    return Outcome(events=answer["events"], messages=answer["responses"])


async def _within(limit: float, work: Awaitable[T]) -> T:
    task = asyncio.ensure_future(work)
    await asyncio.wait({task}, timeout=limit)
    if not task.done():
        task.cancel()
        raise StillRunning(f"still running after {limit} s")
    return task.result()


@contextlib.contextmanager
def _all_awaited() -> Iterator[None]:
    """Turn Python's warning about a coroutine that nobody awaited into a failure."""
    gc.collect()  # what an earlier run left is not this one's
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
        gc.collect()
    texts = [str(w.message) for w in caught if "was never awaited" in str(w.message)]
    if texts:
        raise UnawaitedCoroutine(texts[0].splitlines()[0])


# --- watching the event loop -------------------------------------------------------------------


def longest_hold(folder: Path, action_name: str, **run: Any) -> float:
    """The longest time, in seconds, for which a run kept the event loop from doing anything else.

    `run` are the arguments of `run_action`. On a busy machine an idle loop shows some 20 ms.
    """
    nothing = contextlib.nullcontext(list[BlockingCall]())
    return _watched(folder, action_name, nothing, nothing, run).longest_hold


def blocking_calls(folder: Path, action_name: str, *, blocks: Sequence[str] = (), **run: Any) -> LoopReport:
    """The same, and the calls that blocked on the event loop, however fast they were.

    The calls are noted and then made, so the outcome is the action's own. `blocks` names functions that
    block in a way that BlockBuster doesn't see (see `noting_calls`); they slow the run down.
    """
    project = folder.resolve()
    return _watched(folder, action_name, noting(project), noting_calls(project, blocks), run)


def _watched(
    folder: Path,
    action_name: str,
    noted: contextlib.AbstractContextManager[list[BlockingCall]],
    named: contextlib.AbstractContextManager[list[BlockingCall]],
    run: Mapping[str, Any],
) -> LoopReport:
    """`noted` is entered before the project is imported, `named` when the action runs."""
    heartbeat = Heartbeat()
    more: list[BlockingCall] = []

    async def runner(executor: ActionExecutor, call: dict[str, Any]) -> Outcome:
        beating = asyncio.create_task(heartbeat.beat())
        await asyncio.sleep(0)  # let it begin
        try:
            with named as found:
                return await _run(executor, call)
        finally:
            more.extend(found)
            beating.cancel()
            await asyncio.wait({beating})

    with noted as calls:
        outcome = run_action(folder, action_name, runner=runner, **run)
    return LoopReport(outcome, heartbeat.longest, [*calls, *more])


# --- snapshots and the migration ---------------------------------------------------------------


def files(*globs: str) -> Snapshot:
    """A snapshot of the files that match: {path in the folder: bytes}."""

    def snapshot(folder: Path) -> dict[str, bytes]:
        found = {path for pattern in globs for path in folder.glob(pattern) if path.is_file()}
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(found)}

    return snapshot


def rows(database: str, query: str) -> Snapshot:
    """A snapshot of what a query finds in a SQLite file of the folder."""

    def snapshot(folder: Path) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(folder / database)) as connection:
            return connection.execute(query).fetchall()

    return snapshot


def migrate(folder: Path, *args: str, limit: float = 120.0) -> subprocess.CompletedProcess[str]:
    """Run `python -m rasa_asyncify ARGS` in a folder. The exit code is the caller's to judge."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-m", "rasa_asyncify", *args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=limit,
    )
