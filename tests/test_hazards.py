"""The findings RA111 to RA117, beyond the cases in fixtures/hazards: their words and places, and a second run."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path
from typing import Any

import pytest
from fixture_cases import all_cases, migrate_tree

from rasa_asyncify.flow.order import may_follow, repeats
from rasa_asyncify.project.model import Function, Module
from rasa_asyncify.project.reader import AstReader
from rasa_asyncify.rules import RULES
from rasa_asyncify.source import decode

CASES = [case for case in all_cases() if case.name.startswith("hazards/")]
ACTION = """{imports}
import os

import requests
from rasa_sdk import Action

API = os.environ["API_URL"]
{names}

class ActionIt(Action):
    def name(self):
        return "action_it"

    def run(self, dispatcher, tracker, domain):
        {code}
        return []
"""


def found(
    project: Any, code: str, imports: str = "", names: str = "", **modules: str
) -> list[tuple[str, str]]:
    """The rules and messages of an action with this code, in a package with other modules."""
    indented = code.strip("\n").replace("\n", "\n        ").strip()
    text = ACTION.format(imports=imports, names=names, code=indented)
    more = {f"actions/{name}.py": content for name, content in modules.items()}
    folder: Path = project({"actions/__init__.py": "", "actions/actions.py": text, **more})
    result = migrate_tree(folder)
    assert not result.errors
    return [(finding.rule, finding.message) for finding in result.findings]


def lines_before(imports: str = "", names: str = "") -> int:
    """How many lines such an action has above its code."""
    text = ACTION.format(imports=imports, names=names, code="*")
    return text.removeprefix("\n").partition("*")[0].count("\n")


# --- all of them ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_migrated_project_is_not_told_again(case: Any, tmp_path: Path) -> None:
    """A finding says what a migration brings; the second run brings nothing. Nor does another action that is added."""
    folder = Path(shutil.copytree(case.folder / "before", tmp_path / "project"))
    migrate_tree(folder)
    again = migrate_tree(folder)
    assert (again.changes, again.findings, again.plan.notes) == ([], [], [])
    added = folder / "actions/added.py"
    added.write_text(ACTION.format(imports="", names="", code='requests.get(f"{API}/weather", timeout=5)'))
    more = migrate_tree(folder)
    assert [change.path.name for change in more.changes if change.before is not None] == ["added.py"]
    assert more.findings == []


def test_every_hazard_has_a_case() -> None:
    """One in which it is found."""
    told = {rule for case in CASES for rule in case.findings}
    assert told == {code for code in RULES if "RA111" <= code <= "RA117"}


@pytest.mark.slow
def test_findings_block_nothing(tmp_path: Path) -> None:
    """They change no exit code."""
    for case in CASES:
        folder = Path(shutil.copytree(case.folder / "before", tmp_path / case.folder.name))
        assert not any(finding.blocks for finding in migrate_tree(folder).findings)


@pytest.mark.parametrize("code", [f"RA11{number}" for number in range(1, 8)])
def test_rules_say_what_to_do(code: str) -> None:
    assert all(text.endswith(".") for text in (RULES[code].what, RULES[code].why, RULES[code].do))


# --- RA112: two effects ------------------------------------------------------------------------------


# Of a function with `a()` and `b()`: whether b may run after a.
ORDERS = {
    "a(); b()": True,
    "b(); a()": False,
    "b(a())": True,
    "x = a()\nb()": True,
    "x = a(), b()": True,
    "a().x = b()": False,
    "if x:\n    a()\n    b()": True,
    "if x:\n    a()\nelse:\n    b()": False,
    "if x:\n    a()\nelif y:\n    b()": False,
    "if x:\n    a()\nb()": True,
    "if a():\n    b()": True,
    "if b():\n    a()": False,
    "if x:\n    a()\n    return\nb()": False,
    "if x:\n    return a()\nb()": False,
    "if x:\n    if y:\n        a()\n        return\n    b()": False,
    "if x:\n    if y:\n        a()\n    b()": True,
    "if x:\n    a()\n    raise ValueError\nb()": False,
    "if x:\n    a()\n    if y:\n        return\n    else:\n        raise ValueError\nb()": False,
    "if x:\n    a()\n    if y:\n        return\nb()": True,
    "a() if x else b()": False,
    "b() if a() else x": True,
    "try:\n    a()\nexcept E:\n    b()": True,
    "try:\n    a()\nexcept E:\n    x()\nelse:\n    b()": True,
    "try:\n    x()\nexcept E:\n    a()\nelse:\n    b()": False,
    "try:\n    x()\nexcept E:\n    a()\nexcept F:\n    b()": False,
    "try:\n    a()\nfinally:\n    b()": True,
    "with a():\n    b()": True,
    "with x:\n    a()\n    return\nb()": False,
    "match x:\n    case 1:\n        a()\n    case 2:\n        b()": False,
    "match a():\n    case 1:\n        b()": True,
    "for x in a():\n    b()": True,
    "for x in b():\n    a()": False,
    "for x in y:\n    b()\n    a()": True,
    "for x in y:\n    b()\n    a()\n    break": False,
    "for x in y:\n    if x:\n        a()\n    else:\n        b()": True,
    "for x in y:\n    if x:\n        b()\n        continue\n    a()\n    return": False,
    "while b():\n    a()": True,
    "[b(x) for x in a()]": True,
    "[a(x) for x in b()]": False,
    "{a(x): b(x) for x in y}": True,
}


def function_of(code: str, path: Path) -> Function:
    text = "def f():\n" + "\n".join("    " + line for line in code.split("\n")) + "\n"
    module = Module(path / "m.py", "m", decode(path / "m.py", text.encode()), ast.parse(text), AstReader())
    return next(module.scope.functions())


def call_of(name: str, function: Function) -> ast.Call:
    return next(c for c in function.facts.calls if isinstance(c.func, ast.Name) and c.func.id == name)


@pytest.mark.parametrize(("code", "follows"), ORDERS.items(), ids=[c.replace("\n", "/") for c in ORDERS])
def test_what_may_come_after_what(tmp_path: Path, code: str, follows: bool) -> None:
    function = function_of(code, tmp_path)
    assert may_follow(call_of("a", function), call_of("b", function), function) == follows


@pytest.mark.parametrize(
    ("code", "repeated"),
    [
        ("for x in y:\n    a()", True),
        ("for x in a():\n    x()", False),
        ("for x in y:\n    a()\n    break", False),
        ("for x in y:\n    try:\n        a()\n        break\n    except E:\n        x()", False),
        ("for x in y:\n    try:\n        a()\n    except E:\n        x()\n    else:\n        return", False),
        ("for x in y:\n    if a():\n        break", True),
        ("while a():\n    x()", True),
        ("[a(x) for x in y]", True),
        ("[x for x in a()]", False),
        ("a()", False),
    ],
)
def test_what_runs_again_in_the_next_turn(tmp_path: Path, code: str, repeated: bool) -> None:
    function = function_of(code, tmp_path)
    assert (repeats(call_of("a", function), function) is not None) == repeated


# (imports, code, what changes something outside first, and then): with the line of the code that each stands in.
HALF_DONE = {
    "a PUT and a DELETE": (
        "",
        'requests.put(f"{API}/a", timeout=5)\nrequests.delete(f"{API}/b", timeout=5)',
        ("requests.put", 1),
        ("requests.delete", 2),
    ),
    "by the method's name": (
        "",
        'requests.request("PATCH", f"{API}/a", timeout=5)\nrequests.request("post", f"{API}/b", timeout=5)',
        ("requests.request", 1),
        ("requests.request", 2),
    ),
    "one in the other": (
        "",
        'requests.post(f"{API}/a", json=requests.post(f"{API}/b", timeout=5).json(), timeout=5)',
        ("requests.post", 1),
        ("requests.post", 1),
    ),
    "a file and a POST": (
        "",
        'with open("orders.csv", "a") as file:\n    file.write("1")\nrequests.post(f"{API}/orders", timeout=5)',
        ("builtins.open", 1),
        ("requests.post", 3),
    ),
    "a file that is copied": (
        "import shutil",
        'shutil.copy("a.csv", "b.csv")\nrequests.post(f"{API}/orders", timeout=5)',
        ("shutil.copy", 1),
        ("requests.post", 2),
    ),
    "a mail": (
        "import smtplib",
        """
