"""One function's own code: which names are read after some statements, and what may run after what."""

from __future__ import annotations

import ast

import pytest
from planning import function_of

from rasa_asyncify.flow.dataflow import flow
from rasa_asyncify.flow.liveness import live_after, live_after_failure
from rasa_asyncify.flow.order import may_follow
from rasa_asyncify.project.model import Function


def statement(function: Function, text: str) -> ast.stmt:
    """The statement of the function that reads like ``text``."""
    found = [n for n in ast.walk(function.node) if isinstance(n, ast.stmt) and ast.unparse(n) == text]
    assert len(found) == 1, text
    return found[0]


def never(item: ast.withitem) -> bool:
    """No context manager swallows exceptions."""
    return False


# What the statements do: the code, the names read before they are written, those written for sure, and whether the end
# is never reached.
FLOWS = {
    "written, then read": ("a = 1\nuse(a)", {"use"}, {"a"}, False),
    "written in one branch": ("if c:\n    a = 1\nuse(a)", {"c", "a", "use"}, set(), False),
    "written in both branches": ("if c:\n    a = 1\nelse:\n    a = 2\nuse(a)", {"c", "use"}, {"a"}, False),
    "a loop may have no turn": ("for i in x:\n    a = i\nuse(a)", {"x", "a", "use"}, set(), False),
    "a handler reads what the body may not have written": (
        "try:\n    a = f()\nexcept E:\n    use(a)",
        {"f", "E", "a", "use"},
        set(),
        False,
    ),
    "a handler runs after reads of the body": (
        "try:\n    use(b)\nexcept E:\n    b = 1",
        {"b", "use", "E"},
        set(),
        False,
    ),
    "a name is gone after its clause": (
        "try:\n    f()\nexcept E as e:\n    pass\nuse(e)",
        {"f", "E", "e", "use"},
        set(),
        False,
    ),
    "a name of the function is gone after a clause of that name": (
        "e = 1\ntry:\n    f()\nexcept E as e:\n    pass\nuse(e)",
        {"f", "E", "e", "use"},
        set(),
        False,
    ),
    "`return` in `finally` leaves": ("try:\n    f()\nfinally:\n    return 1", {"f"}, set(), True),
    "`finally` runs where the rest leaves": (
        "try:\n    return f()\nfinally:\n    use(a)",
        {"f", "use", "a"},
        set(),
        True,
    ),
    "a comprehension's names are its own": ("b = [a for a in x]", {"x"}, {"b"}, False),
    "`:=` behind `and` may be passed over": ("c and (a := 1)\nuse(a)", {"c", "a", "use"}, set(), False),
    "`del` unbinds": ("a = 1\ndel a\nuse(a)", {"a", "use"}, set(), False),
}


@pytest.mark.parametrize("case", FLOWS)
def test_names_of_statements(case: str) -> None:
    code, reads, writes, leaves = FLOWS[case]
    found = flow(ast.parse(code).body, never)
    assert (found.reads, found.writes, found.leaves) == (reads, writes, leaves)


# What is read after `a = f()`, at its end and after its failure.
LIVE = {
    "read below": ("a = f()\nuse(a)", {"use", "a"}, set()),
    "written anew below": ("a = f()\na = 1\nuse(a)", {"use"}, set()),
    "read in the next turn": ("for i in x:\n    use(a)\n    a = f()", {"x", "f", "a", "use"}, set()),
    "read after the loop": ("for i in x:\n    a = f()\nuse(a)", {"x", "f", "use", "a"}, set()),
    "read in a handler": ("try:\n    a = f()\nexcept E:\n    use(a)", set(), {"use", "a"}),
    "read in the rest after a handler": (
        "try:\n    a = f()\nexcept E:\n    pass\nuse(a)",
        {"use", "a"},
        {"use", "a"},
    ),
    "read in `finally`": ("try:\n    a = f()\nfinally:\n    use(a)", {"use", "a"}, {"use", "a"}),
    "read in `else`": ("try:\n    a = f()\nexcept E:\n    pass\nelse:\n    use(a)", {"use", "a"}, set()),
    "the handlers aren't around a handler": (
        "try:\n    g()\nexcept E:\n    a = f()\nexcept O:\n    use(a)",
        set(),
        set(),
    ),
    "nothing after a return": ("a = f()\nreturn\nuse(a)", set(), set()),
}


@pytest.mark.parametrize("case", LIVE)
def test_names_read_afterwards(case: str) -> None:
    code, after, failing = LIVE[case]
    function = function_of("def run():\n" + "".join(f"    {line}\n" for line in code.splitlines()))
    found = [statement(function, "a = f()")]
    assert live_after(found, function, never) == after
    assert live_after_failure(found, function, never) == failing


# Whether `b()` may run after `a()`.
ORDER = {
    "below": ("a()\nb()", True),
    "above": ("b()\na()", False),
    "above, in a loop": ("for i in x:\n    b()\n    a()", True),
    "above, in a loop that ends": ("for i in x:\n    b()\n    a()\n    break", False),
    "in the other branch": ("if c:\n    a()\nelse:\n    b()", False),
    "after a return": ("a()\nreturn\nb()", True),  # dead code isn't worth a look
    "below a branch that returns": ("if c:\n    a()\n    return\nb()", False),
    "in a handler": ("try:\n    a()\nexcept E:\n    b()", True),
    "below a `try` whose `else` returns": (
        "try:\n    a()\nexcept E:\n    pass\nelse:\n    return\nb()",
        False,
    ),
    "in `finally`": ("try:\n    a()\nfinally:\n    b()", True),
}


@pytest.mark.parametrize("case", ORDER)
def test_what_may_run_afterwards(case: str) -> None:
    code, expected = ORDER[case]
    function = function_of("def run():\n" + "".join(f"    {line}\n" for line in code.splitlines()))
    first, second = (statement(function, f"{name}()") for name in "ab")
    assert may_follow(first, second, function) is expected
