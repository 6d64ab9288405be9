"""The harness itself: it must tell a held event loop from a free one, and a failure from a run."""

from __future__ import annotations

import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from execution import (
    NotLoadable,
    Reply,
    StillRunning,
    UnawaitedCoroutine,
    blocking_calls,
    files,
    longest_hold,
    migrate,
    pickled,
    rows,
    run_action,
    run_together,
)
from recording_server import RecordingServer

HEAD = """
import asyncio
import os
import sqlite3
import threading
import time
from time import sleep

import aiohttp
import requests
from rasa_sdk import Action, FormValidationAction
from rasa_sdk.events import SlotSet
"""


def action(run: str, name: str = "action_it") -> str:
    """An action class around the source of its run method."""
    lines = "".join(f"    {line}\n" if line else "\n" for line in run.strip("\n").split("\n"))
    return f'{HEAD}\n\nclass It(Action):\n    def name(self):\n        return "{name}"\n\n{lines}'


def run_method(*body: str, define: str = "def") -> str:
    return "\n    ".join([f"{define} run(self, dispatcher, tracker, domain):", *body])


HELD = "time.sleep(0.3)"
FREE = "await asyncio.sleep(0.3)"
IN_A_THREAD = "await asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.3)"


@pytest.fixture
def bot(project: Any) -> Any:
    """Writes a bot of one action from the statements of its run method."""

    def write(*body: str, define: str = "async def") -> Path:
        module = action(run_method(*body, define=define))
        return project({"actions/__init__.py": "", "actions/actions.py": module})

    return write


class TestOutcome:
    @pytest.mark.parametrize("define", ["def", "async def"])
    def test_events_messages_and_slots_of_a_run(self, bot: Any, define: str) -> None:
        folder = bot(
            'dispatcher.utter_message(text=tracker.get_slot("city"))',
            'return [SlotSet("seen", tracker.sender_id)]',
            define=define,
        )
        outcome = run_action(folder, "action_it", slots={"city": "Oslo"}, sender_id="ada")
        assert outcome.texts == ["Oslo"]
        assert outcome.slots == {"seen": "ada"}
        assert outcome.error is None

    @pytest.mark.parametrize("define", ["def", "async def"])
    def test_what_was_uttered_before_an_exception_is_kept(self, bot: Any, define: str) -> None:
        folder = bot(
            'dispatcher.utter_message(text="one moment")',
            "try:",
            "    {}[1]",
            "except KeyError as error:",
            '    raise ValueError("nothing there") from error',
            define=define,
        )
        outcome = run_action(folder, "action_it")
        assert outcome.texts == ["one moment"]
        assert outcome.error is not None
        assert outcome.error.chain == ("builtins.ValueError", "builtins.KeyError")
        assert outcome.error.message == "nothing there"

    def test_an_action_that_is_not_there_is_an_error(self, bot: Any) -> None:
        outcome = run_action(bot("return []"), "action_other")
        assert outcome.error is not None
        assert outcome.error.chain == ("rasa_sdk.interfaces.ActionNotFoundException",)

    def test_slots_are_validated_by_a_form(self, project: Any) -> None:
        form = f"""{HEAD}

class Form(FormValidationAction):
    def name(self):
        return "validate_trip_form"

    def validate_nights(self, value, dispatcher, tracker, domain):
        return {{"nights": int(value)}}
"""
        folder = project({"actions.py": form})
        domain = {"slots": {"nights": {}}, "forms": {"trip_form": {"required_slots": ["nights"]}}}
        outcome = run_action(folder, "validate_trip_form", slots={"nights": "3"}, domain=domain)
        assert outcome.slots["nights"] == 3

    def test_behaviour_leaves_out_class_and_wording_of_an_exception(self, bot: Any) -> None:
        first = run_action(bot('raise ValueError("one")'), "action_it")
        second = run_action(bot('raise OSError("two")'), "action_it")
        assert first.behaviour == second.behaviour
        assert first != second
        assert first.behaviour != run_action(bot("return []"), "action_it").behaviour

    def test_files_and_rows_that_a_run_leaves(self, bot: Any) -> None:
        folder = bot(
            'open("note.txt", "w").write("hi")',
            'with sqlite3.connect("trips.db") as c:',
            '    c.execute("CREATE TABLE trips (city TEXT)")',
            "    c.execute(\"INSERT INTO trips VALUES ('Oslo')\")",
            define="def",
        )
        assert run_action(folder, "action_it", snapshot=files("*.txt")).snapshot == {"note.txt": b"hi"}
        assert rows("trips.db", "SELECT city FROM trips")(folder) == [("Oslo",)]


