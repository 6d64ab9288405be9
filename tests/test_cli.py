"""The command line: what it writes and says, and how it exits."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fixture_cases import tree

from rasa_asyncify import __version__
from rasa_asyncify.cli import main

PACKAGE = "actions/__init__.py"
SYNC = """
    import time

    from rasa_sdk import Action


    class ActionWait(Action):
        def name(self):
            return "action_wait"

        def run(self, dispatcher, tracker, domain):
            time.sleep(1)
            return []
"""
CLEAN = """
    from rasa_sdk import Action


    class ActionHello(Action):
        def name(self):
            return "action_hello"

        async def run(self, dispatcher, tracker, domain):
            return []
"""
# Nothing to change, but name() blocks, and can only be reported.
BLOCKING = """
    from rasa_sdk import Action


    class ActionNamed(Action):
        def name(self):
            return open("name.txt").read()

        async def run(self, dispatcher, tracker, domain):
            return []
"""

Run = Callable[..., Result]


@pytest.fixture
def run(project: Any, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Writes a project, goes there, and runs the command line in this process."""

    def runs(files: dict[str, str | bytes], *args: str, stdin: bytes | None = None) -> Result:
        folder = project({"pyproject.toml": "", **files})
        monkeypatch.chdir(folder)
        return CliRunner().invoke(main, list(args), input=stdin)

    return runs


def text(*paths: str) -> str:
    return "\n".join(Path(path).read_text(encoding="utf-8") for path in paths)


class TestExitCode:
    @pytest.mark.parametrize(
        ("source", "args", "code"),
        [
            (SYNC, [], 0),
            (SYNC, ["--diff"], 0),
            (SYNC, ["--check"], 1),
            (SYNC, ["--check", "--diff"], 1),
            (SYNC, ["--check", "-q"], 1),
            (CLEAN, [], 0),
            (CLEAN, ["--diff"], 0),
            (CLEAN, ["--check"], 0),
            (CLEAN, ["--check", "--diff"], 0),
            (BLOCKING, [], 0),
            (BLOCKING, ["--diff"], 0),
            (BLOCKING, ["--check"], 1),
        ],
    )
    def test_of_a_run(self, run: Run, source: str, args: list[str], code: int) -> None:
        """`--check` is 1 where something would change or still blocks; `--diff` alone never is."""
        assert run({"actions.py": source}, *args, ".").exit_code == code

    @pytest.mark.parametrize(
        "args",
        [
            ["no_such_folder"],
            ["actions.py", "no_such_file.py"],
            ["--no-such-option", "."],
            ["--black", "sometimes", "."],
            ["--exclude", "(", "."],
            ["-", "."],
        ],
    )
    def test_bad_usage_is_2_and_changes_nothing(self, run: Run, args: list[str]) -> None:
        result = run({"actions.py": SYNC}, *args)
        assert result.exit_code == 2
        assert "Error: " in result.stderr
        assert result.stdout == ""
        assert "async" not in text("actions.py")

    def test_bad_configuration_is_2(self, run: Run) -> None:
        table = '[tool.rasa-asyncify]\nexlude = "x"\n'
        result = run({"actions.py": SYNC, "pyproject.toml": table}, ".")
        assert result.exit_code == 2
        assert "did you mean 'exclude'" in result.stderr

    def test_internal_error_is_2_and_asks_for_a_report(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*args: Any, **kwargs: Any) -> None:
            raise ZeroDivisionError("oh")

        monkeypatch.delenv("RASA_ASYNCIFY_DEBUG", raising=False)
        monkeypatch.setattr("rasa_asyncify.session.migrate", fail)
        result = run({"actions.py": SYNC}, ".")
        assert result.exit_code == 2
        assert "internal error, nothing was changed: ZeroDivisionError: oh" in result.stderr
        assert "Traceback" not in result.stderr

    def test_no_paths_is_nothing_to_do(self, run: Run) -> None:
        result = run({"actions.py": SYNC})
        assert result.exit_code == 0
        assert "No paths given" in result.stderr


