"""Projects of one extreme shape each, in any size: what takes twice as long at twice the size, and not four times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

HEAD = """import time

import requests
from rasa_sdk import Action


class ActionIt(Action):
    def name(self):
        return "action_it"

    def run(self, dispatcher, tracker, domain):
{body}
        return []
"""


def _action(body: str) -> str:
    return HEAD.format(body="\n".join(f"        {line}" for line in body.split("\n")))


def chain(size: int) -> dict[str, str]:
    """Functions that call each other in a row, the last of which waits."""
    functions = [f"def step_{n}(x):\n    return step_{n + 1}(x) + 1\n" for n in range(size)]
    last = f"def step_{size}(x):\n    time.sleep(x)\n    return x\n"
    return {"actions.py": _action("step_0(1)") + "\n\n" + "\n\n".join([*functions, last])}


def long_module(size: int) -> dict[str, str]:
    """One module of so many lines, with an action in every forty."""
    parts = [_action("time.sleep(1)")]
    for number in range(size // 40):
        lines = "\n".join(f"        total_{n} = domain.get('{n}', {n})" for n in range(30))
        parts.append(
            f"class Action{number}(Action):\n    def name(self):\n        return 'action_{number}'\n\n"
            f"    def run(self, dispatcher, tracker, domain):\n{lines}\n"
            f"        answer = requests.get('http://localhost/{number}', timeout=3)\n"
            "        dispatcher.utter_message(text=answer.text)\n        return []\n"
        )
    return {"actions.py": "\n\n".join(parts)}


def circle(size: int) -> dict[str, str]:
    """Modules that import each other."""
    modules = {
        f"part_{n}.py": f"import time\n\nimport part_{(n + 1) % size}\nimport part_{(n + 7) % size}\n\n\n"
        f"def work(depth):\n    if depth:\n        part_{(n + 1) % size}.work(depth - 1)\n"
        f"        part_{(n + 7) % size}.rest()\n\n\ndef rest():\n    time.sleep(1)\n"
        for n in range(size)
    }
    return {**modules, "actions.py": "import part_0\n" + _action("part_0.work(3)")}


def methods(size: int) -> dict[str, str]:
    """A class with many methods that call each other."""
    body = "\n".join(
        f"    def step_{n}(self):\n        self.count += 1\n        return self.step_{n + 1}()\n"
        for n in range(size)
    )
    last = f"    def step_{size}(self):\n        time.sleep(1)\n        return self.count\n"
    cls = f"class Client:\n    def __init__(self):\n        self.count = 0\n\n{body}\n{last}"
    return {"actions.py": _action("Client().step_0()") + "\n\n" + cls}


def branches(size: int) -> dict[str, str]:
    """A function with many branches, each of which waits."""
    lines = ["kind = tracker.get_slot('kind')", "found = 0"]
    for number in range(size):
        word = "if" if number == 0 else "elif"
        lines += [f"{word} kind == {number}:", "    time.sleep(found)", f"    found = found + {number}"]
    return {"actions.py": _action("\n".join(lines))}


def constants(size: int) -> dict[str, str]:
    """A table of texts, and a lookup in it."""
    table = (
        "TEXTS = {\n" + "".join(f"    'key_{n}': 'The text of number {n}.',\n" for n in range(size)) + "}\n"
    )
    return {
        "actions.py": _action("time.sleep(1)\ndispatcher.utter_message(text=TEXTS['key_1'])") + "\n\n" + table
    }


def deep(size: int) -> dict[str, str]:
    """A sum of many terms, each a chain of calls, one of which waits."""
    terms = " + ".join(f"f({n}).get('a', {{}}).get('b', 0)" for n in range(size))
    helper = "def f(number):\n    time.sleep(number)\n    return {}\n"
    return {"actions.py": _action(f"total = {terms}\nprint(total)") + "\n\n" + helper}


def shared(size: int) -> dict[str, str]:
    """A global that is used again and again beside waits."""
    lines = ["global COUNT"]
    for number in range(size):
        lines += ["COUNT = COUNT + 1", "print(COUNT)"]
        if number % 5 == 0:
            lines.append("time.sleep(COUNT)")
    return {"actions.py": "COUNT = 0\n" + _action("\n".join(lines))}


SHAPES: dict[str, tuple[Callable[[int], dict[str, str]], int]] = {
    "a chain of {} functions": (chain, 500),
    "a module of {} lines": (long_module, 10_000),
    "{} modules that import each other": (circle, 150),
    "a class with {} methods": (methods, 250),
    "a function with {} branches": (branches, 150),
    "{} string constants": (constants, 5_000),
    "an expression of {} terms": (deep, 60),
    "a global used {} times beside waits": (shared, 100),
}


def write_shape(root: Path, shape: Callable[[int], dict[str, str]], size: int) -> None:
    """Write the project below `root`."""
    root.mkdir(parents=True)
    (root / "requirements.txt").write_text("rasa-sdk==3.6.2\nrequests\n", encoding="utf-8")
    for name, text in shape(size).items():
        (root / name).write_text(text, encoding="utf-8")
