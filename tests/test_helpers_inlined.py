"""A module that belongs to no package has no place for a helper beside it, and gets it under its imports."""

from __future__ import annotations

import ast
import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from execution import action_call, blocking_calls, loaded, run_action
from fixture_cases import migrate_tree, quiet_logs
from recording_server import RecordingServer, Reply

ACTION = """{imports}
import os

import requests
from rasa_sdk import Action

API = os.environ["API_URL"]
{names}

class ActionAsk(Action):
    def name(self):
        return "action_ask"

    def run(self, dispatcher, tracker, domain):
        response = {call}
        dispatcher.utter_message(text=f"{{response.text}} {shown}")
        return []
"""
GET = 'requests.get(f"{API}/weather", params={"q": tracker.get_slot("city")}, timeout=5)'
MODES = ["per-call", "shared"]

# What the module has of its own under a name that the helper uses: (imports, other statements, shown, call).
NAMES = {
    "nothing": ("", "", "", GET),
    "module time": ("import time", "", "{time.strftime('') == ''}", GET),
    "function time": ("from time import time", "", "{time() > 0}", GET),
    "class datetime": ("from datetime import datetime", "", "{datetime.min.year}", GET),
    "variable time": ("", "time = 'noon'", "{time}", GET),
    "variable types": ("", "types = ['a']", "{types}", GET),
    "variables io, ssl, os-like": ("", "io, ssl, sys, re = 1, 2, 3, 4", "{io}{ssl}{sys}{re}", GET),
    "class Path": ("", "\nclass Path:\n    depth = 3\n", "{Path.depth}", GET),
    "pathlib's Path, renamed": ("from pathlib import Path as P", "", "{P('a').name}", GET),
    "own _response": ("", "\ndef _response(text='r'):\n    return text\n", "{_response()}", GET),
    "own urlsplit": ("", "\ndef urlsplit(text):\n    return text\n", "{urlsplit('u')}", GET),
    "own query": ("", "\ndef query(text):\n    return text\n", "{query('f')}", GET),
    "own _query": ("", "\ndef _query(text):\n    return text\n", "{_query('f')}", GET),
    "own _http_session": ("", "\ndef _http_session(text):\n    return text\n", "{_http_session('f')}", GET),
    "own _SESSIONS and _in_thread": ("", "_SESSIONS, _in_thread = 1, 2", "{_SESSIONS}{_in_thread}", GET),
    "names of arguments": (
        "",
        "\ndef total(io, ssl=1, *, yarl=2):\n    return io + ssl + yarl\n",
        "{total(1)}",
        GET,
    ),
    "local in a function": ("", "\ndef now():\n    time = functools = 5\n    return time\n", "{now()}", GET),
    "requests as req": ("import requests as req", "", "{req.codes.ok}", GET.replace("requests", "req")),
    "get alone": ("from requests import get", "", "", GET.replace("requests.get", "get")),
    "own aiohttp": ("import aiohttp as http", "", "{http.__name__}", GET),
    "asyncio from": ("from asyncio import sleep", "", "{sleep.__name__}", GET),
    "star": ("from time import *", "", "{strftime('') == ''}", GET),
}


def lone(project: Any, imports: str = "", names: str = "", shown: str = "", call: str = GET) -> Path:
    """A project whose actions stand in its root."""
    text = ACTION.format(imports=imports, names=names, shown=shown, call=call)
    folder: Path = project({"actions.py": text})
    return folder


def migrated(folder: Path, mode: str) -> str:
    """Migrate the project, twice: the second run must change nothing. Returns its module."""
    (folder / "pyproject.toml").write_text(f"[tool.rasa-asyncify]\nhttp-session = '{mode}'\n")
    first, second = migrate_tree(folder), migrate_tree(folder)
    assert not first.errors, [error.cause for error in first.errors]
    assert not second.changes
    return (folder / "actions.py").read_text(encoding="utf-8")


