"""`blocking` and `non-blocking`: what a project says of libraries that the catalogue doesn't know, and of itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from execution import LoopReport, blocking_calls, run_action
from fixture_cases import migrate_tree, quiet_logs

from rasa_asyncify.changes import Result
from rasa_asyncify.cli import main

# A library that the catalogue doesn't know: half of it blocks, half of that has a coroutine function beside it.
LIBRARY = {
    "mycorp/__init__.py": "",
    "mycorp/crm.py": """
        import asyncio
        import time


        def lookup(name):
            time.sleep(0.01)
            return f"customer {name}"


        async def lookup_async(name):
            await asyncio.sleep(0.01)
            return f"customer {name}"


        def title(name):
            return name.title()


        class Client:
            def __init__(self, key="k"):
                self.key = key

            def find(self, name):
                time.sleep(0.01)
                return f"{self.key}:{name}"

            async def find_async(self, name):
                await asyncio.sleep(0.01)
                return f"{self.key}:{name}"

            def label(self, text):
                return f"<{text}>"


        class Connection:
            def __init__(self, name):
                time.sleep(0.01)
                self.name = name
    """,
    "mycorp/aio.py": """
        import asyncio


        async def lookup(name):
            await asyncio.sleep(0.01)
            return f"customer {name}"


        async def title(name):
            await asyncio.sleep(0.01)
            return name.title()


        async def in_thread(name):
            await asyncio.sleep(0.01)
            return f"customer {name}"
    """,
    "mycorp/fast.py": """
        import asyncio
        import time


        def search(name):
            time.sleep(0.01)
            return f"found {name}"


        async def lookup(name):
            await asyncio.sleep(0.01)
            return f"found {name}"
    """,
}
ACTIONS = """{imports}
from rasa_sdk import Action

{names}
class ActionAsk(Action):
    def name(self):
        return "action_ask"

    def run(self, dispatcher, tracker, domain):
        name = tracker.get_slot("name")
        {statement}
        dispatcher.utter_message(text=str(text))
        return []
"""


@pytest.fixture(autouse=True)
def library(project: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`mycorp` is installed, which makes it no part of the project."""
    monkeypatch.syspath_prepend(str(project(LIBRARY, "installed")))
    yield
    for name in [n for n in sys.modules if n.partition(".")[0] == "mycorp"]:
        del sys.modules[name]


def made(project: Any, settings: str, imports: str, statement: str, names: str = "", **files: str) -> Path:
    """A project with one action, which says `text`, and other modules in its package."""
    text = ACTIONS.format(imports=imports, statement=statement, names=names)
    more = {f"actions/{name}.py": content for name, content in files.items()}
    folder: Path = project(
        {
            "actions/__init__.py": "",
            "actions/actions.py": text,
            "pyproject.toml": f"[tool.rasa-asyncify]\n{settings}\n",
            **more,
        }
    )
    return folder


def migrated(folder: Path) -> Result:
    """Migrate the project, twice: the second run must change nothing."""
    first, second = migrate_tree(folder), migrate_tree(folder)
    assert not first.errors, [error.cause for error in first.errors]
    assert not second.changes
    return first


def text_of(folder: Path) -> str:
    return (folder / "actions/actions.py").read_text(encoding="utf-8")


def report(folder: Path) -> LoopReport:
    with quiet_logs():
        return blocking_calls(folder, "action_ask", slots={"name": "ada"})


def check_same(folder: Path) -> str:
    """Migrate the project and run its action before and after: the same, and the loop free. Gives its new text."""
    before = report(folder)
    migrated(folder)
    after = report(folder)
    assert before.outcome.error is None
    assert before.calls, "the case shows nothing: it doesn't block"
    assert after.outcome.behaviour == before.outcome.behaviour
    assert after.calls == []
    return text_of(folder)


# --- what blocks ---------------------------------------------------------------------------------

