"""How many HTTP calls a second does one event loop make, by the code that the tool writes and by other ways?

    python benchmarks/http_calls.py                     # 40 seconds
    python benchmarks/http_calls.py --seconds 1 --repeat 5

64 clients in one event loop call as an action's helper does: a GET, whose JSON is decoded and compared. A server in
another process answers each after 50 ms, so that 64 / 0.05 = 1280 calls a second are the most there can be.

    requests in a thread    `requests.get` in one of 32 threads
    the old helper          requests emulated over aiohttp, as the tool emitted it up to commit 62e8a37, from git
    written out             `requests.get(url).json()` after `rasa-asyncify`: a client session a call
    shared session          the same after `rasa-asyncify --http-session shared`

The variants take turns, so that a busy spell of the machine meets all of them, and the best of their rounds counts.
No action server is in between: `http.py` measures with one. Exits 1 where an answer is wrong, or a ratio is under its
limit. The limits are meant for the default options: with fewer clients, all reach what there can be.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import inspect
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType

import aiohttp
import requests
from aiohttp import web
from speed_runs import ROOT, Failed, environment

ANSWER = {"text": "Sunny, 21 degrees.", "hours": [{"hour": hour, "degrees": 21} for hour in range(24)]}
OLD_HELPER = "62e8a37:rasa_asyncify/emitted/over_aiohttp.py"
BEFORE = """
import requests
from rasa_sdk import Action


def fetch(url):
    return requests.get(url).json()


class ActionWeather(Action):
    def name(self):
        return "action_weather"

    def run(self, dispatcher, tracker, domain):
        weather = fetch(tracker.get_slot("url"))
        dispatcher.utter_message(text=weather["text"])
        return []
"""
IN_THREAD, OLD, WRITTEN, SHARED = "requests in a thread", "the old helper", "written out", "shared session"
LIMITS = ((WRITTEN, OLD, 1.0), (SHARED, WRITTEN, 1.15))
Fetch = Callable[[str], Awaitable[object]]


@dataclass(frozen=True)
class Row:
    """One line of the second table."""

    what: str
    value: float
    limit: float

    @property
    def is_met(self) -> bool:
        return self.value >= self.limit

    def __str__(self) -> str:
        verdict = "ok" if self.is_met else "UNDER"
        return f"{self.what:<40} {self.value:>9.2f} {self.limit:>9.2f}  {verdict}"


async def serve(delay: float, parent: Connection) -> None:
    """Answer each GET after `delay` seconds, until the process ends; sends its port to `parent`."""

    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(delay)
        return web.json_response(ANSWER)

    app = web.Application()
    app.router.add_get("/weather", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    parent.send(runner.addresses[0][1])
    await asyncio.Event().wait()


def run_server(delay: float, parent: Connection) -> None:
    asyncio.run(serve(delay, parent))


@contextmanager
def server(delay: float) -> Iterator[str]:
    """A server in a process of its own, and the URL that it answers."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=run_server, args=(delay, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        try:
            port = ours.recv()
        except EOFError:
            raise Failed("the server didn't start") from None
        yield f"http://127.0.0.1:{port}/weather"
    finally:
        process.terminate()
        process.join()


def in_a_thread(pool: ThreadPoolExecutor) -> Fetch:
    """A call that is sent to a worker thread as it is."""

    async def fetch(url: str) -> object:
        response = await asyncio.get_running_loop().run_in_executor(pool, requests.get, url)
        return response.json()

    return fetch


