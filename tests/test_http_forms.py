"""`--http`: calls of requests become aiohttp's, or go to a worker thread as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from execution import blocking_calls, migrate, run_action
from recording_server import RecordingServer, Reply

ACTION = """
    import os

    import requests
    from rasa_sdk import Action


    class ActionAsk(Action):
        def name(self):
            return "action_ask"

        def run(self, dispatcher, tracker, domain):
            found = requests.get(os.environ["API_URL"] + "/weather", params={"q": tracker.get_slot("city")}, timeout=5)
            dispatcher.utter_message(text=found.json()["sky"])
            return []
"""
THREAD = "[tool.rasa-asyncify]\nhttp = 'thread'\n"


@pytest.mark.parametrize(
    ("options", "config", "aiohttp"),
    [
        ((), "", True),
        (("--http", "aiohttp"), THREAD, True),
        (("--http", "thread"), "", False),
        ((), THREAD, False),
    ],
)
def test_the_form_is_chosen(
    project: Any, server: RecordingServer, options: tuple[str, ...], config: str, aiohttp: bool
) -> None:
    server.on("/weather", Reply(200, b'{"sky": "clear"}', (("Content-Type", "text/html"),)))
    files = {"actions/__init__.py": "", "actions/actions.py": ACTION, "pyproject.toml": config}
    folder: Path = project(files)
    before = run_action(folder, "action_ask", env={"API_URL": server.url}, server=server)
    assert migrate(folder, *options, ".").returncode == 0
    assert migrate(folder, *options, "--check", ".").returncode == 0
    text = (folder / "actions/actions.py").read_text(encoding="utf-8")
    assert ("aiohttp.ClientSession(" in text) == aiohttp
    assert ("await in_thread(\n" in text or "await in_thread(requests.get" in text) == (not aiohttp)
    report = blocking_calls(folder, "action_ask", env={"API_URL": server.url}, server=server)
    assert report.calls == []
    assert report.outcome.texts == before.texts == ["clear"]
    assert [r.meaning for r in report.outcome.requests] == [r.meaning for r in before.requests]


def test_what_is_neither(project: Any) -> None:
    folder = project({"actions.py": "", "pyproject.toml": "[tool.rasa-asyncify]\nhttp = 'httpx'\n"})
    done = migrate(folder, ".")
    assert done.returncode == 2
    assert "http must be one of 'aiohttp', 'thread', not 'httpx'" in done.stderr