# (settings, import, statement, what becomes of it)
BLOCKING = {
    "a function": (
        'blocking = ["mycorp.crm.lookup"]',
        "from mycorp import crm",
        "text = crm.lookup(name)",
        "text = await in_thread(crm.lookup, name)",
    ),
    "a function by its own name": (
        'blocking = ["mycorp.crm.lookup"]',
        "from mycorp.crm import lookup as look",
        "text = look(name)",
        "text = await in_thread(look, name)",
    ),
    "all functions of a module": (
        'blocking = ["mycorp.crm.*"]',
        "import mycorp.crm",
        "text = mycorp.crm.lookup(name)",
        "text = await in_thread(mycorp.crm.lookup, name)",
    ),
    "a class that connects when it is made": (
        'blocking = ["mycorp.crm.Connection"]',
        "from mycorp.crm import Connection",
        "text = Connection(name).name",
        "text = (await in_thread(Connection, name)).name",
    ),
    "a method": (
        'blocking = ["mycorp.crm.Client.find"]',
        "from mycorp.crm import Client",
        "text = Client('x').find(name)",
        'text = await in_thread(Client("x").find, name)',
    ),
    "all methods but one": (
        'blocking = ["mycorp.crm.Client.*"]\nnon-blocking = ["mycorp.crm.Client.label"]',
        "from mycorp.crm import Client",
        "client = Client(); text = client.label(client.find(name))",
        "text = client.label(await in_thread(client.find, name))",
    ),
}


@pytest.mark.parametrize(("settings", "imports", "statement", "expected"), BLOCKING.values(), ids=BLOCKING)
def test_what_is_named_goes_to_a_thread(
    project: Any, settings: str, imports: str, statement: str, expected: str
) -> None:
    assert expected in check_same(made(project, settings, imports, statement))


def test_an_instance_of_the_module_is_followed(project: Any) -> None:
    """And one that a helper of another module gives."""
    service = """
        from mycorp.crm import Client

        CLIENT = Client("shared")


        def client():
            return CLIENT
    """
    folder = made(
        project,
        'blocking = ["mycorp.crm.Client.find"]',
        "from . import service",
        "text = service.CLIENT.find(name) + service.client().find(name)",
        service=service,
    )
    text = "".join(check_same(folder).split())
    assert "awaitin_thread(service.CLIENT.find,name)" in text
    assert "awaitin_thread(service.client().find,name)" in text


OWN = """
    from mycorp.crm import lookup


    def price(name):
        return lookup(name)


    class Shop:
        def stock(self, name):
            return lookup(name)
"""


@pytest.mark.parametrize(
    ("settings", "statement", "expected"),
    [
        ('["actions.shop.price"]', "text = shop.price(name)", "await in_thread(shop.price, name)"),
        (
            '["actions.shop.Shop.stock"]',
            "text = shop.Shop().stock(name)",
            "await in_thread(shop.Shop().stock, name)",
        ),
        ('["actions.shop.*"]', "text = shop.price(name)", "await in_thread(shop.price, name)"),
    ],
)
def test_functions_of_the_project_itself(project: Any, settings: str, statement: str, expected: str) -> None:
    """Where it is simpler to name the helper than what it calls."""
    folder = made(project, f"blocking = {settings}", "from . import shop", statement, shop=OWN)
    assert expected in check_same(folder)


# --- what doesn't block ----------------------------------------------------------------------------

# (settings, import, statement): the catalogue, or another setting, says that it blocks.
PASSING = {
    "a function of the catalogue": (
        'non-blocking = ["os.listdir"]',
        "import os",
        "text = len(os.listdir('.'))",
    ),
    "a module of the catalogue": (
        'non-blocking = ["os.*"]',
        "import os",
        "text = len(os.listdir('.'))",
    ),
    "a method of the catalogue": (
        'non-blocking = ["queue.Queue.put"]',
        "import queue",
        "text = queue.Queue().put(name)",
    ),
    "one of those that are named": (
        'blocking = ["mycorp.crm.*"]\nnon-blocking = ["mycorp.crm.title"]',
        "from mycorp.crm import title",
        "text = title(name)",
    ),
    "a method of those that are named": (
        'blocking = ["mycorp.crm.Client.*"]\nnon-blocking = ["mycorp.crm.Client.label"]',
        "from mycorp.crm import Client",
        "text = Client().label(name)",
    ),
    "a class of those that are named": (
        'blocking = ["mycorp.crm.Client.*"]\nnon-blocking = ["mycorp.crm.Client.*"]',
        "from mycorp.crm import Client",
        "text = Client().label(name)",
    ),
}


@pytest.mark.parametrize(("settings", "imports", "statement"), PASSING.values(), ids=PASSING)
def test_what_passes_stays_as_it_is(project: Any, settings: str, imports: str, statement: str) -> None:
    folder = made(project, settings, imports, statement)
    result = migrated(folder)
    assert statement.replace("'", '"') in text_of(folder).replace("'", '"')
    assert [path.name for path in (folder / "actions").iterdir() if path.name.startswith("_b")] == []
    assert (result.findings, result.plan.notes) == ([], [])


