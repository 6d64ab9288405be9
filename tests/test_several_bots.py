"""Several bots in one repository, each on an SDK of its own: what is decided for one isn't decided for the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixture_cases import migrate_tree

from rasa_asyncify.changes import Result
from rasa_asyncify.emitted import HELPERS

RUN = "    def run(self, dispatcher, tracker, domain):\n"
SLEEP = "        time.sleep(0.01)\n        return []\n"
ACTION = f"import time\nfrom rasa_sdk import Action\nclass A(Action):\n    def name(self): return 'a'\n{RUN}{SLEEP}"
QUERY = (
    "import time\nfrom rasa_sdk.knowledge_base.actions import ActionQueryKnowledgeBase\n"
    f"class Q(ActionQueryKnowledgeBase):\n{RUN}        time.sleep(0.01)\n"
    "        return super().run(dispatcher, tracker, domain)\n"
)
FORM = (
    "import time\nfrom rasa_sdk.forms import FormAction\nclass F(FormAction):\n    def name(self): return 'f'\n"
    f"    def submit(self, dispatcher, tracker, domain):\n{SLEEP}"
)
ASK = (
    "import requests\nfrom rasa_sdk import Action\nclass A(Action):\n    def name(self): return 'a'\n"
    f"{RUN}        requests.get('http://a.test/x', timeout=5)\n        return []\n"
)
OLD, NEW = "rasa-sdk==1.2.0\n", "rasa-sdk==3.6.2\n"


def migrated(folder: Path, files: dict[str, str]) -> tuple[Result, dict[str, str]]:
    """Migrate a project of these files; what they are afterwards."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    result = migrate_tree(folder)
    assert not result.errors
    return result, {name: (folder / name).read_text(encoding="utf-8") for name in files}


def found(result: Result, root: Path) -> list[str]:
    return [f"{f.rule} {f.path.relative_to(root.resolve()).as_posix()}" for f in result.findings]


PINS = {
    "1.2": ("setup.cfg", "[options]\ninstall_requires =\n    rasa-sdk==1.2.0\n"),
    "1.6": ("pyproject.toml", "[project]\nname = 'b'\ndependencies = ['rasa-sdk~=1.6.0']\n"),
    "2.8": ("Dockerfile", "FROM rasa/rasa-sdk:2.8.4\n"),
    "3.6": ("requirements/base.txt", "rasa-sdk==3.6.2\n"),
}


@pytest.mark.parametrize("at_root", [None, *PINS])
def test_each_bot_by_its_own_pin(tmp_path: Path, at_root: str | None) -> None:
    """Four bots side by side, each pinned in another kind of file, whatever the root says."""
    files = {}
    for version, (name, text) in PINS.items():
        bot = f"bot{version.replace('.', '')}"
        files |= {f"{bot}/{name}": text, f"{bot}/actions.py": ACTION}
        files |= {f"{bot}/query.py": QUERY, f"{bot}/form.py": FORM}
    if at_root:
        name, text = PINS[at_root]
        files[name] = text
    result, after = migrated(tmp_path, files)
    asynchronous = {name for name in after if "async def" in after[name]}
    assert asynchronous == {
        *(f"bot{v}/{name}.py" for v in ("16", "28", "36") for name in ("actions", "query")),
        *(f"bot{v}/form.py" for v in ("28", "36")),
    }
    awaiting = {name for name in after if "await super().run(" in after[name]}
    assert awaiting == {"bot28/query.py", "bot36/query.py"}
    assert found(result, tmp_path) == ["RA103 bot12/setup.cfg", "RA104 bot16/form.py"]


@pytest.mark.parametrize(
    ("heirs", "expected"),
    [
        ({"old": "1.6.0"}, "        return super().run("),
        ({"new": "3.6.2"}, "        return await super().run("),
        ({"old": "1.6.0", "new": "3.6.2"}, None),
        ({"old": "1.2.0", "new": "3.6.2"}, None),
    ],
)
def test_a_base_that_asks_the_sdk(tmp_path: Path, heirs: dict[str, str], expected: str | None) -> None:
    """What `super().run()` gives is up to the SDKs of the classes that inherit it; if they differ, it stays."""
    files = {"requirements.txt": NEW, "shared/base.py": QUERY}
    for bot, version in heirs.items():
        files[f"{bot}/requirements.txt"] = f"rasa-sdk=={version}\n"
        files[f"{bot}/actions.py"] = (
            "from shared.base import Q\nclass A(Q):\n    def name(self): return 'a'\n"
        )
    result, after = migrated(tmp_path, files)
    if expected is None:
        assert after["shared/base.py"] == QUERY
        assert "RA101 shared/base.py" in found(result, tmp_path)
    else:
        assert "async def run" in after["shared/base.py"]
        assert expected in after["shared/base.py"]