def by_old_helper(folder: Path) -> Fetch | None:
    """A call by the helper that earlier versions emitted; None where git hasn't got it."""
    try:
        shown = subprocess.run(["git", "show", OLD_HELPER], cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        print(f"git can't show {OLD_HELPER}: {OLD} is not measured", file=sys.stderr)
        return None
    (folder / "old_helper.py").write_bytes(shown.stdout)
    over_aiohttp = imported(folder, "old_helper").over_aiohttp

    async def fetch(url: str) -> object:
        response = await over_aiohttp(requests.get, url)
        return response.json()

    return fetch


def migrated(folder: Path, package: str, sessions: str) -> Fetch:
    """The function that the tool makes of `fetch` in BEFORE.

    Raises:
        Failed: it ended with another code than 0, or left requests in the module.
    """
    project = folder / sessions
    actions = project / package / "actions.py"
    actions.parent.mkdir(parents=True)
    (project / "pyproject.toml").touch()
    (project / "requirements.txt").write_text("rasa-sdk\n", encoding="utf-8")
    actions.with_name("__init__.py").touch()
    actions.write_text(BEFORE.lstrip(), encoding="utf-8")
    tool = [sys.executable, "-m", "rasa_asyncify", "--http-session", sessions, "."]
    done = subprocess.run(tool, cwd=project, env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"rasa-asyncify ended with code {done.returncode}:\n{done.stderr}")
    module = imported(project, f"{package}.actions")
    if not inspect.iscoroutinefunction(module.fetch) or hasattr(module, "requests"):
        text = actions.read_text(encoding="utf-8")
        raise Failed(f"rasa-asyncify did not make aiohttp of requests:\n{text}")
    fetch: Fetch = module.fetch
    return fetch


def imported(folder: Path, name: str) -> ModuleType:
    sys.path.append(str(folder))
    return importlib.import_module(name)


def variants(folder: Path, pool: ThreadPoolExecutor) -> dict[str, Fetch]:
    """Each variant that there is by its name. Raises Failed as `migrated`."""
    found = {
        IN_THREAD: in_a_thread(pool),
        OLD: by_old_helper(folder),
        WRITTEN: migrated(folder, "written_out", "per-call"),
        SHARED: migrated(folder, "shared_session", "shared"),
    }
    return {name: fetch for name, fetch in found.items() if fetch is not None}


async def client(fetch: Fetch, url: str, seconds: float) -> float:
    """Call again and again, after one call that isn't counted. Returns calls a second.

    Raises:
        Failed: an answer is another than the server's.
    """
    await fetch(url)
    calls, started = 0, time.perf_counter()
    while time.perf_counter() < started + seconds:
        if (answer := await fetch(url)) != ANSWER:
            raise Failed(f"not the server's answer: {json.dumps(answer)}")
        calls += 1
    return calls / (time.perf_counter() - started)


async def rate(fetch: Fetch, url: str, args: argparse.Namespace) -> float:
    """Calls a second, over all clients. Raises Failed as `client`."""
    return sum(await asyncio.gather(*(client(fetch, url, args.seconds) for _ in range(args.clients))))


def best_rates(args: argparse.Namespace) -> dict[str, float]:
    """Each variant's best rate, of rounds in which they take turns.

    Raises:
        Failed: the server didn't start, an answer is wrong, or the migration went wrong.
    """
    with (
        tempfile.TemporaryDirectory() as temporary,
        ThreadPoolExecutor(max_workers=32) as pool,
        server(args.delay) as url,
    ):
        fetches = variants(Path(temporary), pool)
        rounds = [
            {name: asyncio.run(rate(fetch, url, args)) for name, fetch in fetches.items()}
            for _ in range(args.repeat)
        ]
    return {name: max(taken[name] for taken in rounds) for name in fetches}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clients", type=int, default=64, help="how many call at once")
    parser.add_argument("--delay", type=float, default=0.05, help="seconds that the server takes")
    parser.add_argument("--seconds", type=float, default=3.0, help="what a round measures")
    parser.add_argument("--repeat", type=int, default=3, help="rounds of each variant")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]  # the server is here
    try:
        rates = best_rates(args)
    except (Failed, OSError, aiohttp.ClientError) as error:  # those of requests are OSErrors
        print(error, file=sys.stderr)
        return 1
    most = args.clients / args.delay
    print(f"{'':<40} {'calls/s':>9} {'share':>9}")
    for name, reached in {**rates, f"{args.clients} clients / {args.delay:g} s": most}.items():
        print(f"{name:<40} {reached:>9.1f} {reached / most:>9.1%}")
    rows = [Row(f"{a} / {b}", rates[a] / rates[b], limit) for a, b, limit in LIMITS if {a, b} <= rates.keys()]
    print(f"\n{'':<40} {'ratio':>9} {'limit':>9}", *rows, sep="\n")
    return 0 if all(row.is_met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