requests.post(f"{API}/orders", timeout=5)
with smtplib.SMTP("localhost") as server:
    server.sendmail("a@x", "b@x", "Hello")
""",
        ("requests.post", 1),
        ("smtplib.SMTP.sendmail", 2),
    ),
    "a session of requests": (
        "",
        'session = requests.Session()\nsession.post(f"{API}/a", timeout=5)\nsession.post(f"{API}/b", timeout=5)',
        ("requests.Session.post", 2),
        ("requests.Session.post", 3),
    ),
    "only under a condition": (
        "",
        """
requests.post(f"{API}/orders", timeout=5)
if tracker.get_slot("mail"):
    requests.post(f"{API}/mails", timeout=5)
""",
        ("requests.post", 1),
        ("requests.post", 3),
    ),
    "with something to await in between": (
        "import time",
        """
requests.post(f"{API}/orders", timeout=5)
time.sleep(1)
requests.get(f"{API}/weather", timeout=5)
requests.post(f"{API}/mails", timeout=5)
""",
        ("requests.post", 1),
        ("requests.post", 4),
    ),
}


@pytest.mark.parametrize(("imports", "code", "first", "second"), HALF_DONE.values(), ids=HALF_DONE)
def test_two_effects(
    project: Any, imports: str, code: str, first: tuple[str, int], second: tuple[str, int]
) -> None:
    ((rule, message),) = found(project, code, imports)
    start = lines_before(imports)
    places = [f"{name}() at line {start + line}" for name, line in (first, second)]
    assert rule == "RA112"
    assert message == (
        f"ActionIt.run() can be cancelled from now on between {places[0]} and {places[1]}: "
        "the first is done then, the second isn't"
    )


# The first only asks, or is undone, or goes with the second, or is not there to stay.
ONE_EFFECT = {
    "a GET and a POST": 'requests.get(f"{API}/a", timeout=5)\nrequests.post(f"{API}/b", timeout=5)',
    "by the method's name": (
        'requests.request("GET", f"{API}/a", timeout=5)\nrequests.request("POST", f"{API}/b", timeout=5)'
    ),
    "a log-in": 'requests.post(f"{API}/oauth/token", timeout=5)\nrequests.post(f"{API}/b", timeout=5)',
    "a language model": 'requests.post(f"{API}/v1/completions", timeout=5)\nrequests.post(f"{API}/b", timeout=5)',
    "a question": 'requests.post(f"{API}/a", timeout=5) if tracker else requests.post(f"{API}/b", timeout=5)',
    "a file that is read": 'text = open("a.txt").read()\nrequests.post(f"{API}/b", data=text, timeout=5)',
    "a temporary file": """
