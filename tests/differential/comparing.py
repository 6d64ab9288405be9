"""Run a case's action from one copy of the project, and tell how two runs differ."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import os
import re
import socket
import threading
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from execution import Outcome, _run, run_action
from fixture_cases import quiet_logs
from loop_watch import BlockingCall, noting
from rasa_sdk.executor import ActionExecutor
from recording_server import RecordedRequest

from differential.farm import Farm
from differential.loading import PACKAGE, Case, filled

# The headers that need not be equal, by the issue's own words.
FREE_HEADERS = frozenset({"user-agent", "connection", "accept", "accept-encoding"})
# What a library tells a proxy about itself when it asks for a tunnel; the backend never sees it.
TUNNEL_HEADERS = frozenset({"accept", "host"})
# What this machine's own environment may say about connections.
_SETTINGS = re.compile(r"^(\w+_proxy|NETRC|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE)$", re.IGNORECASE)
_BOUNDARY = re.compile(r"boundary=\"?([\w-]+)\"?")


@dataclass
class Run:
    """One run: what the action did, what each server was sent, and how the event loop was treated.

    `in_threads`: how many connections were made by another thread than the event loop's.
    """

    outcome: Outcome
    requests: Mapping[str, list[RecordedRequest]]
    calls: list[BlockingCall] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    in_threads: int = 0

    def aspects(self) -> dict[str, Any]:
        """What has to be equal, by name."""
        sent = [(name, _normal(request)) for name, some in self.requests.items() for request in some]
        return {
            "messages": self.outcome.messages,
            "events": self.outcome.events,
            "failure": self.outcome.error is not None,
            "number of requests": len(sent),
            "method": [(name, request.method) for name, request in sent],
            "path": [(name, request.segments) for name, request in sent],
            "query": [request.query for _, request in sent],
            "headers": [_compared_headers(request) for _, request in sent],
            "body": [request.body for _, request in sent],
        }

    @property
    def raw_queries(self) -> list[str]:
        """The queries as they were sent."""
        return [urlsplit(request.target).query for some in self.requests.values() for request in some]


def differences(before: Run, after: Run) -> dict[str, tuple[Any, Any]]:
    """What isn't equal: {aspect: (before, after)}."""
    was, now = before.aspects(), after.aspects()
    return {name: (was[name], now[name]) for name in was if was[name] != now[name]}


def _compared_headers(request: RecordedRequest) -> list[tuple[str, str]]:
    """In the order of their names; those that are sent twice keep their own order."""
    free = FREE_HEADERS | TUNNEL_HEADERS if request.method == "CONNECT" else FREE_HEADERS
    kept = ((name, _in_order(name, value)) for name, value in request.headers if name not in free)
    return sorted(kept, key=lambda header: header[0])


def _in_order(name: str, value: str) -> str:
    """The cookies of a request in alphabetical order: they have none of their own."""
    return "; ".join(sorted(value.split("; "))) if name == "cookie" else value


def _normal(request: RecordedRequest) -> RecordedRequest:
    """The request with a constant in the place of a form's boundary, which is random."""
    found = _BOUNDARY.search(request.header("content-type") or "")
    if found is None:
        return request
    boundary = found[1]
    length = ("content-length", str(len(request.body)))  # the boundary's own length is the library's
    pairs = [("content-length", "of the body") if pair == length else pair for pair in request.headers]
    headers = tuple((name, value.replace(found[0], "boundary=B")) for name, value in pairs)
    return replace(request, headers=headers, body=request.body.replace(boundary.encode(), b"B"))


def run_case(case: Case, project: Path, farm: Farm, *, watched: bool = False) -> Run:
    """Run a case's action, from the copy of the project in `project`.

    `watched` notes the calls that block the event loop, who connects, and the warnings that are given.
    """
    farm.play(case)
    seen: list[str] = []

    async def run_times(executor: ActionExecutor, call: dict[str, Any]) -> Outcome:
        outcomes = []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(case.times):
                outcomes.append(await _run(executor, copy.deepcopy(call)))
                await asyncio.sleep(0)  # what is to be closed in the background gets its turn
        seen.extend(f"{w.category.__name__}: {w.message}" for w in caught)
        return _joined(outcomes)

    write_files(case, project, farm)
    gc.freeze()  # what earlier runs left alive: each run collects twice, and would look through it
    run: dict[str, Any] = {
        "package": f"{PACKAGE}.{case.module_name}",
        "slots": dict(case.slots),
        "env": _env(case, farm),
        "runner": run_times,
        "limit": 15,
    }
    with _own_settings(), quiet_logs():
        if not watched:
            outcome = run_action(project, case.action, **run)
            return Run(outcome, farm.take(), warnings=seen)
        with noting(project.resolve()) as calls, _noting_connections() as threads:
            outcome = run_action(project, case.action, **run)
    elsewhere = sum(thread != threading.get_ident() for thread in threads)
    return Run(outcome, farm.take(), calls, seen, elsewhere)


@contextlib.contextmanager
def _noting_connections() -> Iterator[list[int]]:
    """Note for each connection which thread makes it."""
    threads: list[int] = []
    connect = socket.socket.connect

    def noted(self: socket.socket, address: Any) -> None:
        threads.append(threading.get_ident())
        connect(self, address)

    with mock.patch.object(socket.socket, "connect", noted):
        yield threads


def write_files(case: Case, project: Path, farm: Farm) -> None:
    """Put the case's files where the action finds them."""
    for name, text in case.files.items():
        (project / name).write_text(filled(text, farm.places), encoding="utf-8")


def _env(case: Case, farm: Farm) -> dict[str, str]:
    given = {name: filled(value, farm.places) for name, value in case.env.items()}
    return {"API_URL": farm.places["server"], **given}


def _own_settings() -> Any:
    """The environment without this machine's proxies and certificates."""
    kept = {name: value for name, value in os.environ.items() if not _SETTINGS.match(name)}
    return mock.patch.dict(os.environ, kept, clear=True)


def _joined(outcomes: list[Outcome]) -> Outcome:
    """What several runs did, one after the other."""
    return Outcome(
        events=[event for one in outcomes for event in one.events],
        messages=[message for one in outcomes for message in one.messages],
        error=next((one.error for one in outcomes if one.error), None),
    )
