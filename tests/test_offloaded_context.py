"""What offloaded code keeps of where it stood: context variables, exceptions, the ways out of a block, its names."""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import linecache
import textwrap
import traceback
from pathlib import Path
from typing import Any

import pytest
from execution import action_call, loaded, run_action
from fixture_cases import counts, migrate_tree

TRACE = '''
    """The tracing that a server sets up around each call."""

    import threading
    from contextvars import ContextVar

    TRACE_ID = ContextVar("trace_id", default="lost")


    def traced(text):
        return f"{text} {TRACE_ID.get()} in {threading.current_thread().name.rpartition('_')[0] or 'the loop'}"
'''
HEAD = """
import json

from rasa_sdk import Action

from .trace import traced


"""


def action(body: str, define: str = "def", helpers: str = "") -> str:
    """A module with an action whose `run` has these statements."""
    run = f"{define} run(self, dispatcher, tracker, domain):\n"
    statements = textwrap.indent(textwrap.dedent(body).strip("\n"), " " * 8)
    name = '    def name(self):\n        return "action_it"\n\n'
    return f"{HEAD}{textwrap.dedent(helpers)}\n\nclass It(Action):\n{name}    {run}{statements}\n"


@pytest.fixture
def bot(project: Any) -> Any:
    """Writes the bot with that action, and the files that it reads."""

    def write(body: str, files: dict[str, str] | None = None, **how: str) -> Path:
        module = action(body, **how)
        texts = {"actions/__init__.py": "", "actions/trace.py": TRACE, "actions/actions.py": module}
        folder: Path = project(texts)
        for name, text in (files or {"menu.txt": "soup\nfish\n", "order.txt": "0 1"}).items():
            (folder / name).write_text(text, encoding="utf-8")
        return folder

    return write


LINES = """
def lines():
    with open("menu.txt") as file:
        return [traced(line.strip()) for line in file]


def ordered(numbers):
    with open("menu.txt") as file:
        dishes = file.read().split()
    return [traced(dishes[int(number)]) for number in numbers.split()]
"""


class TestContextVariables:
    """The caller's tracing id is seen in the thread, and the thread has a telling name."""

    @pytest.mark.parametrize(
        ("body", "kind", "pool"),
        [
            pytest.param(
                """
                found = lines()
                for line in found:
                    dispatcher.utter_message(text=line)
                return []
                """,
                "offloaded",
                "blocking-calls",
                id="call",
            ),
            pytest.param(
                """
                found = ordered(open("order.txt").read())
                for line in found:
                    dispatcher.utter_message(text=line)
                return []
                """,
                "offloaded",
                "blocking-calls",
                id="expression",
            ),
            pytest.param(
                """
                with open("menu.txt") as file:
                    found = [traced(line.strip()) for line in file]
                for line in found:
                    dispatcher.utter_message(text=line)
                return []
                """,
                "grouped",
                "blocking-calls",
                id="block",
            ),
            pytest.param(
                """
                for line in open("menu.txt"):
                    dispatcher.utter_message(text=traced(line.strip()))
                return []
                """,
                "moved",
                "blocking-calls",
                id="body",
            ),
            pytest.param(
                """
                with open("seen.txt", "a") as file:
                    file.write("once more")
                    found = [traced("soup"), traced("fish")]
                for line in found:
                    dispatcher.utter_message(text=line)
                return []
                """,
                "grouped",
                "one-blocking-call",
                id="block_in_the_one_thread",
            ),
        ],
    )
    def test_reach_the_thread(self, bot: Any, body: str, kind: str, pool: str) -> None:
        folder = bot(body, helpers=LINES)
        assert traced_texts(folder) == [f"{dish} trace 7 in the loop" for dish in ("soup", "fish")]
        assert counts(migrate_tree(folder))[kind] == 1
        assert traced_texts(folder) == [f"{dish} trace 7 in {pool}" for dish in ("soup", "fish")]


def traced_texts(folder: Path) -> list[str]:
    """What the action says to a caller whose tracing id is `trace 7`."""

    async def traced(executor: Any) -> list[str]:
        importlib.import_module("actions.trace").TRACE_ID.set("trace 7")
        answer = await executor.run(action_call("action_it"))
        return [message["text"] for message in answer.responses]

    with loaded(folder) as executor:
        return contextvars.copy_context().run(asyncio.run, traced(executor))


FIRST = """
def first_price():
    with open("menu.txt") as file:
        return next(line for line in file if "price" in line)
"""


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(
            """
            line = first_price()
            dispatcher.utter_message(text=line)
            return []
            """,
            "offloaded",
            id="call",
        ),
        pytest.param(
            """
            with open("menu.txt") as file:
                line = next(line for line in file if "price" in line)
            dispatcher.utter_message(text=line)
            return []
            """,
            "grouped",
            id="block",
        ),
        pytest.param(
            """
            for line in open("menu.txt"):
                dispatcher.utter_message(text=next(word for word in line.split() if word == "price"))
            return []
            """,
            "moved",
            id="body",
        ),
    ],
)
def test_stop_iteration_is_a_runtime_error(bot: Any, body: str, kind: str) -> None:
    """asyncio can't raise it from a future: it would wait for ever."""
    folder = bot(body, helpers=FIRST)
    before = run_action(folder, "action_it")
    assert counts(migrate_tree(folder))[kind] == 1
    after = run_action(folder, "action_it", limit=5)
    assert before.error is not None
    assert after.error is not None
    assert after.error.chain == before.error.chain == ("builtins.RuntimeError", "builtins.StopIteration")


