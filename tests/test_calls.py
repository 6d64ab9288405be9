"""Call sites: which functions a call could be of, and what it reaches."""

from __future__ import annotations

import ast

import pytest
from planning import edits_of, function_of, in_action, plan_of

from rasa_asyncify.calls.signatures import fits

# The function, the call, and whether it takes the call's arguments.
SIGNATURES = [
    ("def f(a, b): pass", "f(1, 2)", True),
    ("def f(a, b): pass", "f(1)", False),
    ("def f(a, b): pass", "f(1, b=2)", True),
    ("def f(a, b): pass", "f(1, c=2)", False),
    ("def f(a, b=1): pass", "f(1)", True),
    ("def f(a, b=1): pass", "f()", False),
    ("def f(a): pass", "f(1, 2)", False),
    ("def f(*a): pass", "f(1, 2)", True),
    ("def f(**a): pass", "f(b=1)", True),
    ("def f(a, b): pass", "f(*x)", True),
    ("def f(a, b): pass", "f(**x)", True),
]


@pytest.mark.parametrize(("code", "call", "expected"), SIGNATURES)
def test_arguments_that_a_function_takes(code: str, call: str, expected: bool) -> None:
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    assert fits(node, function_of(code)) is expected


HELPERS = "import subprocess\n\ndef fetch():\n    return subprocess.run(['x'])\n"


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"between.py": "from helpers import *\n"},
        {"between.py": "try:\n    from helpers import *\nexcept ImportError:\n    pass\n"},
    ],
)
def test_star_imports_are_followed(more: dict[str, str]) -> None:
    """A helper that blocks is reached by a star import, or by two."""
    action = in_action("fetch()").replace(
        "import time\n", f"from {'between' if more else 'helpers'} import *\n"
    )
    plan = plan_of({"actions.py": action, "helpers.py": HELPERS, **more})
    assert edits_of(plan) == [("RA001", 9), ("RA030", 10)]


def test_what_a_star_import_takes_stays() -> None:
    """`from api import *` takes `requests` along, which therefore stays imported in `api`."""
    api = in_action("time.sleep(1)")
    plan = plan_of({"api.py": api, "other.py": "from api import *\nprint(subprocess)\n"})
    (module,) = plan.modules.values()
    assert "subprocess" in module.keep_imports
