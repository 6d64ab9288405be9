"""What goes to a thread, and in which piece: the names that a block of statements gives back, and what stands alone."""

from __future__ import annotations

import pytest
from planning import ROOT, in_action, plan_of

from rasa_asyncify.edits import OffloadBlock, OffloadCall, OffloadExpression

BEGIN = "with sqlite3.connect('x') as db:\n    "
# Statements of which a block moves, below a sleep: the code, its first and last line (from 11), the names that it
# returns and declares nonlocal, and whether it always returns.
BLOCKS = {
    "nothing is read later": (f"{BEGIN}db.execute('x')\nprint(1)", (11, 12), (), (), False),
    "a name is read later": (f"{BEGIN}a = db.execute('x').fetchone()\nprint(a)", (11, 12), ("a",), (), False),
    "two are": (
        f"{BEGIN}a = db.execute('x').fetchone()\n    b = a[0]\nprint(a, b)",
        (11, 13),
        ("a", "b"),
        (),
        False,
    ),
    "a name is read in it first": (
        f"a = 1\n{BEGIN}a += db.execute('x')\nprint(a)",
        (12, 13),
        (),
        ("a",),
        False,
    ),
    "a name is bound in one branch": (
        f"a = 1\n{BEGIN}if domain:\n        a = db.execute('x').fetchone()\nprint(a)",
        (12, 14),
        (),
        ("a",),
        False,
    ),
    "it returns": (f"print(1)\n{BEGIN}return db.execute('x').fetchone()", (12, 13), (), (), True),
    "a connection from its making to its closing": (
        "db = sqlite3.connect('x')\ndb.execute('x')\ndb.close()\nprint(1)",
        (11, 13),
        (),
        (),
        False,
    ),
}


@pytest.mark.parametrize("case", BLOCKS)
def test_blocks(case: str) -> None:
    code, lines, results, outer, leaves = BLOCKS[case]
    (module,) = plan_of({"actions.py": in_action(f"time.sleep(1)\n{code}")}).modules.values()
    (block,) = (edit for edit in module.edits if isinstance(edit, OffloadBlock))
    assert (block.span.line, block.span.end_line) == lines
    assert (block.results, block.outer, block.leaves) == (results, outer, leaves)


# One call: whether it goes as it is or in a lambda, and whether only one action at a time may be in it.
CALLS = {
    "as it is": ("subprocess.run(['x'])", OffloadCall, False),
    "within a call that waits as well": ("subprocess.run(open('x').read())", OffloadExpression, False),
    "a file that actions write": ("print(open('count.txt', 'w+').read())", OffloadExpression, True),
    "in a comprehension": ("[subprocess.run(x) for x in domain]", OffloadCall, False),
    "in a generator": ("list(subprocess.run(x) for x in domain)", OffloadExpression, False),
}


@pytest.mark.parametrize("case", CALLS)
def test_calls(case: str) -> None:
    code, kind, alone = CALLS[case]
    module = plan_of({"actions.py": in_action(f"time.sleep(1)\n{code}")}).modules[ROOT / "actions.py"]
    first = next(edit for edit in module.edits if edit.span.line == 11)
    assert type(first) is kind
    assert first.helpers == {"in_one_thread" if alone else "in_thread"}