def test_a_helper_of_the_project_passes(project: Any) -> None:
    """Whatever it calls: it is said to take no time."""
    shop = """
        import os


        def rooms():
            return os.listdir(".")
    """
    folder = made(
        project,
        'non-blocking = ["actions.shop.rooms"]',
        "from . import shop",
        "text = len(shop.rooms())",
        shop=shop,
    )
    assert migrated(folder).findings == []
    assert "text = len(shop.rooms())" in text_of(folder)


# --- replacements ----------------------------------------------------------------------------------

NATIVE_FUNCTION = '{ name = "mycorp.crm.lookup", native = "mycorp.aio.lookup" }'
NATIVE_METHOD = '{ name = "mycorp.crm.Client.find", native = "find_async" }'
# (entries, import, statement, what becomes of it)
NATIVE = {
    "a function of the same module": (
        '{ name = "mycorp.crm.lookup", native = "mycorp.crm.lookup_async" }',
        "from mycorp.crm import lookup",
        "text = lookup(name)",
        "text = await lookup_async(name)",
    ),
    "a function that is imported already": (
        '{ name = "mycorp.crm.lookup", native = "mycorp.crm.lookup_async" }',
        "from mycorp.crm import lookup, lookup_async as look",
        "text = lookup(name)",
        "text = await look(name)",
    ),
    "a method": (
        NATIVE_METHOD,
        "from mycorp.crm import Client",
        "text = Client('x').find(name)",
        'text = await Client("x").find_async(name)',
    ),
    "both, in one expression": (
        f"{NATIVE_FUNCTION}, {NATIVE_METHOD}",
        "from mycorp.crm import Client, lookup",
        "text = Client('x').find(lookup(name))",
        'text = await Client("x").find_async(await lookup_(name))',
    ),
    "beside what has no replacement": (
        f'{NATIVE_METHOD}, "mycorp.crm.lookup"',
        "from mycorp.crm import Client, lookup",
        "text = Client('x').find(lookup(name))",
        'text = await Client("x").find_async(await in_thread(lookup, name))',
    ),
}


@pytest.mark.parametrize(("entries", "imports", "statement", "expected"), NATIVE.values(), ids=NATIVE)
def test_what_has_a_replacement_is_awaited(
    project: Any, entries: str, imports: str, statement: str, expected: str
) -> None:
    assert expected in check_same(made(project, f"blocking = [{entries}]", imports, statement))


def test_a_helper_becomes_a_coroutine_function_with_it(project: Any) -> None:
    folder = made(
        project, f"blocking = [{NATIVE_FUNCTION}]", "from . import shop", "text = shop.price(name)", shop=OWN
    )
    assert "text = await shop.price(name)" in check_same(folder)
    assert "async def price(name):" in (folder / "actions/shop.py").read_text()


@pytest.mark.parametrize(
    "statement",
    [
        "text = list(map(lookup, [name]))",
        "text = (lambda: lookup(name))()",
        "text = sorted([name], key=lookup)",
    ],
)
def test_where_nothing_can_be_awaited_a_thread_does_it(project: Any, statement: str) -> None:
    folder = made(project, f"blocking = [{NATIVE_FUNCTION}]", "from mycorp.crm import lookup", statement)
    text = check_same(folder)
    assert "in_thread(" in text
    assert "mycorp.aio" not in text


def test_a_replacement_that_a_test_would_miss(project: Any) -> None:
    """The test replaces the function by its path, and would no longer do so: a thread calls what stands there."""
    folder = made(
        project, f"blocking = [{NATIVE_FUNCTION}]", "from mycorp.crm import lookup", "text = lookup(name)"
    )
    project({"tests/test_ask.py": """
                from unittest.mock import patch


                @patch("actions.actions.lookup", return_value="nobody")
                def test_ask(lookup):
                    pass
            """})
    assert "await in_thread(lookup, name)" in check_same(folder)


CLASHES = {
    "a variable of the function": (
        NATIVE_FUNCTION,
        "from mycorp import crm",
        "lookup = crm.lookup(name); text = lookup",
    ),
    "a function of the module": (
        NATIVE_FUNCTION,
        "from mycorp import crm\n\n\ndef lookup(text):\n    return f'[{text}]'\n\n",
        "text = lookup(crm.lookup(name))",
    ),
    "another replacement of that name": (
        NATIVE_FUNCTION + ', { name = "mycorp.fast.search", native = "mycorp.fast.lookup" }',
        "from mycorp import crm, fast",
        "text = crm.lookup(name) + fast.search(name)",
    ),
    "the helper for threads": (
        '{ name = "mycorp.crm.lookup", native = "mycorp.aio.in_thread" }, "mycorp.fast.search"',
        "from mycorp import crm, fast",
        "text = crm.lookup(name) + fast.search(name)",
    ),
    "a module that the helper needs": (
        '{ name = "mycorp.crm.lookup", native = "mycorp.aio.lookup" }, "mycorp.fast.search"',
        "import asyncio as lookup\nfrom mycorp import crm, fast",
        "text = crm.lookup(name) + fast.search(name) + lookup.__name__",
    ),
}