class TestFreshState:
    def test_a_rewritten_file_is_imported_anew(self, bot: Any) -> None:
        """Same length, same second: what a stale bytecode file would be taken for."""
        for text in ("one", "two"):
            folder = bot(f'dispatcher.utter_message(text="{text}")', "return []")
            assert run_action(folder, "action_it").texts == [text]

    def test_an_action_that_is_gone_is_not_found_again(self, project: Any) -> None:
        old = action(run_method("return []"), name="action_old")
        assert run_action(project({"actions.py": old}), "action_old").error is None
        folder = project({"actions.py": action(run_method("return []"), name="action_new")})
        assert run_action(folder, "action_old").error is not None

    def test_nothing_is_left_behind(self, bot: Any) -> None:
        before = (Path.cwd(), list(sys.path), "actions" in sys.modules)
        folder = bot('dispatcher.utter_message(text=os.environ["CITY"] + os.getcwd())', "return []")
        outcome = run_action(folder, "action_it", env={"CITY": "Oslo"})
        assert outcome.texts == [f"Oslo{folder.resolve()}"]
        assert (Path.cwd(), list(sys.path), "actions" in sys.modules) == before
        assert not list(folder.rglob("*.pyc"))

    def test_module_of_the_same_name_comes_back(self, bot: Any, monkeypatch: Any) -> None:
        other = type(sys)("actions")
        monkeypatch.setitem(sys.modules, "actions", other)
        assert run_action(bot("return []"), "action_it").error is None
        assert sys.modules["actions"] is other


class TestRefusals:
    def test_package_that_does_not_import(self, project: Any) -> None:
        with pytest.raises(NotLoadable, match="no_such_module"):
            run_action(project({"actions.py": "import no_such_module\n"}), "action_it")

    @pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
    def test_coroutine_that_nobody_awaits(self, bot: Any) -> None:
        with pytest.raises(UnawaitedCoroutine, match="sleep"):
            run_action(bot("asyncio.sleep(0)", "return []"), "action_it")

    def test_action_that_hangs(self, bot: Any) -> None:
        with pytest.raises(StillRunning):
            run_action(bot("await asyncio.sleep(60)"), "action_it", limit=0.1)

    def test_instance_that_cannot_be_pickled(self, project: Any) -> None:
        """rasa-sdk 3.21 sends the action instances to a worker process."""
        picklable = action(run_method("return []"))
        assert pickled(project({"actions.py": picklable}))
        held = picklable + "\n    def __init__(self):\n        self.lock = threading.Lock()\n"
        with pytest.raises(TypeError, match="pickle"):
            pickled(project({"actions.py": held}))


class TestEventLoop:
    @pytest.mark.parametrize(
        ("define", "body", "held"),
        [("def", HELD, True), ("async def", HELD, True)]
        + [("async def", body, False) for body in (FREE, IN_A_THREAD)],
    )
    def test_longest_hold(self, bot: Any, define: str, body: str, held: bool) -> None:
        """`async def` alone frees nothing: what blocks in it still holds the loop."""
        seconds = longest_hold(bot(body, "return []", define=define), "action_it")
        assert (seconds > 0.25) == held

    @pytest.mark.parametrize(
        ("body", "function"),
        [
            (HELD, "time.sleep"),
            ("sleep(0.001)", "time.sleep"),
            ("sqlite3.connect(':memory:')", "sqlite3.connect"),
            ("open('file.txt', 'w')", "builtins.open"),
            ("os.system('')", "os.system"),
        ],
    )
    def test_blocking_calls_have_a_name_and_a_place(self, bot: Any, body: str, function: str) -> None:
        folder = bot(body, 'dispatcher.utter_message(text="done")', "return []", define="def")
        report = blocking_calls(folder, "action_it")
        lines = (folder / "actions/actions.py").read_text().splitlines()
        place = f"actions/actions.py:{lines.index(f'        {body}') + 1}"
        assert [(call.function, call.place) for call in report.calls] == [(function, place)]
        assert report.outcome.texts == ["done"]

    @pytest.mark.parametrize("body", [FREE, IN_A_THREAD])
    def test_a_free_loop_has_no_blocking_calls(self, bot: Any, body: str) -> None:
        report = blocking_calls(bot(body, "return []"), "action_it")
        assert report.calls == []
        assert report.longest_hold < 0.25

    def test_blocking_call_whose_exception_is_swallowed_is_seen(self, bot: Any) -> None:
        folder = bot("try:", "    time.sleep(0)", "except Exception:", "    pass", define="def")
        assert len(blocking_calls(folder, "action_it").calls) == 1

    def test_requests_holds_the_loop_and_aiohttp_does_not(
        self, project: Any, server: RecordingServer
    ) -> None:
        server.on("/weather", Reply.json({"temp": 4}).after(0.3))
        url = f"{server.url}/weather"
        plain = run_method(f"requests.get({url!r})", "return []")
        native = run_method(
            f"async with aiohttp.ClientSession(trust_env=True) as s, s.get({url!r}) as response:",
            "    await response.read()",
            "return []",
            define="async def",
        )
        held = blocking_calls(project({"actions.py": action(plain)}), "action_it", server=server)
        free = blocking_calls(project({"actions.py": action(native)}), "action_it", server=server)
        assert held.calls
        assert held.longest_hold > 0.25
        assert free.calls == []
        assert free.longest_hold < 0.25
        assert held.outcome.behaviour == free.outcome.behaviour
        assert len(held.outcome.requests) == 1

    @pytest.mark.parametrize(("body", "together"), [(HELD, False), (FREE, True)])
    def test_run_together(self, bot: Any, body: str, together: bool) -> None:
        seconds, outcomes = run_together(bot(body, "return []"), "action_it", 3)
        assert len(outcomes) == 3
        assert (seconds < 0.6) == together


