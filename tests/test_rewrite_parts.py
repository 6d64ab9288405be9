"""The short cuts of rewriting give what the long way would have given."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import black
import pytest
from planning import in_action

from rasa_asyncify.config import Config
from rasa_asyncify.engine import migrate
from rasa_asyncify.formatting_in_place import _is_plain, format_in_place
from rasa_asyncify.line_changes import opcodes
from rasa_asyncify.reaching import Reaching, spread
from rasa_asyncify.rewrite.folding import condense, fold

SOURCES = sorted((Path(__file__).parent / "fixtures").rglob("before/**/*.py"))


def folded_at(text: str, lines: set[int]) -> str:
    return fold(text, ast.parse(text), lines).text


FOLDED = {  # the text, the lines that stay, and what else stays
    "a run of statements": (
        "def f():\n    a = 1\n    b = 2\n    return g()\n",
        {4},
        "def __set_aside_0_head__():\n    __set_aside_1__\n    return g()\n",
    ),
    "definitions that follow each other": (
        "def f():\n    pass\n\n\ndef g():\n    pass\n\n\nx = h()\n",
        {9},
        "def f():\n    __set_aside_0_body__\n\n\nx = h()\n",
    ),
    "methods": (
        'class A:\n    """Does it."""\n\n    def f(self):\n        pass\n\n    def g(self):\n        return h()\n',
        {8},
        'class A:\n    """Does it."""\n\n    def f():\n        __set_aside_0_body__\n\n'
        "    def __set_aside_1_head__():\n        return h()\n",
    ),
    "clauses": (
        "def f():\n    try:\n        g()\n    except E:\n        x = 1\n        raise\n",
        {3},
        "def __set_aside_0_head__():\n    try:\n        g()\n    except E:\n        __set_aside_1__\n",
    ),
    "comments that belong to what is set aside": (
        "def f():\n    if x:\n        a()\n        # that was a\n    g()\n",
        {5},
        "def __set_aside_0_head__():\n    __set_aside_1__\n    g()\n",
    ),
    "an f-string tells for which Python the file is": (
        "def f():\n    a = f'{b}'\n    g()\n",
        {3},
        'def __set_aside_0_head__():\n    __set_aside_1__(f"")\n    g()\n',
    ),
    "imports, and what stands between them": (
        "import a\nx = 1\nimport b\ny = 2\nz = g()\n",
        {5},
        "import a\nx = 1\nimport b\n__set_aside_0__\nz = g()\n",
    ),
    "a statement on the line of another": ("x = 1; y = g()\n", {1}, "x = 1; y = g()\n"),
    "what black has to leave alone": ("# fmt: off\nx = 1\ny = g()\n", {3}, "# fmt: off\nx = 1\ny = g()\n"),
}


@pytest.mark.parametrize("case", FOLDED)
def test_what_stays_of_a_folded_text(case: str) -> None:
    text, lines, expected = FOLDED[case]
    assert folded_at(text, lines) == expected
    folded = fold(text, ast.parse(text), lines)
    assert folded.unfold(folded.text) == text


@pytest.mark.parametrize("seed", range(3))
def test_folded_texts_are_python_and_come_back_whole(seed: int) -> None:
    """Whatever lines are touched, twice over: for LibCST, and once more for black."""
    chosen = random.Random(seed)
    for path in SOURCES:
        text = path.read_bytes().decode("latin-1")
        try:
            tree = ast.parse(text)
        except SyntaxError:
            continue
        statements = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.stmt)] or [1]
        lines = {chosen.choice(statements) for _ in range(3)}
        folded = fold(text, tree, lines)
        assert folded.unfold(folded.text) == text, path
        reduced = folded.text.split("\n")
        assert len(reduced) == len(folded.lines)
        assert all(reduced[folded.lines.index(n)] == text.split("\n")[n - 1] for n in lines), path
        condensed = condense(folded.text, [folded.lines.index(n) + 1 for n in lines])
        ast.parse(condensed.text)
        assert condensed.unfold(condensed.text) == folded.text, path


@pytest.mark.parametrize(("mode", "formatted"), [("whole-file", True), ("changed", False), ("off", False)])
def test_what_was_set_aside_is_formatted_with_the_whole_file(
    mode: str, formatted: bool, tmp_path: Path
) -> None:
    path = tmp_path / "actions.py"
    path.write_text(in_action("time.sleep(1)") + "\n\ndef other( a ,b ):\n    return 'a'\n", encoding="utf-8")
    (change,) = migrate([path], tmp_path, Config(black=mode)).changes
    assert "await asyncio.sleep(1)" in change.after
    assert ("def other(a, b):" in change.after) == formatted
    assert ("def other( a ,b ):" in change.after) != formatted


def test_a_stand_in_that_is_lost_is_noticed() -> None:
    text = "def f():\n    a = 1\n    b = 2\n    return g()\n"
    folded = fold(text, ast.parse(text), {4})
    with pytest.raises(ValueError, match="set aside"):
        folded.unfold(folded.text.replace("    __set_aside_1__\n", ""))


# Statements as people write them. Where one counts as plain black must not want to change it.
STATEMENTS = """
order = await find(number)|if not await is_open(number):|for a in b:|x = f(a ,b)|x = u"a"|x = f"{a} b"|x = (1)
return []|x = {"a": b, **c}|with a as b, c as d:|x = 'a'|return (await f(x))["a"]|x = a ** b|while True:|x = a[1:2]
x = "a" "b"|for x in (1, 2):|for (x, y) in z:|return (1, 2)|return 1, 2|print((await x))|del (a)|assert x, "y"
x = lambda: 1|x = not a|x = -1|x = [a, b, ]|x = f(*a, **b)|if (a and b):|if (a := b):|x: int = (await f())["x"]
raise X(a) from b|x = 0XFF|x = 1e5|a = b = c|print(a if b else c)|x = [y async for y in z]|await f()|x = a[b, c]
x = (a, b)|x += 1|x = await f() or 1|x = b"a"|x = Rb"a"|x = f"{a +b}"|x = F"a"|x = ""|return not (a and b)|x = (yield)
x = f(a)[0]|return (await f(a)) if b else c|with (a, b):|x = a if (b) else c|if x in (1,):|x = (1,)|x = [*a, b]
x = "a%s" % b|x = not(a)|x = a[-1]|x = -a ** b|x = 5 .real|x = a @ b|global a, b|pass|x = f"{a!r:>10}"|x = a<b|x = 1 # c
x = a[i + 1:]|x = 1_000|x = 1J|x = a.b().c()|async with a as b:|async for a in b:|x = "\\xAB"|if x == (1):|x = {}
""".replace("\n", "|").strip("|").split("|")


def as_black_has_it(statement: str) -> str:
    block = "\n        pass" if statement.endswith(":") else ""
    return black.format_str(f"if _:\n    {statement}{block}\n", mode=black.Mode()).split("\n")[1].strip()


@pytest.mark.parametrize("statement", STATEMENTS)
def test_black_has_nothing_to_do_for_a_plain_statement(statement: str) -> None:
    if _is_plain(f"    {statement}", black.Mode()):
        assert as_black_has_it(statement) == statement


def test_most_statements_that_black_leaves_are_plain() -> None:
    left = [s for s in STATEMENTS if as_black_has_it(s) == s]
    plain = [s for s in left if _is_plain(f"    {s}", black.Mode())]
    assert len(plain) > 0.7 * len(left)


LONG = (
    'x = call(first_argument, second_argument, third_argument, {"a": 1}, [2, 3], "and a text that is long")'
)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_statements_are_formatted_at_their_depth(depth: int) -> None:
    indent = "    " * depth
    lines = ["def f():", f"{indent}{LONG}", f"{indent}y = 1", f"{indent}z = g( 1 )"]
    got = format_in_place(lines, [(1, 1), (3, 3)], False, black.Mode())
    assert got is not None
    nested = "".join("    " * level + "if _:\n" for level in range(depth)) + f"{indent}{LONG}\n"
    expected = black.format_str(nested, mode=black.Mode()).splitlines()[depth:]
    assert got == ["def f():", *expected, f"{indent}y = 1", f"{indent}z = g(1)"]


@pytest.mark.parametrize(
    "statement", ["def g():", "@a", "elif x:", "else:", "except E:", "class A:", "import x"]
)
def test_what_matters_to_others_is_not_formatted_by_itself(statement: str) -> None:
    assert format_in_place(["def f():", f"    {statement}"], [(1, 1)], False, black.Mode()) is None


@pytest.mark.parametrize("seed", range(40))
def test_changes_make_the_new_text_of_the_old(seed: int) -> None:
    """With many lines alike, as blank ones and `return []` are, and some that moved."""
    chosen = random.Random(seed)
    old = [chosen.choice(["", "return []", f"line {chosen.randint(0, 30)}"]) for _ in range(60)]
    new = [line for line in old if chosen.random() > 0.1]
    for _ in range(6):
        new.insert(chosen.randint(0, len(new)), chosen.choice(["", f"new {chosen.randint(0, 9)}", *old[:3]]))
    built: list[str] = []
    at = (0, 0)
    for kind, i1, i2, j1, j2 in opcodes(old, new):
        assert (i1, j1) == at
        assert (old[i1:i2] == new[j1:j2]) == (kind == "equal")
        built += old[i1:i2] if kind == "equal" else new[j1:j2]
        at = (i2, j2)
    assert at == (len(old), len(new))
    assert built == new


EDGES = {"a": "bc", "b": "d", "c": "a", "d": "", "e": "ab", "f": "f"}


@pytest.mark.parametrize("goal", "abcdf")
def test_a_walk_comes_to_what_counts(goal: str) -> None:
    """Circles included, and in whatever order the questions are asked."""
    reaches = Reaching[str](lambda node: (node == goal, EDGES[node]))
    expected = {"a": "ace", "b": "abce", "c": "ace", "d": "abcde", "f": "f"}[goal]
    for order in (sorted(EDGES), sorted(EDGES, reverse=True)):
        assert "".join(sorted(node for node in order if reaches(node))) == expected
        reaches.forget()


def test_what_joins_spreads_to_what_leads_there() -> None:
    callers = {node: [n for n, onward in EDGES.items() if node in onward] for node in EDGES}
    found = {"d"}
    spread(found, "abcef", lambda node: any(n in found for n in EDGES[node]), callers.__getitem__)
    assert found == set("abcde")
