"""Decisions by the rules and lines of the edits and findings that they lead to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from planning import ROOT, edits_of, in_action, plan_of

from rasa_asyncify import engine
from rasa_asyncify.catalogue.own import Entry, OwnEntries
from rasa_asyncify.config import Config
from rasa_asyncify.plan import ModulePlan
from rasa_asyncify.rewrite import module as rewriting
from rasa_asyncify.rewrite.module import Rewritten

# What the action does, and what is decided for it beside RA001.
DECISIONS = {
    "a sleep": ("time.sleep(1)", [("RA010", 10)]),
    "a sleep that fails": ("time.sleep(-1)", [("RA030", 10)]),
    "a sleep whose time is unpacked": ("time.sleep(*pauses)", [("RA030", 10)]),
    "a process": ("subprocess.run(['x'])", [("RA030", 10)]),
    "in a comprehension": ("return [subprocess.run(x) for x in domain]", [("RA030", 10)]),
    "a request with what only requests does": ("requests.get('http://h/p', stream=True)", [("RA030", 10)]),
    "a request": ("requests.get('http://h/p')", [("RA020", 10)]),
    "a request as an argument": ("print(requests.get('http://h/p'))", [("RA020", 10)]),
    "a request of httpx": ("import httpx\nhttpx.get('http://h')", [("RA022", 11)]),
    "a body that looks at all its variables": (
        "db = sqlite3.connect('x')\ndb.execute('x')\nprint(locals())",
        [("RA031", 9)],
    ),
    "statements that belong together": (
        "with sqlite3.connect('x') as db:\n    db.execute('x')\nprint(1)",
        [("RA033", 10)],
    ),
}


@pytest.mark.parametrize("case", DECISIONS)
def test_decisions(case: str) -> None:
    code, expected = DECISIONS[case]
    found = edits_of(plan_of({"actions.py": in_action(code)}))
    assert found == (expected if expected == [("RA031", 9)] else [("RA001", 9), *expected])


def test_a_helper_that_waits() -> None:
    files = {"actions.py": in_action("helper()") + "\n\ndef helper():\n    time.sleep(1)\n"}
    assert edits_of(plan_of(files)) == [("RA001", 9), ("RA003", 13), ("RA004", 10), ("RA010", 14)]


def test_a_helper_with_a_caller_outside() -> None:
    """It stays as it is and goes to a thread, which `-v` tells."""
    action = in_action("helper()") + "\n\ndef helper():\n    time.sleep(1)\n"
    files = {"actions.py": action, "script.py": "from actions import helper\n\nhelper()\n"}
    plan = plan_of(files, given=["actions.py"])
    assert edits_of(plan) == [("RA001", 9), ("RA030", 10)]
    assert [(note.rule, note.line) for note in plan.notes] == [("RA105", 13)]
    assert plan.wider == {ROOT / "script.py"}


def test_a_connection_that_is_kept() -> None:
    """It is opened without the check of its thread, once another uses it."""
    action = in_action("DB.execute('x')").replace("class", "DB = sqlite3.connect('x')\n\nclass")
    assert edits_of(plan_of({"actions.py": action})) == [("RA001", 11), ("RA030", 12), ("RA032", 8)]


def test_a_replacement_that_the_settings_name() -> None:
    own = OwnEntries((Entry("mylib.fetch", "mylib.fetch_soon"),))
    plan = plan_of({"actions.py": in_action("import mylib\nmylib.fetch(1)")}, own=own)
    assert edits_of(plan) == [("RA001", 9), ("RA023", 11)]


TEST = """\
from actions import ActionIt

def call():
    return ActionIt().run(None, None, {})

"""
# What a test does with `helper`, and what happens there.
CALLERS = {
    "a plain test": ("def test_it():\n    helper(1)\n", [("RA005", 4)]),
    "an async test": ("async def test_it():\n    helper(1)\n", [("RA004", 4)]),
    "an async test by way of a plain function": (
        "def by_way():\n    helper(1)\n\nasync def test_it():\n    by_way()\n",
        [],
    ),
    "run already": ("import asyncio\n\ndef test_it():\n    asyncio.run(helper(1))\n", []),
}


@pytest.mark.parametrize("case", CALLERS)
def test_callers_in_tests(case: str) -> None:
    """A loop that runs can't run a second one: there the helper stays as it is, and goes to a thread."""
    code, expected = CALLERS[case]
    action = in_action("return helper(1)") + "\n\ndef helper(seconds):\n    time.sleep(seconds)\n"
    plan = plan_of({"actions.py": action, "test_it.py": f"from actions import helper\n\n{code}"})
    assert edits_of(plan, "test_it.py") == expected
    if case == "an async test by way of a plain function":
        assert edits_of(plan) == [("RA001", 9), ("RA030", 10)]


def test_methods_have_a_rule_of_their_own() -> None:
    code = (
        "import time\n\nfrom rasa_sdk import FormValidationAction\n\n\n"
        "class ValidateIt(FormValidationAction):\n"
        "    def validate_city(self, value, dispatcher, tracker, domain):\n        time.sleep(1)\n        return {}\n"
    )
    assert edits_of(plan_of({"actions.py": code})) == [("RA002", 7), ("RA010", 8)]


def test_what_a_second_run_would_change_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each result is read again: a rewrite that forgets a call must not be written."""
    path = tmp_path / "actions.py"
    path.write_text(in_action("subprocess.run(['x'])"), encoding="utf-8")
    rewrite = rewriting.rewrite

    def forgetful(text: str, plan: ModulePlan) -> Rewritten:
        rewritten = rewrite(text, plan)
        after = rewritten.after.replace("await _in_thread(subprocess.run, ['x'])", "subprocess.run(['x'])")
        return replace(rewritten, after=after)

    monkeypatch.setattr(rewriting, "rewrite", forgetful)
    result = engine.migrate([path], tmp_path, Config())
    assert not result.changes
    assert ["a second run would change it again" in error.cause for error in result.errors] == [True]


# A finding's rule, the code of the action that leads to it, and the line that it names; it is said with its code.
FINDINGS = [
    ("RA108", "db = domain.database\ndb.execute('select 1')", 11),
    ("RA111", "import sklearn.cluster\nsklearn.cluster.KMeans().fit(domain)", 11),
    ("RA112", "requests.post('http://h/p', json={})\nrequests.post('http://h/q', json={})", 10),
    ("RA116", "import os\nos.chdir('x')\nsubprocess.run(['x'])", 11),
    ("RA117", "import random\nrandom.seed(1)\nsubprocess.run(['x'])", 11),
]


@pytest.mark.parametrize(("rule", "code", "line"), FINDINGS)
def test_findings(rule: str, code: str, line: int) -> None:
    plan = plan_of({"actions.py": in_action(code)})
    assert (rule, line) in {
        (f.rule, f.line) for f in [*plan.findings, *plan.notes] if f.path == ROOT / "actions.py"
    }