class TestWriting:
    @pytest.mark.parametrize("args", [["--check"], ["--diff"], ["--check", "--diff"]])
    def test_check_and_diff_change_nothing(self, run: Run, args: list[str]) -> None:
        run({"actions.py": SYNC}, "--version")
        before = tree(Path.cwd())
        assert CliRunner().invoke(main, [*args, "."]).exit_code in (0, 1)
        assert tree(Path.cwd()) == before

    def test_second_run_has_nothing_to_do(self, run: Run) -> None:
        assert run({PACKAGE: "", "actions/actions.py": SYNC}, ".").exit_code == 0
        before = tree(Path.cwd())
        result = CliRunner().invoke(main, ["--check", "."])
        assert result.exit_code == 0
        assert "All done! Nothing to change." in result.stderr
        assert tree(Path.cwd()) == before

    def test_only_what_is_named_is_written(self, run: Run) -> None:
        files = {PACKAGE: "", "actions/one.py": SYNC, "actions/two.py": SYNC}
        assert run(files, "actions/one.py").exit_code == 0
        assert "async def run" in text("actions/one.py")
        assert "async" not in text("actions/two.py")

    @pytest.mark.parametrize("option", ["--exclude", "--extend-exclude"])
    def test_excluded_files_stay(self, run: Run, option: str) -> None:
        assert run({"a.py": SYNC, "old/b.py": SYNC}, option, "^/old/", ".").exit_code == 0
        assert "async def run" in text("a.py")
        assert "async" not in text("old/b.py")

    def test_file_named_on_the_command_line_is_always_taken(self, run: Run) -> None:
        assert run({"build/a.py": SYNC, ".gitignore": "build\n"}, "build/a.py").exit_code == 0
        assert "async def run" in text("build/a.py")


class TestMessages:
    def test_diff_is_all_that_goes_to_standard_output(self, run: Run) -> None:
        result = run({"actions.py": SYNC}, "--diff", ".")
        assert result.stdout.startswith("--- actions.py\n+++ actions.py\n@@ ")
        assert "\n-        time.sleep(1)\n" in result.stdout
        assert "\n+        await asyncio.sleep(1)\n" in result.stdout
        assert "would migrate actions.py" in result.stderr

    def test_new_file_in_the_diff(self, run: Run) -> None:
        source = SYNC.replace("import time", "import os").replace("time.sleep(1)", 'os.system("true")')
        result = run({PACKAGE: "", "actions/actions.py": source}, "--diff", ".")
        assert "--- /dev/null\n+++ actions/_blocking_calls.py\n" in result.stdout
        assert "would add actions/_blocking_calls.py" in result.stderr

    @pytest.mark.parametrize(("args", "colored"), [([], False), (["--color"], True)])
    def test_colour(self, run: Run, args: list[str], colored: bool) -> None:
        """None where standard output is no terminal, as here, unless it is asked for."""
        result = run({"actions.py": SYNC}, "--diff", *args, ".")
        assert ("\x1b[32m+import asyncio" in result.stdout) == colored

    @pytest.mark.parametrize(
        ("args", "wording"), [([], "migrated actions.py"), (["--check"], "would migrate actions.py")]
    )
    def test_one_line_a_file_and_a_summary(self, run: Run, args: list[str], wording: str) -> None:
        result = run({"actions.py": SYNC}, *args, ".")
        assert result.stdout == ""
        lines = result.stderr.splitlines()
        assert lines[0] == wording
        assert any("1 action" in line for line in lines)
        assert any("1 file" in line for line in lines)
        assert result.stderr.count("SANIC_RESPONSE_TIMEOUT") == 1

    def test_quiet_says_nothing(self, run: Run) -> None:
        result = run({"actions.py": SYNC}, "-q", ".")
        assert (result.exit_code, result.output) == (0, "")
        assert "async def run" in text("actions.py")

    def test_quiet_still_names_errors(self, run: Run) -> None:
        result = run({"actions.py": "import rasa_sdk\ndef run(:\n"}, "-q", ".")
        assert result.exit_code == 2
        assert "error: actions.py:2: " in result.stderr

    def test_verbose_gives_each_decision_with_its_reason(self, run: Run) -> None:
        result = run({"actions.py": SYNC}, "-v", ".")
        assert "actions.py:10: RA001 async-run: the action server awaits" in result.stderr
        assert "actions.py:11: RA010 asyncio-sleep: time.sleep()" in result.stderr

    def test_what_remains_is_named_with_its_place(self, run: Run) -> None:
        result = run({"actions.py": BLOCKING}, ".")
        assert "actions.py:6: RA104 " in result.stderr
        assert "1 place still blocks the event loop" in result.stderr

    @pytest.mark.parametrize(
        ("requirements", "advice"),
        [
            ({"requirements.txt": "rasa-sdk\nrequests\n"}, "add `aiohttp` to requirements.txt"),
            ({"requirements.txt": "rasa-sdk\naiohttp\n"}, "which the project requires already"),
            ({}, "pip install aiohttp"),
        ],
    )
    def test_what_to_install(self, run: Run, requirements: dict[str, str | bytes], advice: str) -> None:
        fetch = SYNC.replace("import time", "import requests").replace(
            "time.sleep(1)", 'requests.get("http://localhost", timeout=1)'
        )
        assert advice in run({"actions.py": fetch, **requirements}, ".").stderr

    @pytest.mark.parametrize(
        ("files", "said"),
        [
            ({"requirements.txt": "rasa-sdk\nrequests>=2\n"}, "it can go from requirements.txt:2"),
            ({"requirements.txt": "-r base.txt\n", "base.txt": "requests\n"}, "it can go from base.txt:1"),
            ({"requirements.txt": "requests\n", "tool.py": "import json, requests\n"}, ""),
            ({"requirements.txt": "rasa-sdk\n"}, ""),
        ],
    )
    def test_what_can_go(self, run: Run, files: dict[str, str | bytes], said: str) -> None:
        fetch = SYNC.replace("import time", "import requests").replace(
            "time.sleep(1)", 'requests.get("http://localhost", timeout=1)'
        )
        stderr = run({"actions.py": fetch, **files}, ".").stderr
        assert said in stderr
        assert bool(said) == ("any more" in stderr)

    def test_wider_command_where_callers_lie_outside(self, run: Run) -> None:
        test = """
            from actions.actions import ActionWait


            def test_wait(dispatcher, tracker):
                ActionWait().run(dispatcher, tracker, {})
        """
        files = {PACKAGE: "", "actions/actions.py": SYNC, "tests/test_wait.py": test}
        result = run(files, "actions")
        assert "tests/test_wait.py:5: RA102 " in result.stderr
        assert "rasa-asyncify actions tests/test_wait.py" in result.stderr

    def test_black_leaves_a_file_indented_by_tabs(self, run: Run) -> None:
        source = (
            "import time\n\nfrom rasa_sdk import Action\n\n\nclass ActionWait(Action):\n"
            "\tdef run(self, dispatcher, tracker, domain):\n\t\ttime.sleep(1)\n"
        )
        result = run({"actions.py": source}, ".")
        assert "not formatted by black" in result.stderr
        assert "\tasync def run(self, dispatcher, tracker, domain):\n" in text("actions.py")

    def test_version(self, run: Run) -> None:
        assert run({}, "--version").stdout == f"rasa-asyncify, {__version__}\n"

    def test_help(self, run: Run) -> None:
        short, long = run({}, "-h"), run({}, "--help")
        assert short.stdout == long.stdout
        for option in ("--check", "--diff", "--exclude", "--black", "-q", "-v", "Exit codes"):
            assert option in short.stdout