def defined(text: str) -> Counter[str]:
    """How often each name is defined at the top of the module, imports included."""
    found: Counter[str] = Counter()
    for node in ast.parse(text).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found[node.name] += 1
        elif isinstance(node, ast.Assign):
            found.update(n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
    return found


@pytest.fixture
def backend(server: RecordingServer) -> RecordingServer:
    server.on("/weather", Reply(302, b"", (("Location", "/today"),)))
    server.on("/today", Reply.text("sunny"))
    return server


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", NAMES.values(), ids=NAMES)
def test_beside_names_of_the_module(
    project: Any, backend: RecordingServer, mode: str, case: tuple[str, ...]
) -> None:
    """The helper takes other names, uses the module's imports, and leaves what is the module's alone."""
    folder = lone(project, *case)
    with quiet_logs():
        before = run_action(folder, "action_ask", env={"API_URL": backend.url}, server=backend)
        text = migrated(folder, mode)
        report = blocking_calls(folder, "action_ask", env={"API_URL": backend.url}, server=backend)
    after = report.outcome
    assert before.error is None
    assert (after.texts, after.error) == (before.texts, None)
    assert [r.meaning for r in after.requests] == [r.meaning for r in before.requests]
    assert report.calls == []
    assert [name for name, times in defined(text).items() if times > 1] == []
    assert sorted(path.name for path in folder.glob("*.py")) == ["actions.py"]


@pytest.mark.parametrize("mode", MODES)
def test_under_the_imports_and_above_the_rest(project: Any, mode: str) -> None:
    text = migrated(lone(project), mode)
    at = [text.index(part) for part in ("import aiohttp", "def _query(params", "class ActionAsk")]
    assert at == sorted(at)
    assert "params=_query({" in text
    assert text.count('"""Query parameters') == 1
    assert ("def _http_session()" in text) == (mode == "shared")


TWO = """
import os
import subprocess
import sys

import requests
from rasa_sdk import Action


class ActionBoth(Action):
    def name(self):
        return "action_both"

    def run(self, dispatcher, tracker, domain):
        done = subprocess.run([sys.executable, "-c", "print('hi')"], capture_output=True, text=True)
        response = requests.get(os.environ["API_URL"] + "/weather", timeout=5)
        dispatcher.utter_message(text=done.stdout.strip() + response.text)
        return []
"""


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_together_with_the_helper_for_threads(project: Any, backend: RecordingServer, mode: str) -> None:
    folder = project({"actions.py": TWO})
    text = migrated(folder, mode)
    names = defined(text)
    assert [name for name, times in names.items() if times > 1] == []
    assert ("_http_session" in names) == (mode == "shared")
    assert names.keys() & {"_in_thread", "in_thread"}
    with quiet_logs():
        report = blocking_calls(folder, "action_both", env={"API_URL": backend.url})
    assert (report.outcome.texts, report.outcome.error, report.calls) == (["hisunny"], None, [])


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_a_call_that_is_added_later_uses_what_is_there(
    project: Any, backend: RecordingServer, mode: str
) -> None:
    folder = lone(project)
    plain = (folder / "actions.py").read_text(encoding="utf-8")
    text = migrated(folder, mode)
    action = plain[plain.index("class ActionAsk") :]
    added = f"{text}\n\nimport requests\n\n\n{action}"
    added = added.replace("ActionAsk", "ActionNext").replace("ActionNext", "ActionAsk", 1)
    added = added.replace("action_ask", "action_next").replace("action_next", "action_ask", 1)
    (folder / "actions.py").write_text(added, encoding="utf-8")
    again = migrated(folder, mode)
    assert again.count("params=_query(") == 2
    assert [name for name, times in defined(again).items() if times > 1] == []

    async def each() -> list[str]:
        answers = [await executor.run(action_call(name)) for name in ("action_ask", "action_next")]
        return [answer.model_dump()["responses"][0]["text"] for answer in answers]

    with loaded(folder, env={"API_URL": backend.url}) as executor:
        assert asyncio.run(each()) == ["sunny ", "sunny "]
    assert backend.connections == (1 if mode == "shared" else 2)