@pytest.mark.parametrize(
    ("base", "expected"),
    [("        return []\n", True), ("        return super().run(dispatcher, tracker, domain)\n", False)],
)
def test_only_what_the_old_bot_runs_is_kept(tmp_path: Path, base: str, expected: bool) -> None:
    """An override hides what it doesn't call."""
    child = f"from shared.base import A\nclass C(A):\n{RUN}{base}"
    files = {
        "requirements.txt": NEW,
        "shared/base.py": ACTION,
        "old/requirements.txt": OLD,
        "old/actions.py": child,
    }
    _, after = migrated(tmp_path, files)
    assert ("async def run" in after["shared/base.py"]) == expected
    assert after["old/actions.py"] == child


CORE = ACTION.replace("rasa_sdk", "rasa_core_sdk")
GUESS = "def test_a(load):\n    assert load('A').run(None, None, {}) == []\n"


@pytest.mark.parametrize(
    ("files", "test", "wrapped", "expected"),
    [
        ({"old/requirements.txt": OLD, "old/actions.py": ACTION}, "old/tests/test_a.py", False, []),
        ({"old/actions.py": CORE}, "old/tests/test_a.py", False, []),
        ({"old/actions.py": CORE}, "new/tests/test_a.py", True, []),
        ({"old/actions.py": CORE}, "tests/test_a.py", False, ["RA102 tests/test_a.py"]),
        ({}, "tests/test_a.py", True, []),
    ],
)
def test_tests_that_run_an_unknown_action(
    tmp_path: Path, files: dict[str, str], test: str, wrapped: bool, expected: list[str]
) -> None:
    """They are for the bot beside them; those of one that is left alone stay as they are."""
    new = {"new/requirements.txt": NEW, "new/actions.py": ACTION, test: GUESS}
    result, after = migrated(tmp_path, {**new, **files})
    assert "async def run" in after["new/actions.py"]
    assert ("asyncio.run(" in after[test]) == wrapped
    assert wrapped or after[test] == GUESS
    assert [f for f in found(result, tmp_path) if "RA103" not in f] == expected


def test_tests_of_the_root_are_not_left_alone_with_its_bot(tmp_path: Path) -> None:
    test = "from new.bot import A\ndef test_a():\n    assert A().run(None, None, {}) == []\n"
    files = {"requirements.txt": OLD, "actions.py": ACTION, "new/requirements.txt": NEW, "new/bot.py": ACTION}
    _, after = migrated(tmp_path, {**files, "tests/test_a.py": test})
    assert "asyncio.run(A().run(" in after["tests/test_a.py"]
    assert after["actions.py"] == ACTION


def test_fixtures_of_the_same_name(tmp_path: Path) -> None:
    """A test gets the one of its own bot's `conftest.py`."""
    fixture = "import pytest\nfrom actions import A\n@pytest.fixture\ndef action():\n    return A()\n"
    test = "def test_a(action):\n    assert action.run(None, None, {}) == []\n"
    files = {"old/requirements.txt": OLD, "new/requirements.txt": NEW}
    for bot in ("old", "new"):
        files |= {
            f"{bot}/actions.py": ACTION,
            f"{bot}/tests/conftest.py": fixture,
            f"{bot}/tests/test_a.py": test,
        }
    _, after = migrated(tmp_path, files)
    assert after["old/tests/test_a.py"] == test
    assert "asyncio.run(action.run(" in after["new/tests/test_a.py"]


