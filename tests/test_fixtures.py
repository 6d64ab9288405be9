"""Every fixture case: the text, the behaviour, the event loop, a second run, the project's own tests.

`pytest tests/test_fixtures.py --update-fixtures` rewrites the `after/` folders with what the tool
makes of the `before/` folders now; read the difference before committing it. `-k http/exceptions`
picks one case, and one of a library with `-m ''`. What a case.toml can say stands in fixture_cases.py.
"""

from __future__ import annotations

import ast
import importlib.metadata
import shutil
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import services
from execution import ROOT, LoopReport, pickled
from fixture_cases import (
    FIXTURES,
    Case,
    all_cases,
    counts,
    is_installed,
    loading,
    migrate_tree,
    missing,
    run_case,
    run_own_tests,
    running_services,
    stubs,
    tomllib,
    tree,
    update_after,
)
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from rasa_asyncify import catalogue
from rasa_asyncify.changes import Result
from rasa_asyncify.plan import Finding

CASES = all_cases()
SLOW = {"libraries"}  # topics


@dataclass(frozen=True)
class Migrated:
    """A case with two copies of its project: untouched, and migrated."""

    case: Case
    before: Path
    after: Path
    result: Result


def marked(case: Case) -> Any:
    marks = [pytest.mark.slow] if case.folder.parent.name in SLOW else []
    return pytest.param(case, id=case.name, marks=marks)


@pytest.fixture(scope="module", params=map(marked, CASES))
def migrated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Migrated:
    case = request.param
    folder = tmp_path_factory.mktemp(case.folder.name)
    for name in ("before", "after"):
        shutil.copytree(case.folder / "before", folder / name)
    result = migrate_tree(folder / "after", case.paths)
    return Migrated(case, folder / "before", folder / "after", result)


def copy_of(folder: Path, tmp_path: Path) -> Path:
    """A copy that runs may leave files in."""
    return Path(shutil.copytree(folder, tmp_path / folder.name))


def test_text_and_decisions(migrated: Migrated, request: pytest.FixtureRequest) -> None:
    case, result = migrated.case, migrated.result
    if request.config.getoption("--update-fixtures"):
        update_after(case, migrated.after)
    assert not result.errors
    assert counts(result) == case.counts
    assert tuple(finding.rule for finding in result.findings) == case.findings
    got, expected = tree(migrated.after), tree(case.folder / "after")
    assert list(got) == list(expected)
    for path, data in got.items():
        assert data.decode("utf-8", "replace") == expected[path].decode("utf-8", "replace"), path
    assert got == expected


def test_second_run_changes_nothing(migrated: Migrated, tmp_path: Path) -> None:
    folder = copy_of(migrated.after, tmp_path)
    again = migrate_tree(folder, migrated.case.paths)
    assert not again.errors
    assert not again.changes


def test_behaviour_and_event_loop(migrated: Migrated, tmp_path: Path) -> None:
    case = migrated.case
    skip_unless_it_runs(case)
    try:
        before = run_case(case, copy_of(migrated.before, tmp_path))
        after = run_case(case, copy_of(migrated.after, tmp_path))
    except services.Unavailable as reason:
        pytest.skip(str(reason))
    check_behaviour(case, before, after)
    assert any(report.calls for report in before) == case.held
    assert set(case.blocks) <= {call.function for report in before for call in report.calls}
    reported = {place_of(f, migrated.after) for f in migrated.result.findings if f.blocks}
    calls = {call for report in after for call in report.calls}
    assert {call for call in calls if call.place not in reported} == set()


def skip_unless_it_runs(case: Case) -> None:
    if not case.calls:
        pytest.skip("no action of this case can be run on the installed rasa-sdk")
    if reason := missing(case):
        pytest.skip(reason)


def place_of(finding: Finding, folder: Path) -> str:
    return f"{finding.path.relative_to(folder.resolve()).as_posix()}:{finding.line}"


