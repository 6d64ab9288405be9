"""What names and expressions may evaluate to, over modules that are given as text."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from rasa_asyncify.call_graph.test_doubles import find_patches
from rasa_asyncify.catalogue import Catalogue
from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.project.index import Project
from rasa_asyncify.project.values import Value
from rasa_asyncify.source import decode

ROOT = Path("/project")


def inference_of(files: dict[str, str]) -> Inference:
    """An inference over a project of these files."""
    project = Project(ROOT)
    for name, text in files.items():
        project.add(decode(ROOT / name, text.encode()), ast.parse(text))
    project.link()
    return Inference(project, Catalogue(None))


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        pytest.param(
            "import sqlite3\nCONNECTION = None\n\ndef connect():\n    global CONNECTION\n"
            "    opened = sqlite3.connect('shop.db')\n    CONNECTION = opened\n",
            "CONNECTION",
            ["sqlite3.Connection"],
            id="a function binds a global to what a name of its own holds",
        ),
        pytest.param(
            "import sqlite3\nopened = None\nCONNECTION = None\n\ndef connect(opened: sqlite3.Connection):\n"
            "    global CONNECTION\n    CONNECTION = opened\n",
            "CONNECTION",
            ["sqlite3.Connection"],
            id="its parameter has the name of another global",
        ),
    ],
)
def test_globals_that_functions_bind(text: str, name: str, expected: list[str]) -> None:
    inference = inference_of({"shop.py": text})
    module = inference.project.modules[ROOT / "shop.py"]
    assert [_name(value) for value in inference.name(name, module.scope)] == expected


def test_what_is_said_in_quotes_is_remembered_by_nodes_that_stay() -> None:
    """Answers go by the ids of nodes: those of a tree that is thrown away may be another node's by then."""
    functions = "".join(f"def f{n}(a: 'list[A{n % 2}]'): return a\n" for n in range(50))
    inference = inference_of({"shop.py": f"class A0: pass\nclass A1: pass\n{functions}"})
    module = inference.project.modules[ROOT / "shop.py"]
    for n, function in enumerate(module.scope.functions()):
        (held,) = inference.parameter(function, "a")
        assert [item.cls.name for item in held.items] == [f"A{n % 2}"]
    assert len(inference.annotations._quoted) == 2


def test_the_same_annotation_in_quotes_means_what_its_module_says() -> None:
    use = "def f(client: 'api.Client', more: 'list[api.Client]'): return client\n"
    client = "class Client: pass\n"
    files = {"crm.py": client, "shop.py": client}
    inference = inference_of(
        {**files, "one.py": f"import shop as api\n{use}", "two.py": f"import crm as api\n{use}"}
    )
    for module, expected in (("one.py", "shop"), ("two.py", "crm")):
        (function,) = inference.project.modules[ROOT / module].scope.functions()
        (value,) = inference.parameter(function, "client")
        (held,) = inference.parameter(function, "more")
        assert [value.cls.module.name, held.items[0].cls.module.name] == [expected] * 2


@pytest.mark.parametrize("module_first", [True, False])
def test_who_asks_for_a_global_first_decides_nothing(module_first: bool) -> None:
    text = (
        "import sqlite3\ncursor = None\ndef start():\n    global cursor\n"
        "    connection = sqlite3.connect('shop.db')\n    cursor = connection.cursor()\n"
    )
    inference = inference_of({"shop.py": text})
    scope = inference.project.modules[ROOT / "shop.py"].scope
    (function,) = scope.functions()
    call = next(c for c in function.facts.calls if ast.unparse(c) == "connection.cursor()")
    asked = [lambda: inference.name("cursor", scope), lambda: inference.infer(call, function.scope)]
    answers = [ask() for ask in (asked if module_first else reversed(asked))]
    assert [[_name(value) for value in values] for values in answers] == [["sqlite3.Cursor"]] * 2


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("hotel/actions/api.py", ["responses"]),
        ("ferry/actions/api.py", ["requests_mock"]),
        ("shared/client.py", ["requests_mock"]),
        ("shared/other.py", []),
    ],
)
def test_each_bot_has_its_own_mocks(module: str, expected: list[str]) -> None:
    """The tests of one bot don't decide for another's modules, unless they import them."""
    files = {
        "hotel/actions/api.py": "import requests\n",
        "hotel/tests/test_api.py": "import responses\n",
        "ferry/actions/api.py": "import requests\n",
        "ferry/tests/unit/test_api.py": "from shared import client\ndef test(requests_mock): pass\n",
        "shared/client.py": "import requests\n",
        "shared/other.py": "import requests\n",
    }
    inference = inference_of(files)
    patches = find_patches(inference)
    assert patches.answering(inference.project.modules[ROOT / module]) == expected


def _name(value: Value) -> str:
    return getattr(value, "cls", None) or getattr(value, "name", "?")
