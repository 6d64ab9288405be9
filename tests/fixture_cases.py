"""Read the fixture cases, migrate copies of them, and run their actions.

A case is a folder `fixtures/<topic>/<case>` with the project as it was (`before/`), as it must come
out (`after/`), what it needs that is no part of it (`stubs/`, optional), and a `case.toml`:

    why = "one sentence: what the case shows"
    native = 1              # calls that become native; these are 0 where they are left out,
    offloaded = 0           # calls and expressions sent to a thread,
    grouped = 0             # runs of statements sent to a thread,
    moved = 0               # whole bodies sent to a thread,
    findings = ["RA104"]    # the rules of what is reported
    held = false            # no blocking call before either (true where it is left out)
    fails_before = true     # its runs fail before and succeed after
    paths = ["actions"]     # what is migrated (the whole project where it is left out)
    own_tests = true        # run the project's own tests with pytest, before and after
    needs = ["psycopg2"]    # modules without which nothing of the case can be run
    python = "<3.13"        # the Pythons that it can be run on (all where it is left out)
    services = ["redis"]    # servers to start, empty for each run of the case; see the package `services`
    blocks = ["cursor.execute"]     # calls that hold the loop before, and never after, though BlockBuster
                            # doesn't see them (ends of module.qualname; see `noting_calls`)

    [snapshot]              # what runs leave behind: `files` (globs), or `database` and `query`

    [[route]]               # what the server at $API_URL, and at any http://*.test, answers: the replies in
    path = "/weather"       # turn, the last one repeats; `json` or `text`, and the fields of `Reply`
    replies = [{ json = { temp = 4 }, delay = 0.1 }]

    [[run]]                 # the actions to run, in this order: arguments of `run_action`
    action = "action_weather"
    slots = { city = "Oslo" }
    says = ["4 degrees"]    # the texts that it utters (not checked where it is left out)

    [[start]]               # how its users start it, and run its tests: the fields of `Start`. Where it is left
    command = "python -m rasa_sdk --actions actions"    # out, these. Others are for the topic `layouts`
    folder = "bot"          # (see test_layouts.py), whose commands are run as they are.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import platform
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import services
from execution import ROOT, LoopReport, Snapshot, blocking_calls, files, rows
from packaging.specifiers import SpecifierSet
from recording_server import RecordedRequest, RecordingServer, Reply
from starts import Start, read_start

from rasa_asyncify.changes import Result
from rasa_asyncify.config import load
from rasa_asyncify.discovery import python_files
from rasa_asyncify.edits import (
    InlineRequest,
    MoveBody,
    OffloadBlock,
    OffloadCall,
    OffloadExpression,
    Sleep,
    UseAsyncClient,
)
from rasa_asyncify.engine import migrate
from rasa_asyncify.writing import write_atomically

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FIXTURES = Path(__file__).resolve().parent / "fixtures"


@dataclass(frozen=True)
class Case:
    """One case; the fields are described above."""

    folder: Path
    why: str
    native: int = 0
    offloaded: int = 0
    grouped: int = 0
    moved: int = 0
    findings: tuple[str, ...] = ()
    held: bool = True
    fails_before: bool = False
    paths: tuple[str, ...] = (".",)
    own_tests: bool = False
    needs: tuple[str, ...] = ()
    python: str = ""
    services: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    snapshot: Mapping[str, Any] = field(default_factory=dict)
    route: tuple[Mapping[str, Any], ...] = ()
    run: tuple[Mapping[str, Any], ...] = ()
    start: tuple[Start, ...] = (Start(),)

    @property
    def calls(self) -> list[tuple[Start, Mapping[str, Any]]]:
        """Each action that a rasa-sdk server of the case has, with how that is started."""
        servers = [start for start in self.start if start.package is not None]
        return [(start, run) for start in servers for run in self.run if start.runs(run["action"])]

    @property
    def name(self) -> str:
        """The topic and the case's own name."""
        return self.folder.relative_to(self.folder.parent.parent).as_posix()

    @property
    def counts(self) -> dict[str, int]:
        """What the plan must hold, by kind."""
        return {
            "native": self.native,
            "offloaded": self.offloaded,
            "grouped": self.grouped,
            "moved": self.moved,
        }


