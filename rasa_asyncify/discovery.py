"""Which files a run reads: the project's root, and the Python files under the paths given.

A walk over thousands of entries is on strings, not on Path objects, which take ten times as long.
"""

# ruff: noqa: PTH118

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_ROOT_MARKERS = (".git", ".hg", "pyproject.toml")
# What an assistant's folder holds; without any, a folder far above might be anybody's home.
_ASSISTANT_FILES = ("domain.yml", "config.yml", "endpoints.yml")

# What black leaves out, and two kinds of folder that hold other people's code.
SKIPPED_FOLDERS = frozenset(
    {".direnv", ".eggs", ".git", ".hg", ".ipynb_checkpoints", ".mypy_cache", ".nox", ".svn"}
    | {".pytest_cache", ".ruff_cache", ".tox", ".venv", ".vscode", "__pycache__", "__pypackages__"}
    | {"_build", "buck-out", "build", "dist", "venv", "node_modules", "site-packages"}
)
# Never the project's own, so skipped as well where `exclude` replaces the list above.
_FOREIGN_FOLDERS = frozenset({".git", ".hg", "__pycache__", "node_modules", "site-packages"})
# The file that makes a folder a virtual environment, whatever it is called.
VENV_MARKER = "pyvenv.cfg"


def find_root(paths: Sequence[Path]) -> Path:
    """The project's root: absolute, symbolic links resolved.

    That is the nearest folder at or above the common parent of `paths` (the working folder if
    there are none) with a `.git`, `.hg` or `pyproject.toml`; if there is none, the working folder
    where the paths lie right below it or it holds an assistant, else the common parent.
    Raises ValueError where the paths have no parent in common (two drives).
    """
    folders = [_folder_of(path) for path in paths] or [str(Path.cwd())]
    common = Path(os.path.commonpath(folders))
    for folder in (common, *common.parents):
        if any((folder / marker).exists() for marker in _ROOT_MARKERS):
            return folder
    here = Path.cwd().resolve()
    is_near = here == common.parent or any((here / name).exists() for name in _ASSISTANT_FILES)
    return here if here in common.parents and is_near else common


