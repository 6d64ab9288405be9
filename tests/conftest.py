from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
# For `from execution import ...` and `from benchmarks.action_server import ...`.
for folder in (HERE.parent, HERE):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from recording_server import RecordingServer  # noqa: E402

WriteProject = Callable[..., Path]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-fixtures",
        action="store_true",
        help="rewrite the after/ folders of tests/fixtures with what the tool makes of before/",
    )


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    """A local HTTP server that answers 404 until it is told otherwise."""
    with RecordingServer() as recording:
        yield recording


@pytest.fixture
def project(tmp_path: Path) -> WriteProject:
    """Writes {relative path: text} below a folder of the test and returns the folder.

    Texts are dedented and lose a leading newline, so that they can stand indented in the test;
    bytes are written as they are.
    """

    def write(files: Mapping[str, str | bytes], name: str = "project") -> Path:
        folder = tmp_path / name
        for relative, content in files.items():
            path = folder / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str):
                content = textwrap.dedent(content).removeprefix("\n").encode()
            path.write_bytes(content)
        return folder

    return write


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of the differential suite, for the cases that ran."""
    from differential.table import Verdict, table

    reports = [r for kind in ("passed", "failed") for r in terminalreporter.getreports(kind)]
    properties = [pair for r in reports if r.when == "call" for pair in r.user_properties]
    verdicts = [Verdict(**value) for name, value in properties if name == "differential"]
    if verdicts:
        terminalreporter.section("differential suite")
        terminalreporter.write("\n".join(table(verdicts)) + "\n")