def read_case(folder: Path) -> Case:
    """Read one case. Raises TypeError for a key that case.toml can't have."""
    given = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    lists = {key: tuple(value) for key, value in given.items() if isinstance(value, list)}
    starts = {"start": tuple(read_start(**one) for one in given["start"])} if "start" in given else {}
    return Case(folder, **{**given, **lists, **starts})


def all_cases(fixtures: Path = FIXTURES) -> list[Case]:
    """Every case, by name."""
    return [read_case(path.parent) for path in sorted(fixtures.glob("*/*/case.toml"))]


# --- trees -------------------------------------------------------------------------------------


def tree(folder: Path) -> dict[str, bytes]:
    """The files below a folder: {relative path: bytes}."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {"__pycache__", ".pytest_cache"} & set(path.parts)
    }


def migrate_tree(folder: Path, paths: tuple[str, ...] = (".",)) -> Result:
    """Migrate the project in `folder` in place, as the command line does, within this process."""
    folder = folder.resolve()
    targets = python_files([folder / path for path in paths], folder)
    result = migrate(targets, folder, load(folder))
    for change in result.changes:
        write_atomically(change.path, change.data())
    return result


def counts(result: Result) -> dict[str, int]:
    """How many calls and bodies the plan treats in which way."""
    kinds = Counter(type(edit) for plan in result.plan.modules.values() for edit in plan.edits)
    return {
        "native": kinds[Sleep] + kinds[InlineRequest] + kinds[UseAsyncClient],
        "offloaded": kinds[OffloadCall] + kinds[OffloadExpression],
        "grouped": kinds[OffloadBlock],
        "moved": kinds[MoveBody],
    }


def update_after(case: Case, migrated: Path) -> None:
    """Make the migrated tree what the case expects."""
    after = case.folder / "after"
    shutil.rmtree(after, ignore_errors=True)
    for relative, data in tree(migrated).items():
        path = after / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


# --- what a case needs ---------------------------------------------------------------------------


def missing(case: Case) -> str | None:
    """Why the case can't be run here, if it can't: a module isn't installed, or Python is another."""
    if platform.python_version() not in SpecifierSet(case.python, prereleases=True):
        return f"needs Python {case.python}"
    absent = [name for name in case.needs if not is_installed(name)]
    return f"{', '.join(absent)} is not installed" if absent else None


def is_installed(name: str) -> bool:
    """Whether the module of that dotted name is there."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # nor is the package that it is in
        return False


@contextmanager
def running_services(case: Case) -> Iterator[dict[str, str]]:
    """Have the case's servers, with nothing in them. Gives the environment variables that say where.

    Raises:
        services.Unavailable: one can't be started here.
    """
    with ExitStack() as stack:
        env: dict[str, str] = {}
        for name in case.services:
            env.update(stack.enter_context(services.start(name)))
        yield env


# --- running -----------------------------------------------------------------------------------


def run_case(case: Case, folder: Path) -> list[LoopReport]:
    """Run the case's actions, as `case.calls` lists them, on the project in `folder`."""
    snapshot = _snapshot(case)
    reports = []
    with running_services(case) as where, stubs(case), quiet_logs(), scripted_server(case) as server:
        for start, one in case.calls:
            start.lay_out(folder)
            report = blocking_calls(
                folder,
                one["action"],
                server=server,
                snapshot=snapshot,
                blocks=case.blocks,
                env={**server_env(server), **where},
                **loading(start),
                **arguments(one),
            )
            report.outcome.requests = [without_length(r) for r in report.outcome.requests]
            reports.append(report)
    return reports