with open("/tmp/a.txt", "w") as file:
    file.write("1")
requests.post(f"{API}/b", timeout=5)
""",
    "a folder that is there or not": 'os.makedirs("out", exist_ok=True)\nrequests.post(f"{API}/b", timeout=5)',
    "another try": """
for attempt in range(3):
    answer = requests.post(f"{API}/b", timeout=5)
    if answer.ok:
        return []
""",
    "until it is done": """
while True:
    if requests.post(f"{API}/b", timeout=5).ok:
        break
""",
}


@pytest.mark.parametrize("code", ONE_EFFECT.values(), ids=ONE_EFFECT)
def test_no_two_effects(project: Any, code: str) -> None:
    assert found(project, code) == []


DATABASE = """
    import psycopg2


    class Database:
        def run(self, sql, values=()):
            with psycopg2.connect("dbname=a") as connection:
                with connection.cursor() as cursor:
                    cursor.execute(sql, values)
                    rows = cursor.fetchall()
                connection.commit()
            return rows


    db = Database()
    NAMES = "SELECT name FROM guests"
"""


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ('db.run(NAMES)\ndb.run("SELECT 1")', 0),
        ('db.run(NAMES)\ndb.run("INSERT INTO guests VALUES (1)")', 0),
        ('db.run("INSERT INTO guests VALUES (1)")\ndb.run(NAMES)', 0),
        ('db.run("INSERT INTO guests VALUES (1)")\ndb.run("UPDATE rooms SET free = 0")', 1),
        ('db.run("INSERT INTO guests VALUES (1)")\ndb.run(tracker.get_slot("sql"))', 1),
        ('db.run("INSERT INTO guests VALUES (1)")\ndb.run(sql.update(guests).values(a=1))', 1),
        ('db.run("INSERT INTO guests VALUES (1)")\ndb.run(sql.select(guests).where(a=1))', 0),
        ('db.run("INSERT INTO guests VALUES (1)")\ndb.run(sql.text("SELECT * FROM {}").format("a"))', 0),
        ('db.run(f"DELETE FROM {tracker}")\ndb.run("  insert into a values (1)")', 1),
    ],
)
def test_what_a_helper_commits(project: Any, code: str, number: int) -> None:
    """By the statement that it is given, wherever that is written."""
    messages = found(project, code, "from .database import NAMES, db", database=DATABASE)
    assert [rule for rule, _ in messages] == ["RA112"] * number
    assert all("Database.run() at line" in message for _, message in messages)


# --- RA113, RA114: state -----------------------------------------------------------------------------

GET = 'requests.get(f"{API}/weather", timeout=5)'
# (module's variables, code, what is told)
STATE = {
    "lost": (
        "total = 0",
        f"global total\nbefore = total\n{GET}\ntotal = before + 1",
        "total is read (line 2) and then written (line 4)",
    ),
    "lost, in one statement": (
        "total = 0",
        f"global total\ntotal = total + {GET}.json()",
        "total is read (line 2) and then written (line 2)",
    ),
    "an item": (
        "COUNTS = {}",
        f"number = COUNTS.get('a', 0)\n{GET}\nCOUNTS['a'] = number + 1",
        "COUNTS is read (line 1) and then written (line 3)",
    ),
    "checked": (
        "SEEN = set()",
        f"if tracker.sender_id not in SEEN:\n    {GET}\n    SEEN.add(tracker.sender_id)",
        "SEEN is looked at (line 1) and then changed (line 3)",
    ),
    "leaked": (
        "user = None",
        f"global user\nuser = tracker.sender_id\n{GET}\ndispatcher.utter_message(text=user)",
        "user is set (line 2) and then read (line 4)",
    ),
}
# Nothing that another action could upset.
KEPT = {
    "only read": ("TEXTS = {}", f"before = TEXTS\n{GET}\nafter = TEXTS"),
    "read after the wait": ("total = 0", f"global total\n{GET}\ntotal = total + 1"),
    "counted": ("COUNTS = {}", f"COUNTS['a'] = COUNTS.get('a', 0) + 1\n{GET}"),
    "an item that is filled": (
        "CACHE = {}",
        f"CACHE['a'] = {GET}.json()\ndispatcher.utter_message(text=CACHE['a'])",
    ),
    "counted twice": ("total = 0", f"global total\ntotal += 1\n{GET}\ntotal += 1"),
    "a local variable of its name": ("total = 0", f"total = 1\n{GET}\ntotal = total + 1"),
    "in other branches": (
        "total = 0",
        f"global total\nif total:\n    dispatcher.utter_message(text='x')\nelse:\n    {GET}\n    return []\ntotal = 3",
    ),
    "a method of that name": ("import shelve\nSHOP = shelve", f"before = SHOP\n{GET}\nSHOP.update(before)"),
}


def lines_in(message: str, code: str, names: str) -> str:
    """The message with the lines counted from the first of the code."""
    start = lines_before("", names)
    for line in range(1, code.count("\n") + 2):
        message = message.replace(f"line {start + line})", f"line {line})")
    return message


@pytest.mark.parametrize(("names", "code", "told"), STATE.values(), ids=STATE)
def test_state_of_a_module(project: Any, names: str, code: str, told: str) -> None:
    ((rule, message),) = found(project, code, names=names)
    assert rule == "RA113"
    assert lines_in(message, code, names).startswith(f"{told} by ActionIt.run(), which waits at line ")


@pytest.mark.parametrize(("names", "code"), KEPT.values(), ids=KEPT)
def test_state_that_is_safe(project: Any, names: str, code: str) -> None:
    assert found(project, code, names=names) == []


def test_state_of_another_module(project: Any) -> None:
    """However it is reached."""
    code = f"before = shop.total\n{GET}\nshop.total = before + 1\nORDERS['a'] = ORDERS['a'] + {GET}.json()"
    shop = "total = 0\nORDERS = {'a': 0}\n"
    messages = found(project, code, "from . import shop\nfrom .shop import ORDERS", shop=shop)
    assert [message.split(" is read")[0] for _, message in messages] == ["shop.total", "ORDERS"]


def test_a_lock_keeps_others_out(project: Any) -> None:
    """So that there is nothing to tell."""
    plain = """