@pytest.mark.parametrize(("entries", "imports", "statement"), CLASHES.values(), ids=CLASHES)
def test_a_replacement_beside_something_of_its_name(
    project: Any, entries: str, imports: str, statement: str
) -> None:
    text = check_same(made(project, f"blocking = [{entries}]", imports, statement))
    assert "await lookup" in text or "await in_thread" in text


# --- wrong values ----------------------------------------------------------------------------------

NAMES = 'must hold dotted names such as "mycorp.crm.Client.*", not '
WRONG = [
    ('blocking = "mycorp.crm.lookup"', "blocking must be a list of names"),
    ("blocking = true", "blocking must be a list of names"),
    ("blocking = { name = 'a.b' }", "blocking must be a list of names"),
    ("blocking = [3]", f"blocking {NAMES}3"),
    ('blocking = [""]', f"blocking {NAMES}''"),
    ('blocking = ["lookup"]', f"blocking {NAMES}'lookup'"),
    ('blocking = ["*"]', f"blocking {NAMES}'*'"),
    ('blocking = ["mycorp.*.find"]', f"blocking {NAMES}'mycorp.*.find'"),
    ('blocking = ["mycorp.**"]', f"blocking {NAMES}'mycorp.**'"),
    ('blocking = ["mycorp.[ab]"]', f"blocking {NAMES}'mycorp.[ab]'"),
    ('blocking = ["mycorp..crm"]', f"blocking {NAMES}'mycorp..crm'"),
    ('blocking = ["mycorp.lookup()"]', f"blocking {NAMES}'mycorp.lookup()'"),
    ('blocking = [["mycorp.lookup"]]', f"blocking {NAMES}['mycorp.lookup']"),
    ("blocking = [{}]", "blocking must hold names or { name"),
    ("blocking = [{ native = 'a.b' }]", "not {'native': 'a.b'}"),
    ("blocking = [{ name = 'a.b', nativ = 'a.c' }]", "'nativ': 'a.c'"),
    ("blocking = [{ name = 7 }]", f"blocking {NAMES}7"),
    ("blocking = [{ name = 'a.b', native = 7 }]", "blocking must name the replacement for 'a.b', not 7"),
    ("blocking = [{ name = 'a.b', native = 'c.*' }]", "must name the replacement for 'a.b', not 'c.*'"),
    ("blocking = [{ name = 'a.*', native = 'c.d' }]", "blocking names one replacement for all of 'a.*'"),
    (
        "blocking = [{ name = 'a.b', native = 'c' }]",
        "needs a dotted name as the replacement for 'a.b', not 'c'",
    ),
    (
        "blocking = [{ name = 'a.B.c', native = 'a.B.d' }]",
        "needs the name of a method as the replacement for 'a.B.c', not 'a.B.d'",
    ),
    ('non-blocking = "mycorp.crm.title"', "non-blocking must be a list of names"),
    ("non-blocking = ['title']", f"non-blocking {NAMES}'title'"),
    ("non-blocking = [{ name = 'a.b' }]", f"non-blocking {NAMES}" + "{'name': 'a.b'}"),
    ("nonblocking = ['a.b']", "has no key 'nonblocking'; did you mean 'non-blocking'?"),
]


@pytest.mark.parametrize(("settings", "message"), WRONG, ids=[settings for settings, _ in WRONG])
def test_wrong_values_are_told_by_their_key(project: Any, settings: str, message: str) -> None:
    folder = made(project, settings, "from mycorp.crm import lookup", "text = lookup(name)")
    text = text_of(folder)
    done = CliRunner().invoke(main, [str(folder)])
    assert done.exit_code == 2
    assert f"Error: {folder / 'pyproject.toml'}: [tool.rasa-asyncify] " in done.output
    assert message in done.output
    assert "Traceback" not in done.output
    assert text_of(folder) == text


# --- what -v tells of the rest -----------------------------------------------------------------------


def unknown(folder: Path) -> list[str]:
    """The calls that aren't known, by the notes."""
    notes = migrate_tree(folder).plan.notes
    return [note.message.partition(" isn't known")[0] for note in notes if note.rule == "RA106"]


