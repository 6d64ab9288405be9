"""Several processes give the same as one, whatever becomes of them."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rasa_asyncify.parallel import Workers
from rasa_asyncify.progress import Bar

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from speed_trees import write_synchronous_tree

TOOL = [sys.executable, "-m", "rasa_asyncify"]
FILES = 40  # more than _MANY have to do with Rasa


def double(number: int) -> int:
    return 2 * number


def die_once(path: Path) -> str:
    """End the process the first time, as the system does where memory is short."""
    if not path.exists():
        path.touch()
        os._exit(9)
    return path.name


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_the_items(jobs: int) -> None:
    with Workers(jobs) as workers:
        workers.start()
        assert list(workers.map(double, range(50))) == [double(number) for number in range(50)]


def test_what_a_process_that_died_left_is_done_here(tmp_path: Path) -> None:
    with Workers(2) as workers:
        workers.start()
        assert list(workers.map(die_once, [tmp_path / "a"])) == ["a"]


def run_tool(tree: Path, *options: str) -> tuple[int, str, dict[str, bytes]]:
    done = subprocess.run([*TOOL, *options, "."], cwd=tree, capture_output=True, text=True)
    files = {str(p.relative_to(tree)): p.read_bytes() for p in sorted(tree.rglob("*.py"))}
    return done.returncode, done.stdout + done.stderr, files


def test_jobs_change_no_byte_and_no_message(tmp_path: Path) -> None:
    results = []
    for jobs in ("1", "2", "3"):
        tree = tmp_path / jobs
        write_synchronous_tree(tree, FILES)
        (tree / "shops" / "shop_000" / "broken.py").write_text("import rasa_sdk\ndef f(:\n", encoding="utf-8")
        results.append(run_tool(tree, "-v", "--jobs", jobs))
    assert results[0][0] == 2  # for the broken file; the others are migrated
    assert "async def run" in results[0][2]["shops/shop_000/order_actions.py"].decode()
    assert results[0] == results[1] == results[2]


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes by /proc")
@pytest.mark.parametrize("seconds", [0, 0.3, 1])
def test_an_interrupt_ends_all_processes(seconds: float, tmp_path: Path) -> None:
    """While they start, while this one decides, and while they work."""
    write_synchronous_tree(tmp_path, 400)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*.py")}
    command = [*TOOL, "--jobs", "2", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 60
    while not children(process.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    started = children(process.pid)
    assert started
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said.startswith("Aborted!")
    assert not [pid for pid in started if is_running(pid)]
    assert {p: p.read_bytes() for p in tmp_path.rglob("*.py")} == before


def children(pid: int) -> list[int]:
    try:
        return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").split()[2] not in "ZX"
    except OSError:
        return False


SLOW = """
import sys, time
from rasa_asyncify import progress
from rasa_asyncify.session import Options, Session
progress._AFTER = {after}
real = progress.Bar.stage
def slow(self, name, steps):
    real(self, name, steps)
    time.sleep(0.01)
progress.Bar.stage = slow
from pathlib import Path
sys.exit(Session([Path({path!r})], Options(check=True, quiet={quiet})).run())
"""
BARS = {  # how long the work has to take, whether there is a terminal, with -q: whether a bar is shown
    "a terminal and slow work": (0, True, False, True),
    "quick work": (60, True, False, False),
    "with -q": (0, True, True, False),
    "a pipe": (0, False, False, False),
}


@pytest.mark.parametrize("case", BARS)
def test_a_bar_is_for_terminals_and_slow_work(case: str, tmp_path: Path) -> None:
    after, terminal, quiet, shown = BARS[case]
    write_synchronous_tree(tmp_path, 20)
    code = SLOW.format(after=after, path=str(tmp_path), quiet=quiet)
    said = on_terminal(code) if terminal else in_pipe(code)
    assert [word in said for word in ("reading", "deciding", "rewriting")] == [shown] * 3
    if shown:  # and nothing is left of it
        assert said.rindex("\x1b[2K") > said.rindex("formatting")


def in_pipe(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr


def on_terminal(code: str) -> str:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    process = subprocess.Popen([sys.executable, "-c", code], stderr=theirs, stdout=theirs, env=environment)
    os.close(theirs)
    found = b""
    while True:
        ready, _, _ = select.select([ours], [], [], 60)
        try:
            data = os.read(ours, 4096) if ready else b""
        except OSError:  # the other side is closed
            data = b""
        if not data:
            break
        found += data
    process.wait(timeout=60)
    os.close(ours)
    return found.decode("utf-8", "replace")


def test_a_bar_without_steps_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Bar() as bar:
        bar.stage("reading", 0)
    assert capsys.readouterr().err == ""
