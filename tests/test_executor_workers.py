"""`executor-workers`: how many threads the blocking calls of a package share."""

from __future__ import annotations

import asyncio
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from execution import action_call, loaded, pickled, run_action, run_together
from recording_server import RecordingServer

from rasa_asyncify.cli import main

SHELL = """
    import subprocess
    import sys

    from rasa_sdk import Action


    class ActionShell(Action):
        def name(self):
            return "action_shell"

        def run(self, dispatcher, tracker, domain):
            text = subprocess.check_output([sys.executable, "-S", "-c", "print(7)"], text=True)
            dispatcher.utter_message(text=text.strip())
            return []
"""
# Waits in a thread, and says in which.
THREAD = """
    import threading

    from rasa_sdk import Action


    def thread():
        threading.Event().wait(0.2)
        return threading.current_thread().name


    class ActionThread(Action):
        def name(self):
            return "action_thread"

        def run(self, dispatcher, tracker, domain):
            dispatcher.utter_message(text=thread())
            return []
"""
HTTP = """
    import os

    import requests
    from rasa_sdk import Action


    class ActionAsk(Action):
        def name(self):
            return "action_ask"

        def run(self, dispatcher, tracker, domain):
            answer = requests.get(os.environ["API_URL"] + "/weather", timeout=5)
            dispatcher.utter_message(text=answer.text)
            return []
"""
# What must not be used by two at once has a thread of its own.
FILE = """
    from rasa_sdk import Action


    class ActionNote(Action):
        def name(self):
            return "action_note"

        def run(self, dispatcher, tracker, domain):
            with open("notes.txt", "a", encoding="utf-8") as notes:
                notes.write("x")
            return []
"""
POOL = re.compile(r'ThreadPoolExecutor\(\s*max_workers=(\d+), thread_name_prefix="([\w-]+)"\s*\)')


def package(project: Any, settings: str = "", **modules: str) -> Path:
    """A project with a package of these modules."""
    files = {f"actions/{name}.py": text for name, text in modules.items()}
    table = f"[tool.rasa-asyncify]\n{settings}\n"
    folder: Path = project({"actions/__init__.py": "", "pyproject.toml": table, **files})
    return folder


def migrate(folder: Path, *options: str) -> list[str]:
    """Run the command line, twice: the second run must change nothing. Gives the files that were changed or added."""
    first = CliRunner().invoke(main, [*options, str(folder)])
    assert first.exit_code == 0, first.output
    again = CliRunner().invoke(main, ["--check", *options, str(folder)])
    assert "would" not in again.output, again.output
    return sorted(Path(name).name for name in re.findall(r"^(?:added|migrated) (.+)$", first.output, re.M))


def pools(folder: Path) -> dict[str, int]:
    """The pools of a project, {prefix of their threads' names: size}, each made once."""
    found: dict[str, int] = {}
    for path in sorted(folder.rglob("*.py")):
        for size, prefix in POOL.findall(path.read_text(encoding="utf-8")):
            assert prefix not in found
            found[prefix] = int(size)
    return found


# --- the number ----------------------------------------------------------------------------------

# (settings, options, what the pools have)
NUMBERS = {
    "by default": ("", (), 32),
    "by the settings": ("executor-workers = 8", (), 8),
    "by the option": ("", ("--executor-workers", "5"), 5),
    "by both": ("executor-workers = 8", ("--executor-workers", "5"), 5),
    "one": ("executor-workers = 1", (), 1),
}


@pytest.mark.parametrize(("settings", "options", "size"), NUMBERS.values(), ids=NUMBERS)
def test_of_a_package(project: Any, settings: str, options: tuple[str, ...], size: int) -> None:
    """In its private modules: the option before the settings before 32. What needs one thread keeps one."""
    folder = package(project, settings, shell=SHELL, thread=THREAD, http=HTTP, file=FILE)
    changed = migrate(folder, *options)
    assert changed == [
        "_blocking_calls.py",
        "file.py",
        "http.py",
        "shell.py",
        "thread.py",
    ]
    assert pools(folder) == {"blocking-calls": size, "one-blocking-call": 1}


