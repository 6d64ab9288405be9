"""`--http-session shared`: all requests of an event loop go over one client session, which ends with the loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from execution import action_call, loaded, migrate
from fixture_cases import migrate_tree
from recording_server import RecordingServer, Reply
from test_example import INTERPRETERS

from benchmarks.action_server import ActionServer

ACTIONS = """
    import os

    import requests
    from rasa_sdk import Action


    class ActionAsk(Action):
        def name(self):
            return "action_ask"

        def run(self, dispatcher, tracker, domain):
            response = requests.get(os.environ["API_URL"] + "/log-in", timeout=5)
            dispatcher.utter_message(text=response.text)
            return []
"""
SECOND = """
    import requests
    from rasa_sdk import Action

    from . import actions


    class ActionTell(Action):
        def name(self):
            return "action_tell"

        def run(self, dispatcher, tracker, domain):
            response = requests.post(actions.os.environ["API_URL"] + "/account", json={"a": 1}, timeout=5)
            dispatcher.utter_message(text=response.text)
            return []
"""
SHARED = "[tool.rasa-asyncify]\nhttp-session = 'shared'\n"
COMPLAINTS = (
    "Unclosed",
    "ResourceWarning",
    "never awaited",
    "Traceback",
    "destroyed",
    "Event loop is closed",
)


@pytest.fixture
def backend(server: RecordingServer) -> RecordingServer:
    """Its `/log-in` gives a cookie and sends on to `/account`."""
    cookie = ("Set-Cookie", "session=1")
    server.on("/log-in", Reply(302, b"", (("Location", "/account"), cookie)))
    server.on("/account", Reply.text("welcome"))
    return server


@pytest.fixture
def bot(project: Any) -> Path:
    """A migrated project of two modules."""
    folder: Path = project(
        {"actions/__init__.py": "", "actions/actions.py": ACTIONS, "actions/more.py": SECOND}
    )
    migrated(folder, "shared")
    return folder


def migrated(folder: Path, mode: str | None = None) -> None:
    """Migrate the project, twice: the second run must change nothing."""
    if mode is not None:
        (folder / "pyproject.toml").write_text(f"[tool.rasa-asyncify]\nhttp-session = '{mode}'\n")
    first, second = migrate_tree(folder), migrate_tree(folder)
    assert not first.errors
    assert not second.changes


def run_times(folder: Path, backend: RecordingServer, *names: str) -> list[str]:
    """Run actions one after the other, in one event loop. Returns what they uttered."""
    return _run_times(folder, {"API_URL": backend.url}, *names)


def _run_times(folder: Path, env: dict[str, str], *names: str) -> list[str]:

    async def each() -> list[str]:
        answers = [await executor.run(action_call(name)) for name in names]
        return [answer.model_dump()["responses"][0]["text"] for answer in answers]

    with loaded(folder, env=env) as executor:
        made = sys.modules.get("actions._http")
        assert getattr(made, "_SESSIONS", {}) == {}  # none at import
        return asyncio.run(each())


# --- connections and cookies -----------------------------------------------------------------------


def test_one_connection_for_all_calls(bot: Path, backend: RecordingServer) -> None:
    names = ["action_ask", "action_tell", "action_ask"]
    assert run_times(bot, backend, *names) == ["welcome"] * 3
    assert (len(backend.requests), backend.connections) == (5, 1)


def test_a_connection_a_call_is_the_default(project: Any, backend: RecordingServer) -> None:
    folder = project({"actions/__init__.py": "", "actions/actions.py": ACTIONS})
    migrated(folder)
    assert run_times(folder, backend, "action_ask", "action_ask") == ["welcome"] * 2
    assert backend.connections == 2
    assert not (folder / "actions/_http.py").exists()


def test_no_cookie_is_kept(bot: Path, backend: RecordingServer) -> None:
    """Each call of `requests.get` begins without any; the README says what is left of this within redirects."""
    run_times(bot, backend, "action_ask", "action_tell", "action_ask")
    assert [request.header("cookie") for request in backend.take()] == [None] * 5


def test_a_connection_that_the_server_closed_is_replaced(bot: Path, backend: RecordingServer) -> None:
    backend.on("/account", Reply(200, b"bye", (("Connection", "close"),)))
    assert run_times(bot, backend, "action_tell", "action_tell") == ["bye", "bye"]
    assert backend.connections == 2


def closing_server(listening: socket.socket) -> None:
    """Answer each connection once, and close it without having said so."""
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")


def test_a_connection_that_is_closed_without_a_word(bot: Path) -> None:
    """It is opened anew, and a GET sent again; a POST may fail then, as with a kept `requests.Session`."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=closing_server, args=[listening], daemon=True).start()
        env = {"API_URL": f"http://127.0.0.1:{listening.getsockname()[1]}"}
        assert _run_times(bot, env, *["action_ask"] * 10) == ["hi"] * 10