# (settings, import, statement, the notes)
UNKNOWN = {
    "a function": ("", "from mycorp import crm", "text = crm.lookup(name)", ["mycorp.crm.lookup()"]),
    "a function that is called twice": (
        "",
        "from mycorp.crm import lookup",
        "text = lookup(lookup(name))",
        ["mycorp.crm.lookup()"],
    ),
    "a class and its methods": (
        "",
        "from mycorp.crm import Client",
        "client = Client(); text = client.label(client.find(name))",
        ["mycorp.crm.Client()", "mycorp.crm.Client.label()", "mycorp.crm.Client.find()"],
    ),
    "what a function gives is told with it": (
        "",
        "from mycorp.crm import lookup",
        "text = lookup(name).title().strip()",
        ["mycorp.crm.lookup()"],
    ),
    "the rest of a class of which a method is named": (
        'blocking = ["mycorp.crm.Client.find"]',
        "from mycorp.crm import Client",
        "client = Client(); text = client.label(client.find(name))",
        ["mycorp.crm.Client.label()"],
    ),
    "named": ('blocking = ["mycorp.crm.lookup"]', "from mycorp.crm import lookup", "text = lookup(name)", []),
    "passing": (
        'non-blocking = ["mycorp.crm.*", "mycorp.crm.Client.*"]',
        "from mycorp.crm import Client, title",
        "text = Client().label(title(name))",
        [],
    ),
    "of the catalogue": ("", "import requests", "text = requests.utils.quote(name)", []),
    "of the standard library": ("", "import colorsys", "text = colorsys.rgb_to_hsv(1, 1, 1)", []),
    "of the SDK": ("", "from rasa_sdk.events import SlotSet", "text = SlotSet('name', name)", []),
    "of the project": ("", "from . import shop", "text = shop.Price().of(name)", []),
    "below what is passing": (
        'non-blocking = ["mycorp.*"]',
        "from mycorp.crm import title",
        "text = title(name)",
        ["mycorp.crm.title()"],
    ),
    "an exception": (
        "",
        "import mycorp.crm",
        "text = name\n        if not name: raise mycorp.crm.Missing(name)",
        [],
    ),
}


@pytest.mark.parametrize(("settings", "imports", "statement", "notes"), UNKNOWN.values(), ids=UNKNOWN)
def test_notes_of_what_is_not_known(
    project: Any, settings: str, imports: str, statement: str, notes: list[str]
) -> None:
    shop = """
        class Price:
            def of(self, name):
                return len(name)
    """
    assert unknown(made(project, settings, imports, statement, shop=shop)) == notes


@pytest.mark.parametrize(
    "statement",
    [
        "text = await crm.lookup_async(name)",
        "text = await crm.Client().find_async(name)",
        "text = await asyncio.wait_for(crm.lookup_async(name), 5)",
        "texts = await asyncio.gather(crm.lookup_async(name), crm.lookup_async(name)); text = texts[0]",
        "task = asyncio.create_task(crm.lookup_async(name)); text = await task",
        "async with crm.session() as session: text = await session.find(name)",
    ],
)
def test_what_is_awaited_needs_no_note(project: Any, statement: str) -> None:
    folder = made(
        project, 'non-blocking = ["mycorp.crm.Client"]', "import asyncio\nfrom mycorp import crm", statement
    )
    path = folder / "actions/actions.py"
    path.write_text(path.read_text().replace("def run", "async def run"))
    assert unknown(folder) == []


def test_notes_are_for_v_alone(project: Any) -> None:
    """With the place, the name for the settings, and no exit code."""
    folder = made(project, "", "from mycorp import crm", "text = crm.lookup(name)")
    quiet = CliRunner().invoke(main, ["--check", str(folder)])
    loud = CliRunner().invoke(main, ["--check", "-v", str(folder)])
    assert "RA106" not in quiet.output
    assert "actions.py:11: RA106 mycorp.crm.lookup() isn't known" in loud.output
    assert quiet.exit_code == loud.exit_code == 1  # `run` would become async
    migrated(folder)
    again = CliRunner().invoke(main, ["--check", "-v", str(folder)])
    assert again.exit_code == 0


def test_an_unknown_call_is_left_alone(project: Any) -> None:
    """Nothing is guessed: it holds the loop as it did."""
    folder = made(project, "", "from mycorp import crm", "text = crm.lookup(name)")
    before = run_action(folder, "action_ask", slots={"name": "ada"})
    migrated(folder)
    after = run_action(folder, "action_ask", slots={"name": "ada"})
    assert "text = crm.lookup(name)" in text_of(folder)
    assert before.behaviour == after.behaviour