PATCHED = "from unittest.mock import patch\n@patch('requests.get')\ndef test_a(get): pass\n"
THROUGH = {
    "a/actions.py": ASK.replace("requests.get('http://a.test/x', timeout=5)", "f()").replace(
        "import requests", "from shared.one import f"
    ),
    "shared/one.py": "from shared.two import g\ndef f(): return g()\n",
    "shared/two.py": "import requests\ndef g():\n    return requests.get('http://a.test/x').text\n",
}


@pytest.mark.parametrize(
    ("files", "native"),
    [
        ({"a/actions.py": ASK, "b/actions.py": ASK, "a/tests/test_a.py": PATCHED}, {"b/actions.py"}),
        ({"a/actions.py": ASK, "b/actions.py": ASK, "tests/test_a.py": PATCHED}, set()),
        (
            {"a/actions.py": ASK, "b/actions.py": ASK, "b/tests/test_b.py": "import responses\n"},
            {"a/actions.py"},
        ),
        ({**THROUGH, "a/tests/test_a.py": "import responses\nfrom actions import A\n"}, set()),
        ({**THROUGH, "a/tests/test_a.py": "from actions import A\n"}, {"shared/two.py"}),
        (
            {**THROUGH, "a/tests/conftest.py": "import responses\n", "a/tests/test_a.py": "import actions\n"},
            set(),
        ),
    ],
)
def test_what_tests_replace(tmp_path: Path, files: dict[str, str], native: set[str]) -> None:
    """It concerns the bot beside the tests, and all that they import, directly or not."""
    _, after = migrated(tmp_path, files)
    assert {name for name, text in after.items() if "aiohttp" in text} == native


def test_all_mocks_are_named(tmp_path: Path) -> None:
    tests = {"tests/test_a.py": "import responses\n", "tests/test_b.py": "def test_b(requests_mock): pass\n"}
    result, _ = migrated(tmp_path, {"actions.py": ASK, **tests})
    reasons = [edit.reason for plan in result.plan.modules.values() for edit in plan.edits]
    assert any("the tests answer requests with requests_mock and responses" in reason for reason in reasons)


def test_a_connection_of_a_module_that_is_left_alone(tmp_path: Path) -> None:
    """It can't be opened for other threads there, and that is said."""
    use = ASK.replace("import requests", "from old.db import C").replace(
        "requests.get('http://a.test/x', timeout=5)", "C.execute('select 1').fetchone()"
    )
    files = {
        "requirements.txt": NEW,
        "old/requirements.txt": OLD,
        "old/actions.py": ACTION,
        "new/actions.py": use,
    }
    database = "import sqlite3\nC = sqlite3.connect(':memory:')\n"
    result, after = migrated(tmp_path, {**files, "old/db.py": database})
    assert after["old/db.py"] == database
    assert "RA102 old/db.py" in found(result, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kinds", "shared"),
    [
        ({"a": "shared", "b": "per-call"}, {"a": True, "b": False, "c": False}),
        ({"a": "shared"}, {"a": True, "b": True, "c": True}),
        ({"b": "per-call"}, {"a": False, "b": False, "c": False}),
    ],
)
def test_each_bot_keeps_its_client_sessions(
    tmp_path: Path, kinds: dict[str, str], shared: dict[str, bool]
) -> None:
    """A bot that grows goes on as it was; one that is new follows the others, if they agree."""
    call = ASK.replace("'http://a.test/x'", "tracker.get_slot('url')")
    mark = HELPERS["http_session"].mark
    for bot, kind in kinds.items():
        (tmp_path / bot).mkdir()
        setting = {f"{bot}/pyproject.toml": f"[tool.rasa-asyncify]\nhttp-session = '{kind}'\n"}
        migrated(
            tmp_path / bot,
            {f"actions/{n}.py": call for n in ("__init__", "one")}
            | {name.partition("/")[2]: text for name, text in setting.items()},
        )
        (tmp_path / bot / "pyproject.toml").unlink()
    files = {f"{bot}/actions/more.py": call for bot in shared} | {
        f"{bot}/actions/__init__.py": call for bot in shared if bot not in kinds
    }
    migrated(tmp_path, files)
    texts = {bot: [p.read_text(encoding="utf-8") for p in (tmp_path / bot).rglob("*.py")] for bot in shared}
    assert {bot: any(mark in text for text in texts[bot]) for bot in shared} == shared