import threading

LOCK = threading.Lock()
COUNTS = {"a": 0}


def count():
    if LOCK:
        COUNTS["a"] = COUNTS["a"] + 1
    return open("a").read()
"""
    locked = plain.replace("if LOCK:", "with LOCK:")
    assert [rule for rule, _ in found(project, "count()", names=plain)] == ["RA113"]
    assert found(project, "count()", names=locked) == []


# (what the action does to itself, the attributes that are told of)
ON_ITSELF = {
    "kept across a wait": (
        f"self.city = 'Oslo'\n{GET}\ndispatcher.utter_message(text=self.city)",
        ["self.city"],
    ),
    "two things": (
        f"self.a = 1\nself.b = 2\n{GET}\ndispatcher.utter_message(text=str(self.a + self.b))",
        ["self.a", "self.b"],
    ),
    "used at once": (f"self.city = 'Oslo'\ndispatcher.utter_message(text=self.city)\n{GET}", []),
    "set after the wait": (f"{GET}\nself.city = 'Oslo'\ndispatcher.utter_message(text=self.city)", []),
    "never read": (f"self.city = 'Oslo'\n{GET}", []),
    "nothing waits": ("self.city = 'Oslo'\ndispatcher.utter_message(text=self.city)", []),
}


@pytest.mark.parametrize(("code", "told"), ON_ITSELF.values(), ids=ON_ITSELF)
def test_state_of_an_action(project: Any, code: str, told: list[str]) -> None:
    messages = found(project, code)
    assert [rule for rule, _ in messages] == ["RA114"] * bool(told)
    assert all(f"{name} (set at line " in message for _, message in messages for name in told)
    assert all("there is one ActionIt for all conversations" in message for _, message in messages)


def test_state_that_another_method_reads(project: Any) -> None:
    """What it is called for, and whether it waits, is what counts."""
    text = """
    def run(self, dispatcher, tracker, domain):
        self.city = tracker.get_slot("city")
        {code}
        return []

    def text(self):
        return self.city