def check_behaviour(case: Case, before: list[LoopReport], after: list[LoopReport]) -> None:
    if case.fails_before:
        assert all(report.outcome.error for report in before)
        assert not any(report.outcome.error for report in after)
        return
    for (_, run), was, now in zip(case.calls, before, after, strict=True):
        assert now.outcome.behaviour == was.outcome.behaviour, (run, was.outcome, now.outcome)
        assert was.outcome.texts == run.get("says", was.outcome.texts)
    # A case whose actions all fail shows nothing.
    assert any(not report.outcome.error for report in before)


def test_actions_can_be_pickled(migrated: Migrated, tmp_path: Path) -> None:
    """rasa-sdk 3.21 sends the action instances to a worker process."""
    skip_unless_it_runs(migrated.case)
    start, _ = migrated.case.calls[0]
    with ExitStack() as stack:
        try:
            where = stack.enter_context(running_services(migrated.case))
        except services.Unavailable as reason:
            pytest.skip(str(reason))
        stack.enter_context(stubs(migrated.case))
        env = {"API_URL": "http://127.0.0.1:9", **where}
        before, after = (copy_of(folder, tmp_path) for folder in (migrated.before, migrated.after))
        start.lay_out(before)
        start.lay_out(after)
        try:
            pickled(before, env=env, **loading(start))
        except (AttributeError, TypeError) as error:  # such as the SDK's own InMemoryKnowledgeBase
            pytest.skip(f"not before either: {error}")
        assert pickled(after, env=env, **loading(start))


@pytest.mark.slow
@pytest.mark.parametrize("case", [c for c in CASES if c.own_tests], ids=lambda case: case.name)
def test_own_tests_pass_before_and_after(case: Case, tmp_path: Path) -> None:
    if reason := missing(case):
        pytest.skip(reason)
    folder = copy_of(case.folder / "before", tmp_path)
    try:
        was = run_own_tests(case, folder)
    except services.Unavailable as reason:
        pytest.skip(str(reason))
    assert was.returncode == 0, was.stdout
    migrate_tree(folder, case.paths)
    now = run_own_tests(case, folder)
    assert now.returncode == 0, now.stdout
    assert summary_line(now.stdout).split(" in ")[0] == summary_line(was.stdout).split(" in ")[0]


def summary_line(output: str) -> str:
    return output.strip().splitlines()[-1]


def test_every_folder_is_a_case() -> None:
    """A misplaced or misspelled case.toml would be passed over in silence."""
    folders = {path.parent for path in FIXTURES.rglob("before")}
    assert folders == {case.folder for case in CASES}
    assert all(case.why.endswith(".") for case in CASES)


LIBRARIES = sorted(path.stem for path in Path(catalogue.__file__).parent.glob("[!_]*.toml"))
# Entries whose cases stand elsewhere: under the topic that they show.
ELSEWHERE = {
    "builtins": "offload/file",  # open
    "google": "libraries/google_storage",  # and others named google_...
    "httpx": "httpx/get",
    "requests": "http/verbs",
    "time": "sleep/import_styles",
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_library_of_the_catalogue_is_run(library: str) -> None:
    """An entry is believed once a case that imports the library was run, before and after."""
    cases = {case.name: case for case in CASES}
    case = cases.get(ELSEWHERE.get(library, f"libraries/{library}"))
    assert case is not None
    assert case.run
    assert library == "builtins" or library in imported(case.folder / "before")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 finds only packages with a top_level.txt")
def test_what_cases_need_is_an_extra() -> None:
    """Otherwise they would be skipped for ever, where nobody looks."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    offered = {canonicalize_name(Requirement(text).name) for texts in extras.values() for text in texts}
    known = importlib.metadata.packages_distributions()
    installed = {name for case in CASES for name in case.needs if is_installed(name)}
    for need in {name.partition(".")[0] for name in installed} - sys.stdlib_module_names:
        assert offered & set(map(canonicalize_name, known[need])), need


def imported(folder: Path) -> set[str]:
    """The top-level names that a project's modules import."""
    nodes = [node for path in folder.rglob("*.py") for node in ast.walk(ast.parse(path.read_bytes()))]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    of = {
        node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level
    }
    return {name.partition(".")[0] for name in plain | of}
