"""Two hundred conversations at once write to what they share, before and after the migration.

The project in `fixtures/stress` keeps what it knows in one connection and one cursor for all, in a database
that each call opens, and in files that are read, changed and written back. The event loop let one action in at
a time; the migrated one must keep them apart as well: no error, no row and no count may be lost. That this
test would see a loss is shown by threads without the tool's care, which do lose some.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from execution import action_call, loaded, rows
from fixture_cases import FIXTURES, migrate_tree

from benchmarks.action_server import ActionServer

pytestmark = pytest.mark.slow

CONVERSATIONS = 200
GUESTS = [f"guest {number}" for number in range(CONVERSATIONS)]
PAUSE = 0.001  # seconds that each read or statement takes longer, so that two calls surely meet
NAIVE = "import asyncio\n\nin_thread = in_one_thread = asyncio.to_thread\n"
Kept = Callable[[Path], Any]


@dataclass(frozen=True)
class Result:
    """What came of the conversations: their messages, their errors, and what they left, each in order."""

    texts: list[str]
    errors: list[str]
    kept: Any


# --- what is left ----------------------------------------------------------------------------------


def columns(database: str, query: str) -> Kept:
    """The columns that a query finds, each sorted by itself: which guest came first is no matter."""
    read = rows(database, query)
    return lambda folder: [sorted(column) for column in zip(*read(folder), strict=True)]


def votes(folder: Path) -> list[str]:
    return sorted(json.loads((folder / "votes.json").read_text(encoding="utf-8")))


def stamps(folder: Path) -> list[Any]:
    card = json.loads((folder / "stamps.json").read_text(encoding="utf-8"))
    return [sorted(card), sorted(card.values())]


def signed(folder: Path) -> list[list[str]]:
    with (folder / "guests.csv").open(newline="", encoding="utf-8") as file:
        return sorted(csv.reader(file))


def notes(folder: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((folder / "notes.json").read_text(encoding="utf-8"))
    return found


KEPT: dict[str, Kept] = {
    "action_book": columns("hotel.db", "SELECT guest, last FROM bookings, counter"),
    "action_count_up": columns("hotel.db", "SELECT last FROM counter"),
    "action_write": columns("hotel.db", "SELECT number, guest FROM letters"),
    "action_log": columns("log.db", "SELECT guest FROM log"),
    "action_vote": votes,
    "action_stamp": stamps,
    "action_sign": signed,
    "action_note": notes,
}
# What threads alone would get wrong; SQLite and the system's appending keep the others apart by themselves.
FRAGILE = ["action_book", "action_count_up", "action_write", "action_vote", "action_stamp", "action_note"]


# --- the project -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as the tool leaves it, before anything was run."""
    folder = copied(FIXTURES / "stress", tmp_path_factory.mktemp("stress") / "migrated")
    migrate_tree(folder)
    return folder


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """What comes of each action in the project as it was, all by itself."""
    folder = tmp_path_factory.mktemp("stress")
    return {action: talk(copied(FIXTURES / "stress", folder / action), [action]) for action in KEPT}


def copied(project: Path, to: Path) -> Path:
    shutil.copytree(project, to, ignore=shutil.ignore_patterns("__pycache__"))
    return to


# One statement at a time: two threads inside of a cursor crash Python, which wouldn't tell what gets lost.
STATEMENT = threading.Lock()


class SlowCursor(sqlite3.Cursor):
    def execute(self, *arguments: Any) -> SlowCursor:
        with STATEMENT:
            super().execute(*arguments)
        time.sleep(PAUSE)
        return self

    def fetchone(self) -> Any:
        with STATEMENT:
            return super().fetchone()


class SlowConnection(sqlite3.Connection):
    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        return self.cursor().execute(*arguments)

    def cursor(self, factory: Any = SlowCursor) -> Any:
        return super().cursor(factory)

    def commit(self) -> None:
        with STATEMENT:
            super().commit()