@pytest.mark.parametrize(("settings", "options", "size"), NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize(
    ("module", "prefixes"),
    [(THREAD, {"blocking-calls"}), (FILE, {"one-blocking-call"})],
    ids=["in_thread", "in_one_thread"],
)
def test_of_a_lone_module(
    project: Any, module: str, prefixes: set[str], settings: str, options: tuple[str, ...], size: int
) -> None:
    """Under its imports, as it belongs to no package."""
    folder: Path = project({"actions.py": module, "pyproject.toml": f"[tool.rasa-asyncify]\n{settings}\n"})
    assert migrate(folder, *options) == ["actions.py"]
    assert pools(folder) == {prefix: 1 if prefix == "one-blocking-call" else size for prefix in prefixes}


@pytest.mark.parametrize(
    ("settings", "options", "message"),
    [
        ("executor-workers = 0", (), "executor-workers must be a number of threads, 1 or more, not 0"),
        ("executor-workers = -3", (), "not -3"),
        ("executor-workers = '8'", (), "not '8'"),
        ("executor-workers = 2.5", (), "not 2.5"),
        ("executor-workers = true", (), "not True"),
        ("executor-workers = []", (), "not []"),
        ("executor_workers = 8", (), "did you mean 'executor-workers'?"),
        ("", ("--executor-workers", "0"), "0 is not in the range x>=1"),
        ("", ("--executor-workers", "-1"), "-1 is not in the range x>=1"),
        ("", ("--executor-workers", "many"), "'many' is not a valid integer"),
        ("", ("--executor-workers", "2.5"), "'2.5' is not a valid integer"),
    ],
)
def test_wrong_values(project: Any, settings: str, options: tuple[str, ...], message: str) -> None:
    folder = package(project, settings, thread=THREAD)
    done = CliRunner().invoke(main, [*options, str(folder)])
    assert done.exit_code == 2
    assert message in done.output
    assert "Traceback" not in done.output
    assert sorted(path.name for path in (folder / "actions").iterdir()) == ["__init__.py", "thread.py"]


# --- afterwards ----------------------------------------------------------------------------------


def test_a_number_that_is_asked_for_later(project: Any) -> None:
    """Only the private modules change, whatever else there is."""
    folder = package(project, thread=THREAD, http=HTTP, file=FILE)
    migrate(folder)
    assert migrate(folder, "--executor-workers", "8") == ["_blocking_calls.py"]
    assert pools(folder) == {"blocking-calls": 8, "one-blocking-call": 1}


@pytest.mark.parametrize("again", [(), ("--http-session", "shared")])
def test_a_project_keeps_its_own_number(project: Any, again: tuple[str, ...]) -> None:
    """Set by hand, or by an earlier run: it stays where nothing is asked for, also where the helpers change."""
    folder = package(project, http=HTTP, thread=THREAD)
    migrate(folder, "--executor-workers", "8")
    project({"actions/file.py": FILE, "actions/shell.py": SHELL})
    migrate(folder, *again)
    assert pools(folder) == {"blocking-calls": 8, "one-blocking-call": 1}


def test_a_number_set_by_hand_stays(project: Any) -> None:
    folder = package(project, thread=THREAD)
    migrate(folder)
    path = folder / "actions/_blocking_calls.py"
    path.write_text(path.read_text().replace("max_workers=32", "max_workers=100"))
    assert migrate(folder) == []
    assert pools(folder) == {"blocking-calls": 100}


def test_a_check_tells_of_another_number(project: Any) -> None:
    folder = package(project, thread=THREAD)
    migrate(folder)
    checked = CliRunner().invoke(main, ["--check", "--executor-workers", "8", str(folder)])
    assert checked.exit_code == 1
    assert "_blocking_calls.py" in checked.output
    assert pools(folder) == {"blocking-calls": 32}


def test_a_lone_module_that_grows_keeps_one_pool(project: Any) -> None:
    folder: Path = project({"actions.py": THREAD})
    migrate(folder, "--executor-workers", "8")
    path = folder / "actions.py"
    text = path.read_text()
    action = text[text.index("class ActionThread") :].replace("ActionThread", "ActionOther")
    action = action.replace("action_thread", "action_other").replace("await _in_thread(thread)", "thread()")
    path.write_text(f"{text}\n\n{action.replace('async def', 'def')}")
    assert migrate(folder) == ["actions.py"]
    assert pools(folder) == {"blocking-calls": 8}


# --- running -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [2, 8])
def test_as_many_run_at_once(project: Any, size: int) -> None:
    """Eight that wait for 0.2 s: in one go on 8 threads, in four goes on 2."""
    folder = package(project, thread=THREAD)
    migrate(folder, "--executor-workers", str(size))
    seconds, outcomes = run_together(folder, "action_thread", 8)
    names = {text for outcome in outcomes for text in outcome.texts}
    assert names <= {f"blocking-calls_{number}" for number in range(size)}
    assert len(names) == size
    goes = 8 / size
    assert 0.2 * goes <= seconds < 0.2 * goes + 0.4


def test_threads_are_named(project: Any) -> None:
    """So that a stack dump tells whose they are. They are started one by one, as they are needed."""
    folder = package(project, thread=THREAD)
    migrate(folder)
    assert run_action(folder, "action_thread").texts == ["blocking-calls_0"]


@pytest.mark.parametrize("layout", ["package", "lone module"])
def test_the_pool_is_not_on_the_actions(project: Any, layout: str, server: RecordingServer) -> None:
    """rasa-sdk pickles them; a pool can't be."""
    if layout == "package":
        folder = package(project, thread=THREAD, http=HTTP, file=FILE)
    else:
        folder = project({"actions.py": THREAD})
    migrate(folder)
    assert pickled(folder, env={"API_URL": server.url})
    with loaded(folder, env={"API_URL": server.url}) as executor:
        asyncio.run(executor.run(action_call("action_thread")))
        for action in executor.actions.values():
            held = vars(getattr(action, "__self__", action)).values()
            assert not any("Executor" in type(value).__name__ for value in held)


def test_nothing_starts_at_import(project: Any) -> None:
    """A thread that is started before the server forks would hang in its children."""
    folder = package(project, thread=THREAD, http=HTTP, file=FILE)
    migrate(folder)
    before = set(threading.enumerate())
    with loaded(folder):
        assert set(threading.enumerate()) <= before