# --- the end -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("python", INTERPRETERS)
@pytest.mark.parametrize("workers", [1, 2])
def test_it_is_closed_when_the_server_stops(
    bot: Path, backend: RecordingServer, python: str, workers: int
) -> None:
    env = {"API_URL": backend.url, "PYTHONWARNINGS": "always", "PYTHONASYNCIODEBUG": "1"}
    env["ACTION_SERVER_SANIC_WORKERS"] = str(workers)
    with ActionServer(bot, python=python, env=env) as server:
        before = backend.connections
        answers = [server.call(name) for name in ["action_ask", "action_tell"] * 4]
        _, together = server.call_together("action_ask", 6)
        time.sleep(1.5 * (workers - 1))  # Sanic's workers don't always stop when they were busy just now
    assert [answer.texts for answer in answers + together] == [["welcome"]] * 14
    assert backend.connections - before <= workers * 6
    assert [line for line in server.log.splitlines() if any(word in line for word in COMPLAINTS)] == []


TWICE = """
import asyncio
from actions import actions, more
from rasa_sdk.executor import CollectingDispatcher

async def main():
    dispatcher = CollectingDispatcher()
    await actions.ActionAsk().run(dispatcher, None, {})
    await more.ActionTell().run(dispatcher, None, {})
    print(len(dispatcher.messages), len(actions.http_session.__globals__["_SESSIONS"]))

for _ in range(2):
    asyncio.run(main())
    print(len(actions.http_session.__globals__["_SESSIONS"]))
"""


@pytest.mark.parametrize("python", INTERPRETERS)
def test_without_a_server_it_is_closed_with_the_loop(
    bot: Path, backend: RecordingServer, python: str
) -> None:
    """In a script or a test, `asyncio.run` makes a loop a time."""
    env = {**os.environ, "API_URL": backend.url, "PYTHONASYNCIODEBUG": "1"}
    command = [python, "-W", "ignore", "-W", "always::ResourceWarning", "-c", TWICE]
    done = subprocess.run(command, cwd=bot, env=env, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["2", "1", "0"] * 2, done.stderr
    assert done.stderr == ""
    assert backend.connections == 2


def test_a_failed_call_leaves_the_session_in_use(bot: Path, backend: RecordingServer) -> None:
    backend.on("/log-in", Reply.CLOSED)
    assert run_times(bot, backend, "action_tell", "action_tell") == ["welcome"] * 2
    with pytest.raises(Exception, match=r"(?i)disconnected|closed"):
        run_times(bot, backend, "action_ask")


# --- how it is chosen --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "config", "shared"),
    [
        ((), "", False),
        ((), "[tool.rasa-asyncify]\nhttp-session = 'per-call'\n", False),
        ((), SHARED, True),
        (("--http-session", "shared"), "", True),
        (("--http-session", "per-call"), SHARED, False),
    ],
)
def test_option_before_configuration(
    project: Any, options: tuple[str, ...], config: str, shared: bool
) -> None:
    folder = project({"actions/__init__.py": "", "actions/actions.py": ACTIONS, "pyproject.toml": config})
    for more in ([], ["--check"]):
        done = migrate(folder, *options, *more, ".")
        assert done.returncode == 0, done.stderr
    text = (folder / "actions/actions.py").read_text()
    assert ("async with http_session().get(" in text) == shared


@pytest.mark.parametrize(
    ("options", "config", "message"),
    [
        ((), "http-session = 'one'", "http-session must be one of 'per-call', 'shared', not 'one'"),
        ((), "http-session = true", "not True"),
        ((), "http-sesion = 'shared'", "did you mean 'http-session'?"),
        (("--http-session", "one"), "", "'one' is not one of 'per-call', 'shared'"),
    ],
)
def test_wrong_values(project: Any, options: tuple[str, ...], config: str, message: str) -> None:
    text = f"[tool.rasa-asyncify]\n{config}\n"
    folder = project({"actions/__init__.py": "", "actions/actions.py": ACTIONS, "pyproject.toml": text})
    done = migrate(folder, *options, ".")
    assert done.returncode == 2
    assert message in done.stderr
    assert not (folder / "actions/_http.py").exists()


# --- running again -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("per-call", "per-call"),
        ("per-call", "shared"),
        ("shared", "shared"),
        ("shared", "per-call"),
    ],
)
def test_a_project_that_grows(project: Any, backend: RecordingServer, first: str, second: str) -> None:
    """What was migrated before is the project's own code by now; what is added later is in the later mode."""
    folder = project({"actions/__init__.py": "", "actions/actions.py": ACTIONS})
    migrated(folder, first)
    text = (folder / "actions/actions.py").read_text()
    project({"actions/more.py": SECOND})
    migrated(folder, second)
    assert (folder / "actions/actions.py").read_text() == text
    assert ("http_session()" in (folder / "actions/more.py").read_text()) == (second == "shared")
    assert run_times(folder, backend, "action_ask", "action_tell") == ["welcome"] * 2


@pytest.mark.parametrize("mode", ["per-call", "shared"])
def test_without_a_setting_a_project_keeps_its_mode(project: Any, mode: str) -> None:
    folder = project({"actions/__init__.py": "", "actions/actions.py": ACTIONS})
    migrated(folder, mode)
    project({"actions/more.py": SECOND, "pyproject.toml": ""})
    migrated(folder)
    assert ("http_session()" in (folder / "actions/more.py").read_text()) == (mode == "shared")