class TestFilesThatFail:
    BROKEN: bytes = b"import rasa_sdk\n\ndef run(:\n"

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (BROKEN, "error: broken.py:3: invalid syntax"),
            (b"import rasa_sdk\nx = '\xff'\n", "error: broken.py:2: not decodable as utf-8"),
            (b"# coding: klingon\nimport rasa_sdk\n", "error: broken.py:1: "),
            (b"import rasa_sdk\nx = 1\0\n", "error: broken.py"),
        ],
    )
    def test_it_is_named_and_the_others_go_on(self, run: Run, data: bytes, message: str) -> None:
        result = run({"actions.py": SYNC, "broken.py": data}, ".")
        assert result.exit_code == 2
        assert message in result.stderr
        assert Path("broken.py").read_bytes() == data
        assert "async def run" in text("actions.py")

    @pytest.mark.parametrize("args", [[], ["--check"], ["--diff"]])
    def test_exit_code_is_2_again_in_a_second_run(self, run: Run, args: list[str]) -> None:
        run({"actions.py": SYNC, "broken.py": self.BROKEN}, ".")
        assert CliRunner().invoke(main, [*args, "."]).exit_code == 2

    def test_broken_file_that_is_named_but_has_nothing_to_do_with_rasa(self, run: Run) -> None:
        result = run({"broken.py": "def f(:\n"}, "broken.py")
        assert result.exit_code == 2
        assert "error: broken.py:1: " in result.stderr

    def test_broken_file_outside_of_the_paths_is_no_error(self, run: Run) -> None:
        result = run({"actions/actions.py": SYNC, "old/broken.py": self.BROKEN}, "actions")
        assert result.exit_code == 0
        assert "async def run" in text("actions/actions.py")

    def test_read_only_file(self, run: Run) -> None:
        """It is known before, so that nothing else is made to rely on its change."""
        run({"actions.py": SYNC, "other.py": SYNC}, "--version")
        Path("actions.py").chmod(0o444)
        result = CliRunner().invoke(main, ["."])
        assert result.exit_code == 2
        assert "error: actions.py" in result.stderr
        assert "async" not in text("actions.py")
        assert "async def run" in text("other.py")

    def test_write_that_fails(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        from rasa_asyncify import session

        plain_write = session.write_atomically

        def full(path: Path, data: bytes) -> None:
            if path.name == "one.py":
                raise OSError(28, "No space left on device")
            plain_write(path, data)

        monkeypatch.setattr(session, "write_atomically", full)
        result = run({"one.py": SYNC, "two.py": SYNC}, ".")
        assert result.exit_code == 2
        assert "error: one.py: No space left on device" in result.stderr
        assert "async" not in text("one.py")
        assert "async def run" in text("two.py")


class TestStandardInput:
    def source(self, eol: str = "\n") -> bytes:
        lines = (line.removeprefix("    ") for line in SYNC.strip("\n").split("\n"))
        return (eol.join(lines)).encode()

    @pytest.mark.parametrize("eol", ["\n", "\r\n"])
    def test_migrated_to_standard_output(self, run: Run, eol: str) -> None:
        result = run({}, "-", stdin=self.source(eol))
        assert result.exit_code == 0
        assert f"        await asyncio.sleep(1){eol}".encode() in result.stdout_bytes

    def test_nothing_to_change_comes_out_as_it_went_in(self, run: Run) -> None:
        data = b"x   =  1\r\n"
        assert run({}, "-", stdin=data).stdout_bytes == data

    @pytest.mark.parametrize(("option", "code"), [("--check", 1), ("--diff", 0)])
    def test_check_and_diff(self, run: Run, option: str, code: int) -> None:
        result = run({}, option, "-", stdin=self.source())
        assert result.exit_code == code
        assert ("+        await asyncio.sleep(1)" in result.stdout) == (option == "--diff")

    def test_broken_source(self, run: Run) -> None:
        result = run({}, "-", stdin=b"import rasa_sdk\ndef f(:\n")
        assert result.exit_code == 2
        assert "Traceback" not in result.stderr

    def test_named_as_a_file_of_a_project(self, run: Run) -> None:
        """What the editor has not saved yet, read with the project around it."""
        files = {PACKAGE: "", "actions/pause.py": "import time\n\n\ndef pause():\n    time.sleep(1)\n"}
        source = self.source().replace(b"import time", b"from actions.pause import pause")
        source = source.replace(b"time.sleep(1)", b"pause()")
        result = run(files, "--stdin-filename", "actions/actions.py", "-", stdin=source)
        assert result.exit_code == 0
        # pause.py is not given, so it stays as it is and goes to a thread.
        assert "in_thread(pause)" in result.stdout
        assert "async" not in text("actions/pause.py")


class TestInterrupt:
    @pytest.mark.parametrize("nth", [1, 2, 4])
    @pytest.mark.parametrize("moment", ["fsync", "replace"])
    def test_each_file_is_the_old_or_the_new_one(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, nth: int, moment: str
    ) -> None:
        run({PACKAGE: "", **{f"actions/a{i}.py": SYNC for i in range(4)}}, "--version")
        old = tree(Path.cwd())
        count = 0

        def interrupt(plain: Callable[..., Any]) -> Callable[..., Any]:
            def interrupted(*args: Any) -> Any:
                nonlocal count
                count += 1
                if count == nth:
                    raise KeyboardInterrupt
                return plain(*args)

            return interrupted

        owner: Any = os if moment == "fsync" else Path
        with monkeypatch.context() as patching:
            patching.setattr(owner, moment, interrupt(getattr(owner, moment)))
            result = CliRunner().invoke(main, ["."])
        assert result.exit_code == 130
        assert "Aborted!" in result.stderr
        now = tree(Path.cwd())
        assert now.keys() == old.keys()
        changed = [now[path] for path in now if now[path] != old[path]]
        assert len(changed) < 4
        for data in changed:
            assert data.endswith(b"        await asyncio.sleep(1)\n        return []\n")