def compile_exclude(pattern: str) -> re.Pattern[str]:
    """Compile an exclude pattern (verbose if it has several lines, as in black).

    Raises ValueError where it is not a regular expression.
    """
    try:
        return re.compile(f"(?x){pattern}" if "\n" in pattern else pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error


def python_files(
    paths: Sequence[Path],
    root: Path,
    *,
    exclude: str | None = None,
    extend_exclude: str | None = None,
) -> list[Path]:
    """The files named in `paths` and every `*.py` under its folders: absolute, sorted, unique.

    What is named is always taken: a file whatever it is called, a folder though it is ignored.
    What is found under a folder is subject to the `.gitignore` files from `root` downwards and to
    the regular expressions `exclude` (instead of the default list of folders) and `extend_exclude`
    (as well), each searched in the path relative to `root`, such as "/actions/api.py" or
    "/actions/". Virtual environments and folders that cannot be read are passed over.

    Symbolic links to folders are followed within `root` only. Where a file has several names, the
    one that is no link is given; a file named through links of folders is given without them.
    Raises FileNotFoundError for a path that does not exist, ValueError for a bad expression.
    """
    patterns = [compile_exclude(text) for text in (exclude, extend_exclude) if text is not None]
    skipped = SKIPPED_FOLDERS if exclude is None else _FOREIGN_FOLDERS
    walk = _Walk(os.path.realpath(root), skipped, patterns)
    for path in paths:
        if path.is_dir():
            walk.add_tree(os.path.realpath(path))
        elif path.exists():
            walk.add_file(Path(os.path.realpath(path.parent), path.name))
        else:
            raise FileNotFoundError(f"no such file or folder: {path}")
    return walk.files()


@dataclass(frozen=True)
class _Folder:
    """A folder to scan: the path it was reached by, where it really is, what is ignored in it."""

    path: str
    real: str
    ignores: tuple[_Ignore, ...]
    named: bool = False


@dataclass
class _Walk:
    """A walk over several trees: how to choose, what was found, and which folders were seen."""

    root: str
    skipped: frozenset[str]
    patterns: list[re.Pattern[str]]
    found: set[str] = field(default_factory=set)
    linked_files: set[str] = field(default_factory=set)
    linked_folders: list[_Folder] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def add_file(self, path: Path) -> None:
        (self.linked_files if path.is_symlink() else self.found).add(str(path))

    def add_tree(self, path: str) -> None:
        """Walk a folder, then what symbolic links lead to and was not walked under its own name."""
        pending = [_Folder(path, path, _ignores_above(path, self.root), named=True)]
        while pending or self.linked_folders:
            folder = pending.pop() if pending else self.linked_folders.pop()
            if folder.real not in self.seen:
                self.seen.add(folder.real)
                pending.extend(self._scan(folder))

    def files(self) -> list[Path]:
        """What was found, sorted; a link only where the file has no other name."""
        real = set(self.found)
        for path in sorted(self.linked_files):
            target = os.path.realpath(path)
            if target not in real:
                real.add(target)
                self.found.add(path)
        return [Path(path) for path in sorted(self.found)]

    def _scan(self, folder: _Folder) -> Iterator[_Folder]:
        """Take the files of one folder, note the folders behind links, yield the others."""
        try:
            with os.scandir(folder.path) as scan:
                entries = {entry.name: entry for entry in scan}
        except OSError:
            return
        if VENV_MARKER in entries and not folder.named:
            return
        ignores = folder.ignores
        if ".gitignore" in entries:
            ignores += _ignores_in(folder.path)
        for name, entry in entries.items():
            is_folder = _is(entry, os.DirEntry.is_dir)
            if not (is_folder or (name.endswith(".py") and _is(entry, os.DirEntry.is_file))):
                continue
            if (is_folder and name in self.skipped) or self._is_left_out(entry, is_folder, ignores):
                continue
            if not is_folder:
                (self.linked_files if entry.is_symlink() else self.found).add(entry.path)
            elif not _is_link(entry):
                yield _Folder(entry.path, os.path.join(folder.real, name), ignores)
            elif _is_inside(target := os.path.realpath(entry.path), self.root):
                self.linked_folders.append(_Folder(entry.path, target, ignores))

    def _is_left_out(self, entry: os.DirEntry[str], is_folder: bool, ignores: tuple[_Ignore, ...]) -> bool:
        slash = "/" if is_folder else ""
        if self.patterns:
            path = "/" + _relative(entry.path, self.root) + slash
            if any(found and found[0] for found in (p.search(path) for p in self.patterns)):
                return True
        for ignore in reversed(ignores):  # the deepest .gitignore that has an opinion decides
            if (verdict := ignore.verdict(entry.path, slash)) is not None:
                return verdict
        return False


@dataclass(frozen=True)
class _Ignore:
    """The patterns of one .gitignore file, and the folder that it stands in."""

    folder: str
    spec: GitIgnoreSpec

    def verdict(self, path: str, slash: str) -> bool | None:
        """Whether the path (with "/" behind it for a folder) is ignored; None: not mentioned."""
        return self.spec.check_file(_relative(path, self.folder) + slash).include


def _ignores_above(path: str, root: str) -> tuple[_Ignore, ...]:
    """The .gitignore files of `root` and the folders between it and a folder that was named.

    One that would ignore that very folder is left out: it says nothing about what is inside.
    """
    if path == root or not _is_inside(path, root):
        return ()
    folders, folder = [root], root
    for part in _relative(path, root).split("/")[:-1]:
        folders.append(folder := os.path.join(folder, part))
    ignores = (ignore for folder in folders for ignore in _ignores_in(folder))
    return tuple(ignore for ignore in ignores if not ignore.verdict(path, "/"))


def _ignores_in(folder: str) -> tuple[_Ignore, ...]:
    """The .gitignore of a folder, if there is one with a pattern in it."""
    try:
        text = Path(folder, ".gitignore").read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return ()
    lines = [line for line in text.split("\n") if line.strip() and not line.startswith("#")]
    if not lines:
        return ()
    from pathspec import GitIgnoreSpec  # 30 ms, so only where there is something to match

    try:
        return (_Ignore(folder, GitIgnoreSpec.from_lines(lines)),)
    except ValueError:  # one bad pattern, which git passes over
        return (_Ignore(folder, GitIgnoreSpec.from_lines(filter(_is_pattern, lines))),)


def _is_pattern(line: str) -> bool:
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True


def _folder_of(path: Path) -> str:
    return os.path.realpath(path if path.is_dir() else path.parent)


def _relative(path: str, folder: str) -> str:
    """The posix path below a folder that contains it; another path as it is."""
    prefix = folder if folder.endswith(os.sep) else folder + os.sep
    path = path.removeprefix(prefix)
    return path if os.sep == "/" else path.replace(os.sep, "/")


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)


def _is(entry: os.DirEntry[str], kind: Callable[[os.DirEntry[str]], bool]) -> bool:
    try:
        return kind(entry)
    except OSError:  # a link to itself
        return False


def _is_link(entry: os.DirEntry[str]) -> bool:
    # Windows has junctions too; Python knows them since 3.12.
    return entry.is_symlink() or bool(getattr(entry, "is_junction", lambda: False)())