"""
    plain = text.format(code=f"dispatcher.utter_message(text=self.text())\n        {GET}")
    waits = text.format(code=f"{GET}\n        dispatcher.utter_message(text=self.text())")
    for code, rules in ((plain, []), (waits, ["RA114"])):
        action = ACTION.format(imports="", names="", code="*")
        folder = project({"actions.py": action[: action.index("    def run")].removeprefix("\n") + code})
        assert [finding.rule for finding in migrate_tree(folder).findings] == rules


# --- RA115 to RA117: the thread, the process -------------------------------------------------------------


def test_a_database_in_memory(project: Any) -> None:
    """SQLAlchemy opens another one in every thread."""
    models = """
        from sqlalchemy import create_engine, text

        engine = create_engine("sqlite://")


        def guests():
            with engine.connect() as connection:
                return connection.execute(text("SELECT name FROM guests")).all()
    """
    code = "dispatcher.utter_message(text=str(models.guests()))"
    messages = found(project, code, "from . import models", models=models)
    assert ("RA115", True) in [
        (rule, "a database in memory is another one" in text) for rule, text in messages
    ]
    kept = models.replace("sqlite://", "sqlite:///guests.db")
    assert found(project, code, "from . import models", models=kept) == []


# (imports, code, the rule if any)
PROCESS = {
    "the locale is asked for": ("import locale", f"locale.setlocale(locale.LC_ALL)\n{GET}", None),
    "the locale is set": ("import locale", f"locale.setlocale(locale.LC_ALL, '')\n{GET}", "RA116"),
    "the folder is asked for": ("", f"os.getcwd()\n{GET}", None),
    "the folder is set": ("", f"os.chdir('/')\n{GET}", "RA116"),
    "nothing waits": ("", "os.chdir('/')", None),
    "standard output": (
        "import contextlib\nimport io",
        f"with contextlib.redirect_stdout(io.StringIO()):\n    {GET}",
        "RA116",
    ),
    "an alarm": ("import signal", f"signal.alarm(5)\n{GET}\nsignal.alarm(0)", "RA116"),
    "the time-out of sockets": ("import socket", f"socket.setdefaulttimeout(5)\n{GET}", "RA116"),
    "a seed": ("import random", f"random.seed(3)\n{GET}\nrandom.random()", "RA117"),
    "a seed of NumPy": ("import numpy as np", f"np.random.seed(3)\n{GET}\nnp.random.rand()", "RA117"),
    "no seed in particular": ("import random", f"random.seed()\n{GET}", None),
    "None for a seed": ("import random", f"random.seed(None)\n{GET}", None),
    "a generator of its own": ("import random", f"dice = random.Random(3)\n{GET}\ndice.random()", None),
    "a generator of NumPy": (
        "import numpy as np",
        f"dice = np.random.default_rng(3)\n{GET}\ndice.random()",
        None,
    ),
}


@pytest.mark.parametrize(("imports", "code", "rule"), PROCESS.values(), ids=PROCESS)
def test_what_is_set_for_the_process(project: Any, imports: str, code: str, rule: str | None) -> None:
    assert [told for told, _ in found(project, code, imports)] == ([rule] if rule else [])


def test_a_helper_sets_it(project: Any) -> None:
    """In the helper's module, though the helper itself waits for nothing."""
    text = "import os\n\n\ndef enter(name):\n    os.chdir(name)\n"
    ((rule, message),) = found(project, f"folders.enter('/')\n{GET}", "from . import folders", folders=text)
    assert (rule, message.split(" for ")[0]) == ("RA116", "os.chdir() in enter() sets the working folder")


def test_signals_in_a_thread(project: Any) -> None:
    """Python handles them in the main thread alone."""
    names = """
import signal


def rooms():
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return os.listdir(".")
"""
    messages = found(project, "rooms()", names=names)
    assert [rule for rule, _ in messages] == ["RA116"]
    assert "where signals can't be handled: it fails there" in messages[0][1]