def slow(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with a pause at its end."""

    def call(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        time.sleep(PAUSE)
        return result

    return call


@contextlib.contextmanager
def slow_input_and_output() -> Iterator[None]:
    """Let what the project uses take its time, so that threads that may meet do."""
    with (
        mock.patch("sqlite3.connect", partial(sqlite3.connect, factory=SlowConnection)),
        mock.patch("json.load", slow(json.load)),
        mock.patch("json.dump", slow(json.dump)),
    ):
        yield


# --- the conversations -----------------------------------------------------------------------------


def talk(folder: Path, actions: Sequence[str]) -> Result:
    """Let all conversations call the actions in one event loop, each one after the other."""
    texts: list[str] = []
    errors: list[str] = []

    async def converse(executor: Any, guest: str) -> None:
        for action in actions:
            call = action_call(action, slots={"guest": guest}, sender_id=guest)
            try:
                answer = await executor.run(call)
            except Exception as error:
                errors.append(f"{action}: {error!r}")
            else:
                texts.extend(message["text"] for message in answer.responses)

    async def together(executor: Any) -> None:
        await asyncio.gather(*(converse(executor, guest) for guest in GUESTS))

    with loaded(folder) as executor:
        asyncio.run(together(executor))
    return Result(sorted(texts), sorted(errors), kept(folder, actions))


def kept(folder: Path, actions: Sequence[str]) -> list[Any]:
    """What the actions left, as far as it can be read; what can't is an error's text."""
    found: list[Any] = []
    for action in actions:
        try:
            found.append(KEPT[action](folder) if action in KEPT else None)
        except (OSError, ValueError, sqlite3.Error) as error:
            found.append(repr(error))
    return found


def talk_to_server(folder: Path, actions: Sequence[str]) -> Result:
    """The same, as 200 clients of an action server with one worker."""
    with ActionServer(folder) as server, ThreadPoolExecutor(CONVERSATIONS) as threads:

        def converse(guest: str) -> list[Any]:
            return [server.call(action, slots={"guest": guest}) for action in actions]

        answers = [answer for all_of_one in threads.map(converse, GUESTS) for answer in all_of_one]
    texts = sorted(text for answer in answers if answer.status == 200 for text in answer.texts if text)
    errors = sorted(str(answer) for answer in answers if answer.status != 200)
    return Result(texts, errors, kept(folder, actions))


# --- the tests -------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", KEPT)
def test_conversations_lose_nothing(
    before: dict[str, Result], migrated: Path, tmp_path: Path, action: str
) -> None:
    assert before[action].errors == []
    assert len(before[action].texts) == CONVERSATIONS
    with slow_input_and_output():
        after = talk(copied(migrated, tmp_path / "after"), [action])
    assert after == before[action]


@pytest.mark.parametrize("action", FRAGILE)
def test_threads_alone_would_lose_something(
    before: dict[str, Result], migrated: Path, tmp_path: Path, action: str
) -> None:
    naive = copied(migrated, tmp_path / "naive")
    (naive / "actions" / "_blocking_calls.py").write_text(NAIVE, encoding="utf-8")
    with slow_input_and_output():
        after = talk(naive, [action])
    assert after != before[action]


@pytest.mark.parametrize("talk", [talk, talk_to_server], ids=["event_loop", "action_server"])
def test_actions_that_share_lose_nothing(
    before: dict[str, Result],
    migrated: Path,
    tmp_path: Path,
    talk: Callable[[Path, Sequence[str]], Result],
) -> None:
    """Each conversation calls all of these; the first three are on one connection, and two on one counter."""
    after = talk(copied(migrated, tmp_path / "after"), FRAGILE)
    assert after.errors == []
    last, each = 2 * CONVERSATIONS, [*range(1, CONVERSATIONS + 1)]
    numbers = numbers_said(after.texts)
    assert sorted(numbers.pop("Booking") + numbers.pop("Visit")) == [*range(1, last + 1)]
    assert numbers == {"Letter": each, "Note": each, "Stamp": each, "Vote": each}
    assert after.kept == [
        [sorted(GUESTS), [last] * CONVERSATIONS],
        [[last]],
        *(before[a].kept[0] for a in FRAGILE[2:]),
    ]


def test_two_packages_take_turns_with_each_other(project: Any) -> None:
    """Each has the helpers in a module of its own, and what they use is one connection."""
    folder = project(
        {
            "store.py": STORE,
            "actions/__init__.py": "from shop import actions",
            "actions/actions.py": NEXT.format(name="Visit"),
            "shop/__init__.py": "",
            "shop/actions.py": NEXT.format(name="Order"),
        }
    )
    migrate_tree(folder)
    assert len(list(folder.rglob("_blocking_calls.py"))) == 2
    with slow_input_and_output():
        numbers = numbers_said(talk(folder, ["action_visit", "action_order"]).texts)
    assert sorted(numbers["Visit"] + numbers["Order"]) == [*range(1, 2 * CONVERSATIONS + 1)]


STORE = """
    import sqlite3

    connection = sqlite3.connect("store.db")
    connection.executescript("CREATE TABLE counter (last INTEGER); INSERT INTO counter VALUES (0);")


    def next_number():
        (last,) = connection.execute("SELECT last FROM counter").fetchone()
        connection.execute("UPDATE counter SET last = ?", (last + 1,))
        connection.commit()
        return last + 1
"""
NEXT = """
    import store
    from rasa_sdk import Action


    class {name}(Action):
        def name(self):
            return "action_{name}".lower()

        def run(self, dispatcher, tracker, domain):
            number = store.next_number()
            dispatcher.utter_message(text=f"{name} {{number}}")
            return []
"""


def numbers_said(texts: Sequence[str]) -> dict[str, list[int]]:
    """Of texts like `Booking 7 of 12`: {"Booking": the numbers that come first, sorted}."""
    found: dict[str, list[int]] = {}
    for text in texts:
        word, number, *_ = text.split()
        found.setdefault(word, []).append(int(number))
    return {word: sorted(numbers) for word, numbers in found.items()}