class TestWaysOut:
    """`return`, `break` and `continue` lead where they led, also out of a block that went to a thread."""

    BODY = """
        found = "nothing"
        for name in ("a.txt", "b.txt", "c.txt"):
            with open(name) as file:
                text = file.read()
                if text == "skip":
                    continue
                if text == "stop":
                    break
                if text == "leave":
                    return []
                found = text
        else:
            dispatcher.utter_message(text="to the end")
        dispatcher.utter_message(text=found)
        return []
    """

    @pytest.mark.parametrize(("define", "kind"), [("def", "moved"), ("async def", "grouped")])
    @pytest.mark.parametrize(
        ("texts", "said"),
        [
            (["soup", "fish", "cake"], ["to the end", "cake"]),
            (["soup", "skip", "skip"], ["to the end", "soup"]),
            (["soup", "stop", "cake"], ["soup"]),
            (["soup", "leave", "cake"], []),
        ],
        ids=["end", "continue", "break", "return"],
    )
    def test_of_a_loop(
        self, bot: Any, define: str, kind: str, texts: list[str], said: list[str | None]
    ) -> None:
        folder = bot(self.BODY, dict(zip(["a.txt", "b.txt", "c.txt"], texts, strict=True)), define=define)
        assert run_action(folder, "action_it").texts == said
        assert counts(migrate_tree(folder))[kind] == 1
        assert run_action(folder, "action_it").texts == said

    BLOCK_IN_A_LOOP = """
        for name in ("a.txt", "b.txt"):
            reply = await answer(name)
            with open(name) as file:
                if file.read() == "stop":
                    {way_out}
                reply += " and more"
            dispatcher.utter_message(text=reply)
        dispatcher.utter_message(text="Bye")
        return []
    """
    ANSWER = """
        async def answer(name):
            return name
    """

    @pytest.mark.parametrize(
        ("way_out", "grouped", "said"),
        [
            ('reply = "No"', 1, ["a.txt and more", "No and more", "Bye"]),
            ("break", 0, ["a.txt and more", "Bye"]),
            ("continue", 0, ["a.txt and more", "Bye"]),
            ("return []", 0, ["a.txt and more"]),
        ],
        ids=["none", "break", "continue", "return"],
    )
    def test_of_a_block_in_a_loop_that_awaits(
        self, bot: Any, way_out: str, grouped: int, said: list[str | None]
    ) -> None:
        """The loop can't go to a thread as a whole, nor can a block that leads out of it: that one is reported."""
        body = self.BLOCK_IN_A_LOOP.format(way_out=way_out)
        files = {"a.txt": "soup", "b.txt": "stop"}
        folder = bot(body, files, define="async def", helpers=self.ANSWER)
        assert run_action(folder, "action_it").texts == said
        result = migrate_tree(folder)
        assert counts(result)["grouped"] == grouped
        assert {finding.rule for finding in result.findings} == (set() if grouped else {"RA101"})
        assert run_action(folder, "action_it").texts == said


PRICES = """
def prices():
    with open("menu.txt") as file:
        return json.load(file)
"""


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param("found = prices()\nreturn [found]", "offloaded", id="call"),
        pytest.param(
            """
            with open("menu.txt") as file:
                found = json.load(file)
            dispatcher.utter_message(text=found["soup"])
            return []
            """,
            "grouped",
            id="block",
        ),
        pytest.param('for line in open("menu.txt"):\n    json.loads(line)\nreturn []', "moved", id="body"),
    ],
)
def test_exceptions_keep_their_type_and_traceback(bot: Any, body: str, kind: str) -> None:
    folder = bot(body, helpers=PRICES)
    before = raised(folder)
    assert counts(migrate_tree(folder))[kind] == 1
    assert raised(folder) == before
    assert before[0] == "JSONDecodeError"


def raised(folder: Path) -> tuple[str, str, str]:
    """What the action raises: the type, the text, and what the project's line that did calls in `json`."""
    with loaded(folder) as executor, pytest.raises(ValueError) as caught:  # noqa: PT011
        asyncio.run(executor.run(action_call("action_it")))
    linecache.clearcache()  # the migration has changed the file
    frames = traceback.extract_tb(caught.value.__traceback__)
    line = [frame.line or "" for frame in frames if Path(frame.filename).parent.name == "actions"][-1]
    return type(caught.value).__name__, str(caught.value), line.partition("json")[2]


@pytest.mark.parametrize("define", ["def", "async def"])
@pytest.mark.parametrize(
    ("text", "said"), [("7", ["done: 7"]), ("soup", ["read: soup"])], ids=["success", "failure"]
)
def test_names_that_a_block_set_are_seen_after_its_failure(
    bot: Any, define: str, text: str, said: list[str | None]
) -> None:
    folder = bot(
        """
        step, text = "began", None
        try:
            with open("menu.txt") as file:
                step = "opened"
                text = file.read()
                step = "read"
                int(text)
                step = "done"
        except ValueError:
            dispatcher.utter_message(text=f"{step}: {text}")
            return []
        dispatcher.utter_message(text=f"{step}: {text}")
        return []
        """,
        {"menu.txt": text},
        define=define,
    )
    assert run_action(folder, "action_it").texts == said
    kind = "moved" if define == "def" else "grouped"
    assert counts(migrate_tree(folder))[kind] == 1
    assert run_action(folder, "action_it").texts == said
