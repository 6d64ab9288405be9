"""Migrate the cases once per session, however many workers run them."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from fixture_cases import migrate_tree

from differential.farm import NEEDS, PLACEHOLDERS
from differential.loading import PACKAGE, PARTS, Case, write_project
from differential.table import kind_of

# What stands in the code for a placeholder until a worker knows where its own servers are.
STAND_INS = {
    name: f"{'https' if name in NEEDS else 'http'}://127.0.0.1:{10001 + number}"
    for number, name in enumerate(PLACEHOLDERS)
}
STAND_INS["localhost"] = STAND_INS["localhost"].replace("127.0.0.1", "localhost")
STAND_INS["address"] = STAND_INS["address"].removeprefix("http://")
STAND_INS.update({name: f"/certificates/{name}.pem" for name in ("ca", "client", "other_ca")})


@dataclass(frozen=True)
class Note:
    """What the migration did to one case's module.

    `errors` say why it was left as it was; `reported` are the lines that block the event loop still,
    with a finding.
    """

    kind: str
    errors: Sequence[str]
    reported: Sequence[int]


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder of this session, the same for all of its workers."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def migrate_cases(cases: Sequence[Case], folder: Path, limit: float = 300.0) -> dict[str, Note]:
    """Write all cases to `folder`/before and migrated ones to `folder`/after, a project a part.

    Workers that share `folder` share the work. Returns what was done to each case, by its id.

    Raises:
        RuntimeError: another worker failed, or takes longer than `limit` seconds.
    """
    folder.mkdir(exist_ok=True)
    for part in PARTS:
        with contextlib.suppress(FileExistsError):
            (folder / f"{part}.taken").mkdir()
            _migrate_part([case for case in cases if case.part == part], folder, part)
    deadline = time.monotonic() + limit
    notes: dict[str, Note] = {}
    for part in PARTS:
        done = folder / f"{part}.json"
        while not done.exists():
            if time.monotonic() > deadline or (folder / f"{part}.failed").exists():
                raise RuntimeError(f"another worker didn't migrate the part {part}")
            time.sleep(0.05)
        notes.update({name: Note(**note) for name, note in json.loads(done.read_text()).items()})
    return notes


def _migrate_part(cases: Sequence[Case], folder: Path, part: str) -> None:
    try:
        for copy in ("before", "after"):
            write_project(folder / copy / part, cases, STAND_INS)
        notes = {name: asdict(note) for name, note in _notes(cases, folder / "after" / part).items()}
    except BaseException:
        (folder / f"{part}.failed").touch()
        raise
    unfinished = folder / f"{part}.unfinished"
    unfinished.write_text(json.dumps(notes))
    unfinished.rename(folder / f"{part}.json")


def _notes(cases: Sequence[Case], project: Path) -> dict[str, Note]:
    result = migrate_tree(project)
    notes = {}
    for case in cases:
        path = project.resolve() / PACKAGE / f"{case.module_name}.py"
        notes[case.id] = Note(
            kind_of(result.plan.modules.get(path)),
            [error.cause for error in result.errors if error.path == path],
            [found.line for found in result.findings if found.blocks and found.path == path],
        )
    return notes


def settle(folder: Path, place: Path, places: Mapping[str, str]) -> None:
    """Copy the projects of `folder` to `place`, with addresses that are there."""
    known = {STAND_INS[name]: found for name, found in places.items()}
    for path in folder.rglob("*.py"):
        target = place / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(replaced(path.read_text(encoding="utf-8"), known), encoding="utf-8")


def replaced(text: str, known: Mapping[str, str]) -> str:
    """The text with each of the stand-ins replaced."""
    for stand_in, found in known.items():
        text = text.replace(stand_in, found)
    return text
