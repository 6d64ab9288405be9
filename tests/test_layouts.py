"""Every way of laying out a project: each start that its users type works as before, and every import.

The cases stand in `fixtures/layouts`, and test_fixtures.py has them as well. Here they are started for real: the
commands of `[[start]]` are run, before and after, with this Python's rasa-sdk and with an older one; each action of
each server is called. And each module is imported by each name under which it could be.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from execution import migrate
from fixture_cases import (
    FIXTURES,
    Case,
    all_cases,
    arguments,
    migrate_tree,
    scripted_server,
    server_env,
    without_length,
)
from interpreters import INTERPRETERS
from starts import Start

pytestmark = pytest.mark.slow

HERE = Path(__file__).resolve().parent
CASES = [case for case in all_cases() if case.folder.parent == FIXTURES / "layouts"]
# What only a file beside the folder of the actions tells isn't seen where just that folder is given.
TOLD_FROM_WITHIN = [case for case in CASES if case.folder.name != "procfile"]
Migrated = Callable[[Case], Path]


def starts(*, tests: bool) -> list[Any]:
    """The servers, or the runs of tests, of every case."""
    pairs = [(case, start) for case in CASES for start in case.start if start.runs_tests == tests]
    return [pytest.param(case, start, id=f"{case.folder.name}: {start}") for case, start in pairs]


@dataclass(frozen=True)
class Served:
    """What a server answered to one call, and what it asked of others for that."""

    status: int
    body: Any
    requests: list[tuple[Any, ...]]

    @property
    def texts(self) -> list[str]:
        return [response["text"] for response in self.body["responses"]]


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Migrated:
    """The case's project after its user ran the tool in a clone: made once, not to be written to."""
    folders: dict[Path, Path] = {}

    def of(case: Case) -> Path:
        if case.folder not in folders:
            folder = tmp_path_factory.mktemp(case.folder.name)
            (folder / ".git").mkdir()  # which tells the tool where the project's root is
            folders[case.folder] = migrated_copy(case, folder, *case.paths)
        return folders[case.folder]

    return of


def migrated_copy(case: Case, to: Path, *paths: str) -> Path:
    done = migrate(copied(case.folder / "before", to), *paths)
    assert done.returncode == 0, done.stderr
    return to


def copied(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True))


# --- servers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("python", INTERPRETERS)
@pytest.mark.parametrize(("case", "start"), starts(tests=False))
def test_server(case: Case, start: Start, python: str, migrated: Migrated, tmp_path: Path) -> None:
    was_folder = copied(case.folder / "before", tmp_path / "was")
    now_folder = copied(migrated(case), tmp_path / "now")
    with ThreadPoolExecutor(2) as both:
        later = both.submit(served, case, start, now_folder, python)
        was = served(case, start, was_folder, python)
        now = later.result()
    assert [one.texts for one in was] == [run["says"] for run in case.run if start.runs(run["action"])]
    assert now == was


def served(case: Case, start: Start, folder: Path, python: str) -> list[Served]:
    """Start the server and call its actions.

    Raises:
        NotStarted: it doesn't.
    """
    start.lay_out(folder)
    answers = []
    with scripted_server(case) as backend:
        with start.server(folder, python, server_env(backend)) as server:
            for run in case.run:
                if start.runs(run["action"]):
                    answer = server.call(run["action"], **arguments(run))
                    asked = [without_length(request).meaning for request in backend.take()]
                    answers.append(Served(answer.status, answer.body, asked))
        assert "never awaited" not in server.log
    return answers


# --- the project's own tests -----------------------------------------------------------------------


@pytest.mark.parametrize("python", INTERPRETERS)
@pytest.mark.parametrize(("case", "start"), starts(tests=True))
def test_own_tests(case: Case, start: Start, python: str, migrated: Migrated, tmp_path: Path) -> None:
    passed = []
    for folder in (
        copied(case.folder / "before", tmp_path / "was"),
        copied(migrated(case), tmp_path / "now"),
    ):
        with scripted_server(case) as backend:
            done = start.tests(folder, python, server_env(backend))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "never awaited" not in done.stdout
        passed.append(done.stdout.strip().splitlines()[-1].split(" in ")[0])
    assert passed[0] == passed[1]


# --- imports ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("python", INTERPRETERS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.folder.name)
def test_imports(case: Case, python: str, migrated: Migrated, tmp_path: Path) -> None:
    """Whatever can be imported, from whatever folder, still can be."""
    was = importable(case, copied(case.folder / "before", tmp_path / "was"), python)
    now = importable(case, copied(migrated(case), tmp_path / "now"), python)
    assert was
    assert was - now == set()


@pytest.mark.parametrize("case", TOLD_FROM_WITHIN, ids=lambda case: case.folder.name)
def test_imports_where_only_the_actions_are_named(case: Case, tmp_path: Path) -> None:
    """Run on each folder of modules by itself, outside of any repository: the tool sees nothing around it."""
    was = importable(case, copied(case.folder / "before", tmp_path / "was"), sys.executable)
    now = copied(case.folder / "before", tmp_path / "now")
    for folder in sorted({path.parent for path in now.rglob("*.py")}):
        assert not migrate_tree(folder).errors
    assert was - importable(case, now, sys.executable) == set()


def test_every_run_reads_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python orders sets anew in each process; which of two folders an import means doesn't depend on that."""
    folder = copied(FIXTURES / "layouts" / "two_folders_of_a_name" / "before", tmp_path)
    (folder / ".git").mkdir()
    diffs = set()
    for seed in range(8):
        monkeypatch.setenv("PYTHONHASHSEED", str(seed))
        diffs.add(migrate(folder, "--diff", ".").stdout)
    assert len(diffs) == 1


def importable(case: Case, folder: Path, python: str) -> set[tuple[str, str]]:
    """The modules that can be imported, each with the way: a folder, or several joined by `+`.

    Folders count that a start puts on the path, or from which a module imports a neighbour: that one without any
    could be imported by its bare name as well, from within its package, is nobody's way.
    """
    for start in case.start:
        start.lay_out(folder)
    started = {start.path for start in case.start}
    done = subprocess.run(
        [python, str(HERE / "importable.py"), str(folder)],
        input=json.dumps([list(way) for way in sorted(started | with_modules(folder))]),
        env={**os.environ, "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1", "API_URL": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    roots = {"+".join(way) for way in started} | {way for way, _, others in found if others}
    return {(way, name) for way, name, _ in found if way in roots}


def with_modules(folder: Path) -> set[tuple[str, ...]]:
    """Each folder with modules below it, by itself."""
    above = {
        parent
        for path in folder.rglob("*.py")
        for parent in path.parents
        if folder in (parent, *parent.parents)
    }
    return {(path.relative_to(folder).as_posix(),) for path in above}
