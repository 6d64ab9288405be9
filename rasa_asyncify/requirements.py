"""What a project requires, from its requirements files, build files and images; nothing is run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rasa_asyncify.discovery import SKIPPED_FOLDERS, VENV_MARKER
from rasa_asyncify.requirement_formats import (
    UNREADABLE,
    Reader,
    included_files,
    read_compose_file,
    read_dockerfile,
    reader_for,
)

if TYPE_CHECKING:
    from packaging.version import Version

_MAX_DEPTH = 5  # folders below the root
_OLD_SDKS = ("rasa-core-sdk", "rasa-core")  # never awaited anything
_AWAITS_RUN = (1, 5)
_AWAITS_FORMS = (1, 7)


@dataclass(frozen=True)
class Requirement:
    """One requirement: the normalised name, a PEP 440 specifier ("" for any), file and line."""

    name: str
    specifier: str
    path: Path
    line: int


@dataclass(frozen=True)
class SdkPin:
    """The newest rasa-sdk that a project admits, as text, where it says so, and what that awaits.

    `awaits_run`: `Action.run` may be a coroutine function (1.5); `awaits_forms`: the methods of a
    `FormAction` may (1.7).
    """

    version: str
    path: Path
    line: int
    awaits_run: bool
    awaits_forms: bool


def read_requirements(root: Path) -> list[Requirement]:
    """Everything required by the files under `root`, sorted by file and line.

    These are `*requirements*.txt`, `requirements/*.txt` and the files that these name by `-r`,
    pyproject.toml (PEP 621, Poetry), setup.cfg, setup.py (literals), Pipfile, Dockerfiles and
    Compose files (the images of Rasa, `pip install`), outside the folders that discovery skips.
    What cannot be read is passed over.
    """
    found: list[Requirement] = []
    todo = list(_files(str(root), 0))
    seen = {path for path, _ in todo}
    while todo:
        path, reader = todo.pop()
        try:
            text = _text(path)
            items = list(reader(text))
        except UNREADABLE:
            continue  # not ours to complain about
        found += [Requirement(name, specifier, path, line) for name, specifier, line in items]
        for named in included_files(text) if path.suffix == ".txt" else ():
            other = Path(os.path.normpath(path.parent / named))
            if other not in seen and other.is_relative_to(root):
                seen.add(other)
                todo.append((other, reader))
    return sorted(found, key=lambda item: (item.path, item.line, item.name, item.specifier))


def sdk_pin(requirements: Sequence[Requirement]) -> SdkPin | None:
    """The pin of rasa-sdk; else of rasa, which has the SDK's minor version; else of an old SDK.

    Of several, the one that admits the newest version (a development file may lag behind). None
    where nothing restricts the version.
    """
    for name in ("rasa-sdk", "rasa"):
        pins = [
            (newest, item)
            for item in requirements
            if item.name == name and item.specifier and (newest := _newest(item.specifier))
        ]
        if pins:
            newest, item = max(pins, key=lambda pin: pin[0])
            return _pin(item, newest.release[:2])
    if any(item.name in ("rasa-sdk", "rasa") for item in requirements):
        return None
    old = next((item for name in _OLD_SDKS for item in requirements if item.name == name), None)
    return _pin(old, (0,)) if old else None


def requirements_file_for(requirements: Sequence[Requirement], root: Path, near: Path) -> Path | None:
    """The file in which a new requirement of the code at `near` (a folder or file) belongs.

    That is the nearest one that requires rasa-sdk; else rasa; else requests; else the nearest of
    all, or an empty requirements.txt in `root`; a Dockerfile if there is nothing else; else None.
    """
    folder = near if near.is_dir() else near.parent

    def preference(path: Path) -> tuple[int, bool, int, Path]:
        steps = len(Path(os.path.relpath(path.parent, folder)).parts)
        is_for_development = re.search("dev|test", path.name, re.IGNORECASE) is not None
        return steps, is_for_development, len(path.name), path

    lists = [item for item in requirements if reader_for(item.path.name, "") is not read_compose_file]
    files = [item for item in lists if reader_for(item.path.name, "") is not read_dockerfile]
    for name in ("rasa-sdk", "rasa", "requests"):
        if paths := {item.path for item in files if item.name == name}:
            return min(paths, key=preference)
    if not files and (root / "requirements.txt").is_file():
        return root / "requirements.txt"
    return min({item.path for item in files or lists}, key=preference, default=None)


def _pin(item: Requirement, newest: tuple[int, ...]) -> SdkPin:
    return SdkPin(
        version=item.name + item.specifier,
        path=item.path,
        line=item.line,
        awaits_run=newest >= _AWAITS_RUN,
        awaits_forms=newest >= _AWAITS_FORMS,
    )


def _newest(specifier: str) -> Version | None:
    """The newest version that a specifier admits, of those that tell one SDK from another."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion, Version

    try:
        admitted = SpecifierSet(specifier)
    except InvalidSpecifier:
        return None
    names = {f"{major}.{minor}.{patch}" for major in range(10) for minor in range(12) for patch in (0, 99)}
    names |= {f"3.{minor}.99" for minor in range(12, 100)}
    for clause in admitted:
        # the version itself, and its neighbours for "<", ">" and "!="
        base = [int(part) for part in re.findall(r"\d+", clause.version)[:3]] + [0, 0]
        major, minor, patch = base[:3]
        names |= {
            clause.version,
            f"{major}.{minor}.{patch + 1}",
            f"{major}.{minor}.{max(patch - 1, 0)}",
        }
    versions = []
    for name in names:
        try:
            versions.append(Version(name))
        except InvalidVersion:  # "1.4.*"
            continue
    return max(admitted.filter(versions, prereleases=True), default=None)


def _files(folder: str, depth: int) -> Iterator[tuple[Path, Reader]]:
    try:
        with os.scandir(folder) as scan:
            entries = {entry.name: entry for entry in scan}
    except OSError:
        return
    if VENV_MARKER in entries:
        return
    parent = Path(folder).name
    for name, entry in entries.items():
        try:
            if entry.is_dir(follow_symlinks=False):
                if depth < _MAX_DEPTH and name not in SKIPPED_FOLDERS:
                    yield from _files(entry.path, depth + 1)
            elif (reader := reader_for(name, parent)) and entry.is_file():
                yield Path(entry.path), reader
        except OSError:
            continue


def _text(path: Path) -> str:
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):  # `pip freeze >` in PowerShell
        return data.decode("utf-16")
    return data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
