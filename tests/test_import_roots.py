"""Where the helpers go, and how they are imported: whatever could be imported before can be afterwards."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fixture_cases import migrate_tree

ACTION = """
import subprocess

from rasa_sdk import Action


class Action{name}(Action):
    def run(self, dispatcher, tracker, domain):
        subprocess.run(["true"])
        return []
"""
IN_MODULE = "in the module"
INSERT = "import os\nimport sys\n\nsys.path.insert(0, {})\n"
HERE = "os.path.dirname(os.path.abspath(__file__))"
MAIN = "\nif __name__ == '__main__':\n    print('run')\n"


@dataclass
class Layout:
    """A project, the folders and names that its modules are imported by, and where each has its helper from.

    ``modules`` are those with an action: what stands at their top and, after a line ``---``, at their end.
    """

    modules: Mapping[str, str]
    expected: Mapping[str, str]
    imports: list[str]
    others: Mapping[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        for name, text in self.modules.items():
            top, _, end = text.partition("---")
            _write(folder / name, top + ACTION.format(name=Path(name).stem.title().replace("_", "")) + end)
        for name, text in self.others.items():
            _write(folder / name, text)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


PACKAGE = "actions/__init__.py"
RELATIVE = "from ._blocking_calls import in_thread"
ABSOLUTE = "from actions._blocking_calls import in_thread"
BARE = "from _blocking_calls import in_thread"
EITHER = "from ._blocking_calls import in_thread / from _blocking_calls import in_thread"

# Each of `imports` is "folder: name", where the folder is the working one.
LAYOUTS = {
    "flat file": Layout({"actions.py": ""}, {"actions.py": IN_MODULE}, [".: actions"]),
    "flat files, bare neighbours": Layout(
        {"actions.py": "from api import ActionApi\n", "api.py": ""},
        {"actions.py": BARE, "api.py": BARE},
        [".: actions", ".: api"],
    ),
    "flat files, copied one by one": Layout(
        {"actions.py": "from api import ActionApi\n", "api.py": ""},
        {"actions.py": IN_MODULE, "api.py": IN_MODULE},
        [".: actions", ".: api"],
        {"Dockerfile": "FROM python\nWORKDIR /srv\nCOPY actions.py api.py ./\n"},
    ),
    "package": Layout({"actions/a.py": ""}, {"actions/a.py": RELATIVE}, [".: actions.a"], {PACKAGE: ""}),
    "package without a mark": Layout(
        {"actions/a.py": ""}, {"actions/a.py": RELATIVE}, [".: actions.a"], {"domain.yml": ""}
    ),
    "package that names itself": Layout(
        {"actions/a.py": "from actions.b import ActionB\n", "actions/b.py": ""},
        {"actions/a.py": ABSOLUTE, "actions/b.py": RELATIVE},
        [".: actions.a", ".: actions.b"],
        {PACKAGE: ""},
    ),
    "package in a package that isn't one": Layout(
        {
            "bot/actions/a.py": "from ej.user import ActionUser\n",
            "bot/actions/b.py": "",
            "bot/ej/user.py": "",
        },
        {
            "bot/actions/a.py": ABSOLUTE,
            "bot/actions/b.py": RELATIVE,
            "bot/ej/user.py": "from ._blocking_calls import in_thread",
        },
        ["bot: actions.a", "bot: actions.b", "bot: ej.user"],
        {"bot/__init__.py": "", "bot/actions/__init__.py": "", "bot/ej/__init__.py": ""},
    ),
    "package in a package that is one": Layout(
        {"bot/actions/a.py": "from bot.api import ActionApi\n", "bot/api.py": ""},
        {"bot/actions/a.py": "from bot._blocking_calls import in_thread", "bot/api.py": RELATIVE},
        [".: bot.actions.a", ".: bot.api"],
        {"bot/__init__.py": "", "bot/actions/__init__.py": ""},
    ),
    "relative imports two levels up": Layout(
        {"bot/actions/a.py": "from ..api import ActionApi\n", "bot/api.py": ""},
        {"bot/actions/a.py": "from .._blocking_calls import in_thread", "bot/api.py": RELATIVE},
        [".: bot.actions.a"],
        {"bot/__init__.py": "", "bot/actions/__init__.py": ""},
    ),
    "bare neighbours with a mark": Layout(
        {"actions/actions.py": "from api import ActionApi\n", "actions/api.py": ""},
        {"actions/actions.py": BARE, "actions/api.py": BARE},
        ["actions: actions", "actions: api"],
        {PACKAGE: "", "domain.yml": ""},
    ),
    "bare neighbours without a mark": Layout(
        {"actions/actions.py": "import utils\n", "actions/other.py": "from utils import x\n"},
        {"actions/actions.py": BARE, "actions/other.py": BARE},
        ["actions: actions", "actions: other"],
        {"actions/utils.py": "x = 1\n"},
    ),
    "bare neighbours, found through a line of the package's": Layout(
        {"actions/a.py": "from b import ActionB\n", "actions/b.py": "", "actions/c.py": ""},
        {"actions/a.py": BARE, "actions/b.py": BARE, "actions/c.py": RELATIVE},
        [".: actions.a", ".: actions.b", ".: actions.c"],
        {PACKAGE: INSERT.format(HERE)},
    ),
    "bare neighbours, found through a line of a module's": Layout(
        {"actions/a.py": INSERT.format(HERE) + "from b import ActionB\n", "actions/b.py": ""},
        {"actions/a.py": BARE, "actions/b.py": EITHER},
        [".: actions.a", ".: actions.b", "actions: b", "actions: a"],
        {PACKAGE: ""},
    ),
    "the path's line stands below other code": Layout(
        {
            "actions/a.py": "import os, sys\nhere = os.path.dirname(__file__)\nif here not in sys.path:\n"
            "    sys.path.append(here)\nlevel = 1\nimport b\n"
        },
        {"actions/a.py": BARE},
        [".: actions.a"],
        {PACKAGE: "", "actions/b.py": ""},
    ),
    "both ways tried": Layout(
        {"actions/a.py": "try:\n    from .b import x\nexcept ImportError:\n    from b import x\n"},
        {"actions/a.py": IN_MODULE},
        [".: actions.a", "actions: a"],
        {PACKAGE: "", "actions/b.py": "x = 1\n"},
    ),
    "both ways tried, and the neighbour needs a helper": Layout(
        {"actions/a.py": "try:\n    from .b import ActionB\nexcept ImportError:\n    from b import ActionB\n"}
        | {"actions/b.py": ""},
        {"actions/a.py": IN_MODULE, "actions/b.py": IN_MODULE},
        [".: actions.a", ".: actions.b", "actions: b", "actions: a"],
        {PACKAGE: ""},
    ),
    "tests import another way than the server": Layout(
        {"actions/a.py": "", "actions/c.py": "from .b import x\n"},
        {"actions/a.py": EITHER, "actions/c.py": RELATIVE},
        [".: actions.a", ".: actions.c", "actions: a", "tests: test_a"],
        {
            PACKAGE: "",
            "actions/b.py": "x = 1\n",
            "tests/test_a.py": INSERT.format("os.path.join(os.path.dirname(__file__), '..', 'actions')")
            + "from a import ActionA\n",
        },
    ),
    "tests import from further up": Layout(
        {"bot/actions/a.py": "", "bot/actions/b.py": ""},
        {"bot/actions/a.py": RELATIVE, "bot/actions/b.py": RELATIVE},
        ["bot: actions.a", ".: bot.actions.a", ".: tests.test_a"],
        {
            "tests/test_a.py": "from bot.actions.a import ActionA\n",
            "Makefile": "run:\n\tcd bot && rasa run actions --port 5055\n",
        },
    ),
    "namespace package": Layout(
        {"bot/api.py": "", "bot/parts/a.py": ""},
        {"bot/api.py": RELATIVE, "bot/parts/a.py": "from .._blocking_calls import in_thread"},
        [".: bot.api", ".: bot.parts.a", ".: main"],
        {"main.py": "from bot.api import ActionApi\nfrom bot.parts.a import ActionA\n"},
    ),
    "src": Layout(
        {"src/bot/actions/a.py": "from bot.api import ActionApi\n", "src/bot/api.py": ""},
        {"src/bot/actions/a.py": "from bot._blocking_calls import in_thread", "src/bot/api.py": RELATIVE},
        ["src: bot.actions.a", "src: bot.api"],
        {"src/bot/__init__.py": "", "src/bot/actions/__init__.py": ""},
    ),
    "two bots": Layout(
        {
            "one/actions/actions.py": "from api import x\n",
            "two/actions/actions.py": "from actions.api import x\n",
        },
        {"one/actions/actions.py": BARE, "two/actions/actions.py": ABSOLUTE},
        ["one/actions: actions", "two: actions.actions"],
        {f"{bot}/actions/{name}": text for bot in ("one", "two") for name, text in (("api.py", "x = 1\n"),)}
        | {"one/actions/__init__.py": "", "two/actions/__init__.py": ""},
    ),
    "started by file name": Layout(
        {"actions/actions.py": ""},
        {"actions/actions.py": IN_MODULE},
        ["actions: actions"],
        {PACKAGE: "", "start.sh": "cd actions\npython -m rasa_sdk --actions actions\n"},
    ),
    "started by a dotted name": Layout(
        {"bot/actions.py": "", "bot/lib/a.py": ""},
        {"bot/actions.py": RELATIVE},
        [".: bot.actions"],
        {"Procfile": "actions: rasa run actions --actions bot.actions --port $PORT\n"},
    ),
    "started in a container": Layout(
        {"backend/src/a.py": ""},
        {"backend/src/a.py": RELATIVE},
        ["backend: src.a"],
        {
            "backend/Dockerfile": "FROM python:3.10\nWORKDIR /srv/app\nCOPY src \\\n  actions\n"
            'CMD ["python", "-m", "rasa_sdk", "--actions", "actions"]\n'
        },
    ),
    "flat in a container": Layout(
        {"actions/actions.py": "", "actions/b.py": ""},
        {"actions/actions.py": IN_MODULE, "actions/b.py": IN_MODULE},
        ["actions: actions"],
        {
            PACKAGE: "",
            "Dockerfile": "FROM rasa/rasa-sdk:3.6.2\nWORKDIR /app\nCOPY ./actions /app\nCMD start --actions actions\n",
        },
    ),
    "volume of a compose file": Layout(
        {"handlers/a.py": ""},
        {"handlers/a.py": RELATIVE},
        [".: handlers.a"],
        {
            "docker-compose.yml": "services:\n  server:\n    image: rasa/rasa-sdk:3.6.2\n    volumes:\n"
            "      - ./handlers:/app/actions\n"
        },
    ),
    "script": Layout(
        {"actions/a.py": "---" + MAIN}, {"actions/a.py": IN_MODULE}, [".: actions.a"], {PACKAGE: ""}
    ),
    "script with a relative import": Layout(
        {"actions/a.py": "from . import b\n---" + MAIN},
        {"actions/a.py": RELATIVE},
        [".: actions.a"],
        {PACKAGE: "", "actions/b.py": ""},
    ),
    "script beside bare neighbours": Layout(
        {"lib/a.py": "import b\n---" + MAIN}, {"lib/a.py": BARE}, ["lib: a"], {"lib/b.py": ""}
    ),
    "server that is a script": Layout(
        {"bot/actions/a.py": ""},
        {"bot/actions/a.py": RELATIVE},
        ["bot: actions.a", "bot: server"],
        {"bot/server.py": "def serve(executor):\n    executor.register_package('actions')\n"},
    ),
    "named for type checkers only": Layout(
        {"actions/a.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from b import x\n"},
        {"actions/a.py": RELATIVE},
        [".: actions.a"],
        {PACKAGE: "", "actions/b.py": "x = 1\n"},
    ),
    "neighbour with a library's name": Layout(
        {"actions/a.py": "try:\n    import redis\nexcept ImportError:\n    redis = None\n"},
        {"actions/a.py": RELATIVE},
        [".: actions.a"],
        {PACKAGE: "", "actions/redis.py": ""},
    ),
    "names that are taken": Layout(
        {"actions/a.py": ""},
        {"actions/a.py": "from ._blocking_calls_3 import in_thread"},
        [".: actions.a"],
        {PACKAGE: "", "actions/_blocking_calls.py": "", "lib/_blocking_calls_2.py": ""},
    ),
    "two folders on one path": Layout(
        {"bot/a.py": "import b\nimport c\n", "bot/lib/c.py": "import d\n"},
        {"bot/a.py": BARE, "bot/lib/c.py": IN_MODULE},
        ["bot: main"],
        {
            "bot/b.py": "",
            "bot/lib/d.py": "",
            "bot/main.py": INSERT.format("os.path.join(" + HERE + ", 'lib')") + "import a\nimport c\n",
        },
    ),
    "modules in two ways, more than a few": Layout(
        {f"actions/{name}.py": "" for name in "abc"},
        {f"actions/{name}.py": EITHER for name in "abc"},
        [
            f"{folder}: {prefix}{name}"
            for folder, prefix in ((".", "actions."), ("actions", ""))
            for name in "abc"
        ],
        {PACKAGE: "", "tests/test_all.py": INSERT.format("'actions'") + "import a\nimport b\nimport c\n"},
    ),
}


@pytest.fixture(scope="session")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stand-in for rasa-sdk: importing the real one takes a second."""
    folder = tmp_path_factory.mktemp("stub")
    _write(folder / "rasa_sdk.py", "class Action:\n    pass\n")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_imports_work_before_and_after(layout: Layout, tmp_path: Path, stub: Path) -> None:
    folder = tmp_path / "project"
    layout.write(folder)
    assert failures(layout, folder, stub) == []
    first = migrate_tree(folder)
    assert [error.cause for error in first.errors] == []
    assert {name: helper_import(folder / name) for name in layout.expected} == dict(layout.expected)
    assert failures(layout, folder, stub) == []
    assert migrate_tree(folder).changes == []


def failures(layout: Layout, folder: Path, stub: Path) -> list[str]:
    """What can't be imported, by the name that it goes by and from where."""
    found = []
    for line in layout.imports:
        where, name = line.split(": ")
        result = subprocess.run(
            [sys.executable, "-B", "-c", f"import {name}"],
            cwd=folder / where,
            env={**os.environ, "PYTHONPATH": str(stub)},
            capture_output=True,
            text=True,
        )
        found += [f"{line}: {result.stderr}"] if result.returncode else []
    return found


def helper_import(path: Path) -> str:
    """The import of the helper in a module, both if there are two."""
    text = path.read_text(encoding="utf-8")
    lines = re.findall(r"(?m)^\s*(from \S*_blocking_calls\w* import \w+)", text)
    return " / ".join(lines) or (IN_MODULE if "def _in_thread(" in text else "none")