class TestRecordingServer:
    def get(self, url: str, **request: Any) -> tuple[int, bytes]:
        with urllib.request.urlopen(urllib.request.Request(url, **request), timeout=5) as answer:
            return answer.status, answer.read()

    def test_a_request_is_recorded_decoded_and_in_order(self, server: RecordingServer) -> None:
        server.on("/a b/c", Reply.ECHO)
        self.get(f"{server.url}/a%20b/c?q=1&p=%2F&q=", data=b"body", headers={"X-Key": "7"})
        (request,) = server.take()
        assert request.method == "POST"
        assert request.segments == ("a b", "c")
        assert request.query == (("q", "1"), ("p", "/"), ("q", ""))
        assert request.header("x-key") == "7"
        assert request.body == b"body"
        assert server.take() == []

    def test_escaped_slash_is_no_separator(self, server: RecordingServer) -> None:
        server.on("/a/b", Reply.EMPTY)
        self.get(f"{server.url}/a%2Fb")
        assert server.take()[0].segments == ("a/b",)

    def test_chunked_body_is_put_together(self, server: RecordingServer) -> None:
        server.on("/", Reply.ECHO)
        status, _ = self.get(
            f"{server.url}/", data=iter([b"one", b"two"]), headers={"Content-Type": "text/plain"}
        )
        assert status == 200
        assert server.take()[0].body == b"onetwo"

    def test_replies_come_in_turn_and_the_last_repeats(self, server: RecordingServer) -> None:
        server.on("/x", Reply(body=b"1"), Reply(body=b"2"))
        assert [self.get(f"{server.url}/x")[1] for _ in range(3)] == [b"1", b"2", b"2"]

    def test_method_of_its_own(self, server: RecordingServer) -> None:
        server.on("/x", Reply(body=b"any"))
        server.on("/x", Reply(body=b"put"), method="PUT")
        assert self.get(f"{server.url}/x")[1] == b"any"
        assert self.get(f"{server.url}/x", method="PUT")[1] == b"put"

    @pytest.mark.parametrize(
        ("reply", "error"),
        [
            (Reply.CLOSED, ConnectionError),
            (Reply.truncated(b"12"), Exception),
            (Reply.redirect("/x"), urllib.error.HTTPError),
            (Reply(500), urllib.error.HTTPError),
            (Reply().after(1), TimeoutError),
            (Reply(body=b"12345678", pause_in_body=1), TimeoutError),
        ],
    )
    def test_failures(self, server: RecordingServer, reply: Reply, error: type[Exception]) -> None:
        server.on("/x", reply)
        with pytest.raises(error):  # noqa: SIM117
            with urllib.request.urlopen(f"{server.url}/x", timeout=0.2) as answer:
                answer.read()

    @pytest.mark.parametrize("reply", [Reply.EMPTY, Reply.BAD_JSON, Reply.text("é")])
    def test_odd_bodies(self, server: RecordingServer, reply: Reply) -> None:
        server.on("/x", reply)
        assert self.get(f"{server.url}/x") == (200, reply.body)

    def test_port_is_free_again_at_the_end(self) -> None:
        with RecordingServer({"/": Reply().after(30)}) as server:
            port = int(server.url.rpartition(":")[2])
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_migrate_runs_the_tool_in_the_folder(project: Any) -> None:
    done = migrate(project({"actions.py": ""}), "--no-such-option")
    assert done.returncode != 0
