"""black on what the migration changed: before, after the migration, and what is written."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

from rasa_asyncify.formatting import Formatted, format_changes

PATH = Path("actions/actions.py")


def formatted(root: Path, before: str, after: str, mode: str = "changed", config: str = "") -> Formatted:
    (root / ".git").mkdir(exist_ok=True)
    (root / "pyproject.toml").write_text(config)
    return format_changes(before, after, path=PATH, root=root, mode=mode)


def text(source: str) -> str:
    return textwrap.dedent(source).lstrip("\n")


CASES = [
    pytest.param(
        """
        x = 'kept'
        def run(self,a): return time.sleep( a )
        y = {'kept':1}
        """,
        """
        x = 'kept'
        async def run(self,a): return await asyncio.sleep( a )
        y = {'kept':1}
        """,
        """
        x = 'kept'
        async def run(self, a):
            return await asyncio.sleep(a)
        y = {'kept':1}
        """,
        id="a changed line is formatted, its neighbours are not",
    ),
    pytest.param(
        """
        class A(Action):
            def name(self): return 'a'
            def run(self, dispatcher: CollectingDispatcher,
                    tracker: Tracker,
                    domain: Dict[Text, Any]) -> List[Dict[Text, Any]]:
                return [ ]
        """,
        """
        class A(Action):
            def name(self): return 'a'
            async def run(self, dispatcher: CollectingDispatcher,
                    tracker: Tracker,
                    domain: Dict[Text, Any]) -> List[Dict[Text, Any]]:
                return [ ]
        """,
        """
        class A(Action):
            def name(self): return 'a'
            async def run(self, dispatcher: CollectingDispatcher,
                    tracker: Tracker,
                    domain: Dict[Text, Any]) -> List[Dict[Text, Any]]:
                return [ ]
        """,
        id="a signature of several lines that only gains async stays",
    ),
    pytest.param(
        """
        class A(Action):
            x = 'k'



            def run(self,a):
                return [ ]
            def other(self): pass
        """,
        """
        class A(Action):
            x = 'k'



            async def run(self,a):
                return [ ]
            def other(self): pass
        """,
        """
        class A(Action):
            x = 'k'



            async def run(self, a):
                return [ ]
            def other(self): pass
        """,
        id="blank lines that were there stay",
    ),
    pytest.param(
        """
        class A(Action):
            def name(self): return 'a'
            @retry
            # why
            def run(self,a):
                return [ ]
        """,
        """
        class A(Action):
            def name(self): return 'a'
            @retry
            # why
            async def run(self,a):
                return [ ]
        """,
        """
        class A(Action):
            def name(self): return 'a'
            @retry
            # why
            async def run(self, a):
                return [ ]
        """,
        id="no blank line comes before a method that only gains async",
    ),
    pytest.param(
        """
        class A(Action):
            def run(self, a):
                x = 'k'
                row = db.execute('select 1').fetchone()
                y = 'k'
        """,
        """
        class A(Action):
            async def run(self, a):
                x = 'k'

                def fetch():
                    return db.execute('select 1').fetchone()
                row = await _in_thread(fetch)
                y = 'k'
        """,
        """
        class A(Action):
            async def run(self, a):
                x = 'k'

                def fetch():
                    return db.execute("select 1").fetchone()

                row = await _in_thread(fetch)
                y = 'k'
        """,
        id="blank lines between what is new",
    ),
    pytest.param(
        """
        def run(url):
            h = {'a':1}
            response = requests.get(url,
                headers={'b': 1},
                timeout=5)
            return response
        """,
        """
        async def run(url):
            h = {'a':1}
            async with aiohttp.ClientSession(trust_env=True) as session, session.get(url,
                headers={'b': 1},
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=5)) as response:
                await response.read()
            return response
        """,
        """
        async def run(url):
            h = {'a':1}
            async with aiohttp.ClientSession(trust_env=True) as session, session.get(
                url,
                headers={"b": 1},
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=5),
            ) as response:
                await response.read()
            return response
        """,
        id="a statement that was written anew is formatted as a whole",
    ),
    pytest.param(
        """
        def run(url):
            return {
                'a': {'x':1},
                'b': get( url ),
                'c': {'y':1},
            }
        """,
        """
        async def run(url):
            return {
                'a': {'x':1},
                'b': await get( url ),
                'c': {'y':1},
            }
        """,
        """
        async def run(url):
            return {
                'a': {'x':1},
                'b': await get( url ),
                'c': {'y':1},
            }
        """,
        id="a statement with one changed line stays",
    ),
    pytest.param(
        """
        import os, requests
        x = 'k'
        """,
        """
        import os, json
        import aiohttp
        x = 'k'
        """,
        """
        import os, json
        import aiohttp
        x = 'k'
        """,
        id="imports",
    ),
    pytest.param(
        """
        def f():
            return 'k'
        def g(a):
          if a:
              return get( a )
          return 'k'
        def h():
            return 'k'
        """,
        """
        def f():
            return 'k'
        async def g(a):
          if a:
              return await get( a )
          return 'k'
        def h():
            return 'k'
        """,
        """
        def f():
            return 'k'
        async def g(a):
          if a:
              return await get( a )
          return 'k'
        def h():
            return 'k'
        """,
        id="an odd block in a file of four spaces stays",
    ),
    pytest.param(
        """
        def f(a):
            if a: g( a )
            else: time.sleep( a )
            time.sleep( a )
        """,
        """
        async def f(a):
            if a: g( a )
            else: await asyncio.sleep( a )
            await asyncio.sleep( a )
        """,
        """
        async def f(a):
            if a: g( a )
            else: await asyncio.sleep( a )
            await asyncio.sleep(a)
        """,
        id="half of a statement in one line stays",
    ),
    pytest.param(
        """
        # fmt: off
        def f(a): return get( a )
        # fmt: on
        x='k'
        """,
        """
        # fmt: off
        async def f(a): return await get( a )
        # fmt: on
        x='k'
        """,
        """
        # fmt: off
        async def f(a): return await get( a )
        # fmt: on
        x='k'
        """,
        id="fmt: off is obeyed",
    ),
]


@pytest.mark.parametrize(("before", "after", "expected"), CASES)
def test_only_what_was_changed(tmp_path: Path, before: str, after: str, expected: str) -> None:
    before, after, expected = text(before), text(after), text(expected)
    assert formatted(tmp_path, before, after) == Formatted(expected, None)
    assert formatted(tmp_path, before, after, "off") == Formatted(after, None)


@pytest.mark.parametrize("head", ["\n\n\n", "\n\x0c\n", "  \n"])
@pytest.mark.parametrize("tail", ["z='k'", "z='k'\n\n\n", "\x0c\nz='k'  \n", "z='\u2028\x85'\n"])
def test_unusual_ends_stay(tmp_path: Path, head: str, tail: str) -> None:
    before = f"{head}x='k'\ndef f(a):\n    return  get(a)\n{tail}"
    after = f"{head}x='k'\nasync def f(a):\n    return  await get(a)\n{tail}"
    expected = f"{head}x='k'\nasync def f(a):\n    return await get(a)\n{tail}"
    assert formatted(tmp_path, before, after) == Formatted(expected, None)


LONG = "    return await session.get(address, timeout=LIMIT, params={'city': city, 'key': MY_KEY})\n"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("", '        address, timeout=LIMIT, params={"city": city, "key": MY_KEY}\n    )\n'),
        ("line-length = 100", LONG.replace("'", '"')),
        ("line-length = 100\nskip-string-normalization = true", LONG),
    ],
)
@pytest.mark.parametrize("other", ["x = 1\n", "x  =  1\n"], ids=["clean before", "not clean"])
def test_obeys_the_configuration_of_black(tmp_path: Path, config: str, expected: str, other: str) -> None:
    before = f"{other}\n\ndef f():\n    pass\n"
    after = f"{other}\n\nasync def f():\n{LONG}"
    result = formatted(tmp_path, before, after, config=f"[tool.black]\n{config}\n")
    assert result.skipped is None
    assert result.text.startswith(f"{other}\n\nasync def f():\n")
    assert result.text.endswith(expected)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("", "f(\n    1,\n)\n"),
        ("[tool.black]\nskip-magic-trailing-comma = true", "f(1)\n"),
        ("[tool.black]\ntarget-version = ['py39']\npreview = true", "f(\n    1,\n)\n"),
        ("[tool.black]\nunstable = true\nenable-unstable-feature = []", "f(\n    1,\n)\n"),
        ("[project]\nrequires-python = '>=3.9'", "f(\n    1,\n)\n"),
    ],
)
def test_other_keys(tmp_path: Path, config: str, expected: str) -> None:
    assert formatted(tmp_path, "", "f(1,)\n", config=config) == Formatted(expected, None)


@pytest.mark.parametrize("target", ["", "target-version = ['py38']"])
def test_a_clean_file_stays_clean(tmp_path: Path, target: str) -> None:
    """Also for what black has to do to lines that the migration left alone (its blank lines)."""
    config = f"[tool.black]\n{target}\n"
    before = "import requests\n\nx = 1\n\n\ndef f():\n    return requests.get(x)\n"
    after = (
        "import aiohttp\nx = 1\n\n\nasync def f():\n"
        "    async with aiohttp.ClientSession(trust_env=True) as session, session.get(x, timeout="
        "aiohttp.ClientTimeout(total=None)) as response:\n        await response.read()\n"
        "    return response\n"
    )
    result = formatted(tmp_path, before, after, config=config)
    assert result.text == (
        "import aiohttp\n\nx = 1\n\n\nasync def f():\n"
        "    async with aiohttp.ClientSession(trust_env=True) as session, session.get(\n"
        "        x, timeout=aiohttp.ClientTimeout(total=None)\n"
        "    ) as response:\n        await response.read()\n    return response\n"
    )
    path = tmp_path / "actions.py"
    path.write_text(result.text)
    run = subprocess.run([sys.executable, "-m", "black", "--check", "-q", str(path)], check=False)
    assert run.returncode == 0


def test_a_range_that_black_fails_on_costs_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import black

    format_str = black.format_str

    def fail(text: str, *, mode: black.Mode, lines: Sequence[tuple[int, int]] = ()) -> str:
        if (5, 5) in lines:  # without the blank line at the start
            raise RuntimeError
        return format_str(text, mode=mode, lines=lines)

    monkeypatch.setattr(black, "format_str", fail)
    before = "x='k'\n" * 5
    after = "\nf( 1 )\nf( 2 )\nx='k'\n\nf( 3 )\n"
    result = formatted(tmp_path, before, after)
    assert result == Formatted("\nf(1)\nf(2)\nx='k'\n\nf( 3 )\n", None)


def test_whole_file_formats_everything(tmp_path: Path) -> None:
    before, after = "x  = 'k'\nif x:\n  f( )\n", "x  = 'k'\nif x:\n  g( )\n"
    assert formatted(tmp_path, before, after, "whole-file").text == 'x = "k"\nif x:\n    g()\n'


@pytest.mark.parametrize("mode", ["changed", "whole-file"])
@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("x = 1\r\ny = 2\n", "x = 3\r\ny = 2\n", "mixed newlines"),
        ("def f(:\n", "async def f(:\n", "black failed: cannot parse"),
        ("print 1\n", "print 2\n", "black failed: cannot parse"),
        ("'''\n", "'''\n\n", "black failed: cannot parse"),
        ("  x = 1\n y = 2\n", "  x = 1\n y = 3\n", "black failed: "),
        ("x = " + "(" * 9999, "y = " + "(" * 9999, "black failed: "),
    ],
)
def test_what_black_cannot_do_is_said(
    tmp_path: Path, mode: str, before: str, after: str, reason: str
) -> None:
    result = formatted(tmp_path, before, after, mode)
    assert result.text == after
    assert result.skipped is not None
    assert result.skipped.lower().startswith(reason)


@pytest.mark.parametrize(
    ("indent", "reason"),
    [
        ("\t", "indented by tabs"),
        ("  ", "indented by two spaces"),
        (" " * 5, "indented by 5 spaces"),
        (" " * 8, "indented by eight spaces"),
        ("    ", None),
    ],
)
def test_another_indentation_is_left_alone(tmp_path: Path, indent: str, reason: str | None) -> None:
    before = f"if a:\n{indent}if b:\n{indent * 2}c( )\n{indent}d( )\n"
    after = before.replace("c(", "e(")
    result = formatted(tmp_path, before, after)
    assert result == Formatted(after if reason else after.replace("e( )", "e()"), reason)


@pytest.mark.parametrize(
    ("config", "cause"),
    [
        ("[tool.black]\ntarget-version = ['py1']", "unknown name 'PY1'"),
        ("[tool.black]\nline-length = 'wide'", "invalid literal for int()"),
        ("[tool.black", "Expected ']'"),
    ],
)
def test_a_configuration_that_is_wrong(tmp_path: Path, config: str, cause: str) -> None:
    result = formatted(tmp_path, "x  = 1\n", "y  = 1\n", config=config)
    assert result.text == "y  = 1\n"
    assert (result.skipped or "").startswith(f"the configuration of black cannot be used: {cause}")


def test_black_is_imported_only_when_it_formats() -> None:
    code = (
        "import sys, pathlib; from rasa_asyncify.formatting import format_changes as f; "
        "p = pathlib.Path(); f('a', 'b', path=p, root=p, mode='off'); print('black' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