@contextmanager
def scripted_server(case: Case) -> Iterator[RecordingServer]:
    """The server that the case's actions ask."""
    with RecordingServer() as server:
        for route in case.route:
            replies = [_reply(**reply) for reply in route["replies"]]
            server.on(route["path"], *replies, method=route.get("method"))
        yield server


def server_env(server: RecordingServer) -> dict[str, str]:
    """What tells the actions where that is."""
    return {"API_URL": server.url, "http_proxy": server.url, "no_proxy": "127.0.0.1"}


def loading(start: Start) -> dict[str, Any]:
    """The arguments of `loaded` that do what a server started so does."""
    return {"package": start.package, "within": start.folder, "python_path": start.python_path}


def arguments(run: Mapping[str, Any]) -> dict[str, Any]:
    """What is handed to an action with the call."""
    return {key: value for key, value in run.items() if key not in ("action", "says")}


def without_length(request: RecordedRequest) -> RecordedRequest:
    """Of an OPTIONS without a body, requests says that it has 0 bytes, and aiohttp nothing."""
    headers = tuple(pair for pair in request.headers if pair != ("content-length", "0"))
    return replace(request, headers=headers)


def run_own_tests(case: Case, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the project's own tests, without the settings of this repository's."""
    path = os.pathsep.join([str(folder), str(case.folder / "stubs"), str(ROOT)])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    never_awaited = "error:coroutine .* was never awaited:RuntimeWarning"
    with running_services(case) as where:
        return subprocess.run(
            [*command, "-c", os.devnull, "--rootdir", ".", "-W", never_awaited, "tests"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path, "API_URL": "http://127.0.0.1:9", **where},
            capture_output=True,
            text=True,
            timeout=120,
        )


def _snapshot(case: Case) -> Snapshot | None:
    if "files" in case.snapshot:
        return files(*case.snapshot["files"])
    if "query" in case.snapshot:
        return rows(case.snapshot["database"], case.snapshot["query"])
    return None


def _reply(
    json: Any = None,
    text: str | None = None,
    content_type: str | None = None,
    headers: Mapping[str, str] | None = None,
    **fields: Any,
) -> Reply:
    if json is not None:
        plain = Reply.json(json)
    elif text is not None:
        plain = Reply.text(text, content_type or "text/plain; charset=utf-8")
    else:
        plain = Reply()
    more = tuple((headers or {}).items())
    return Reply(body=plain.body, headers=plain.headers + more, **fields)


@contextmanager
def quiet_logs() -> Iterator[None]:
    """What a log handler writes isn't a blocking call of the project."""
    logging.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


@contextmanager
def stubs(case: Case) -> Iterator[None]:
    """Have the case's stand-ins for libraries importable, and forget them afterwards."""
    folder = case.folder / "stubs"
    sys.path.insert(0, str(folder))
    real = [found for name in _stubbed(folder) for found in _hidden(name)]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in _stubbed(folder):
            list(_hidden(name))
        for name, module in real:
            _put_back(name, module)


def _stubbed(folder: Path, package: str = "") -> Iterator[str]:
    """The modules and packages that the stand-ins replace; a folder without `__init__.py` only leads to some."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        name = f"{package}{path.stem}"
        if path.suffix == ".py" or (path / "__init__.py").is_file():
            yield name
        elif path.is_dir():
            yield from _stubbed(path, f"{name}.")


def _hidden(name: str) -> Iterator[tuple[str, ModuleType]]:
    """Forget a module and those in it. Gives what was forgotten."""
    for found in [other for other in sys.modules if other == name or other.startswith(f"{name}.")]:
        module = sys.modules.pop(found)
        parent, _, child = found.rpartition(".")
        if parent in sys.modules:
            vars(sys.modules[parent]).pop(child, None)
        yield found, module


def _put_back(name: str, module: ModuleType) -> None:
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent in sys.modules:
        setattr(sys.modules[parent], child, module)
