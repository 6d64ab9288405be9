"""Over 300 small actions, original and migrated, do the same to the same servers.

Cases stand in differential/cases/*.toml; differential/loading.py says how they are written. At the
end of the session a table says how many are written out, go to threads, and differ by what the README
lists. `-k arguments/params` picks cases.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from differential.comparing import Run, differences, run_case
from differential.farm import Farm, farm, missing
from differential.loading import BY_THE_ISSUE, PACKAGE, PARTS, Case, all_cases
from differential.migrating import Note, migrate_cases, settle, shared_folder
from differential.table import Verdict
from execution import Outcome, RaisedError
from recording_server import RecordedRequest

from rasa_asyncify.native.for_requests.differences import ALL as DIFFERENCES

CASES = all_cases()


@dataclass(frozen=True)
class Suite:
    """The cases' projects, untouched and migrated, and the servers that they talk to."""

    before: Path
    after: Path
    farm: Farm
    notes: Mapping[str, Note]

    def reported(self, case: Case) -> set[str]:
        """The places of the case that are reported to block the event loop still."""
        lines = self.notes[case.id].reported
        return {f"{PACKAGE}/{case.module_name}.py:{line}" for line in lines}

    def verdict(self, case: Case, *, raw_queries: bool = False) -> Verdict:
        """How the case was migrated."""
        return Verdict(
            case.part, case.name, self.notes[case.id].kind, case.executor, case.differs, raw_queries
        )


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    shared = shared_folder(tmp_path_factory) / "differential"
    notes = migrate_cases(CASES, shared)
    folder = tmp_path_factory.mktemp("settled")
    with farm(folder) as started:
        for copy in ("before", "after"):
            settle(shared / copy, folder / copy, started.places)
        yield Suite(folder / "before", folder / "after", started, notes)
        gc.unfreeze()  # what the runs have frozen


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_same_before_and_after(case: Case, suite: Suite, record_property: Callable[..., None]) -> None:
    if absent := missing(case):
        pytest.skip(f"needs {absent}")
    assert not suite.notes[case.id].errors
    before = run_case(case, suite.before / case.part, suite.farm)
    check_original(case, before)
    after = run_case(case, suite.after / case.part, suite.farm, watched=True)
    found = differences(before, after)
    raw_queries = not found and after.raw_queries != before.raw_queries
    record_property("differential", asdict(suite.verdict(case, raw_queries=raw_queries)))
    assert bool(found) == bool(case.differs), (after.outcome.error, found)
    assert [call for call in after.calls if call.place not in suite.reported(case)] == []
    if suite.notes[case.id].kind == "native":
        assert not after.in_threads
    assert set(after.warnings) <= set(before.warnings)


def check_original(case: Case, before: Run) -> None:
    """An original that fails where it isn't meant to, or does nothing, would compare nothing."""
    error = before.outcome.error
    assert (error is not None) == case.raises, error
    assert error is None or error.chain[0] not in {"builtins.NameError", "builtins.AttributeError"}, error
    assert before.outcome.messages or before.outcome.events or case.raises


def test_what_the_issue_asks_for() -> None:
    assert len(CASES) >= 300
    assert Counter(case.part for case in CASES).keys() == set(PARTS)
    assert {case.executor for case in CASES if case.executor} <= set(BY_THE_ISSUE)
    assert {case.differs for case in CASES if case.differs} <= set(DIFFERENCES)
    alone = [repr(replace(case, name="")) for case in CASES]
    assert len(set(alone)) == len({case.id for case in CASES}) == len(CASES)


# --- the suite itself can fail -----------------------------------------------------------------


def request(target: str = "/x?a=1&b=2", body: bytes = b"", **headers: str) -> RecordedRequest:
    path, _, query = target.partition("?")
    pairs = tuple(parse_qsl(query))
    sent = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return RecordedRequest("GET", target, tuple(path.split("/")[1:]), pairs, sent, body)


def one_run(*requests: RecordedRequest, text: str = "done", error: bool = False) -> Run:
    raised = RaisedError(("requests.exceptions.Timeout",), "slow") if error else None
    return Run(Outcome(messages=[{"text": text}], error=raised), {"server": list(requests)})


@pytest.mark.parametrize(
    ("after", "aspects"),
    [
        (one_run(request()), set()),
        (one_run(request(user_agent="another")), set()),
        (one_run(request(), text="failed"), {"messages"}),
        (one_run(request(), error=True), {"failure"}),
        (one_run(request("/y?a=1&b=2")), {"path"}),
        (one_run(request("/x?b=2&a=1")), {"query"}),
        (one_run(request(content_type="text/plain")), {"headers"}),
        (one_run(request(host="localhost")), {"headers"}),
        (one_run(request(body=b"{}")), {"body"}),
    ],
)
def test_a_difference_is_seen(after: Run, aspects: set[str]) -> None:
    assert set(differences(one_run(request()), after)) == aspects


def test_a_request_too_many_is_seen() -> None:
    assert "number of requests" in differences(one_run(request()), one_run(request(), request()))


def test_the_boundary_of_a_form_is_free() -> None:
    forms = [
        request(body=f"--{b}\r\n\r\nx".encode(), content_type=f"multipart/form-data; boundary={b}")
        for b in ("1234", "abcdef")
    ]
    assert differences(one_run(forms[0]), one_run(forms[1])) == {}
