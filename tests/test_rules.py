"""Every rule is told of in the README, tested by its code, and said with it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from planning import in_action

from rasa_asyncify.changes import Change, Result
from rasa_asyncify.cli import main
from rasa_asyncify.edits import Edit, Span
from rasa_asyncify.native.for_requests.differences import ALL as DIFFERENCES
from rasa_asyncify.plan import Finding, Plan
from rasa_asyncify.report import Reporter
from rasa_asyncify.rules import RULES
from rasa_asyncify.source import decode

TESTS = Path(__file__).parent


@cache
def readme() -> str:
    return (TESTS.parent / "README.md").read_text(encoding="utf-8")


@cache
def _texts() -> str:
    """All tests and cases but this."""
    cases = [
        *TESTS.glob("fixtures/*/*/case.toml"),
        *(p for p in TESTS.glob("test_*.py") if p != Path(__file__)),
    ]
    return "".join(path.read_text(encoding="utf-8") for path in cases)


@pytest.mark.parametrize("code", RULES)
def test_a_rule_is_known(code: str) -> None:
    assert RULES[code].code == code
    assert f"{code} `{RULES[code].name}`" in readme(), "the README tells of each rule"
    assert code in _texts(), "a test names each rule"


def test_the_differences_of_requests_are_told_of() -> None:
    """By the names that `-v` has for them, in its order."""
    places = [readme().find(f"| **{name}**") for name in DIFFERENCES]
    assert -1 not in places
    assert places == sorted(places)


def test_a_finding_is_said_with_its_code_and_its_rule(tmp_path: Path) -> None:
    path = tmp_path / "actions.py"
    path.write_text(in_action("db = domain.database\ndb.execute('select 1')"), encoding="utf-8")
    said = CliRunner().invoke(main, ["--check", str(path)]).stderr
    assert "actions.py:11: RA108 db.execute() looks like a call of a database" in said
    assert f"RA108 {RULES['RA108'].name}: {RULES['RA108'].why}" in said


@pytest.mark.parametrize("code", RULES)
def test_what_is_said_begins_with_its_code(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Findings, and with `-v` notes and edits: place, code and reason; each finding's rule once more below."""
    path, rule = Path.cwd() / "actions.py", RULES[code]
    plan = Plan()
    if code < "RA1":
        plan.add(path, Edit(Span(3, 0, 3, 5), code, "because"))
        expected = f"  actions.py:3: {code} {rule.name}: because"
    else:
        plan.findings.append(Finding(code, path, 3, "because"))
        expected = f"actions.py:3: {code} because\n{code} {rule.name}: {rule.why}"
    change = Change(path, decode(path, b"x"), "y")
    reporter = Reporter(
        Result(path.parent, [path], [change], plan=plan), quiet=False, verbose=True, writes=False
    )
    reporter.changed(change)
    reporter.summary([path])
    assert expected in capsys.readouterr().err
