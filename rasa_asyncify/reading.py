"""The files of a run: read and parsed once each, and which of them have to do with Rasa."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rasa_asyncify.changes import FileError
from rasa_asyncify.config import Config
from rasa_asyncify.discovery import python_files
from rasa_asyncify.emitted import is_helper_file
from rasa_asyncify.framework import sdk
from rasa_asyncify.source import Source, SourceError, decode

_MENTIONS = tuple(name.encode() for name in sdk.PACKAGES)
# What may import anything, and what may name anything.
_DYNAMIC = (b"import_module", b"__import__", b"iter_modules", b"walk_packages", b"run_path", b"run_module")
_BY_NAME = (b"patch", b"setattr", b"getattr", b"exec(")
_IMPORT = re.compile(rb"import[ \t]+(\()?")
_WORD = re.compile(rb"[A-Za-z_]\w*")
_MOSTLY = 0.8


class Files:
    """The ``targets`` and what lies around them; ``overlay`` holds contents that stand in for those on disk."""

    def __init__(
        self, targets: Sequence[Path], root: Path, config: Config, overlay: dict[Path, bytes]
    ) -> None:
        self.root = root
        self.config = config
        self.overlay = overlay
        self.targets = dict.fromkeys(targets)  # in their order, so that each run reads alike
        self.data: dict[Path, bytes] = {}
        self.sources: dict[Path, Source] = {}
        self.trees: dict[Path, ast.Module] = {}
        self.errors: list[FileError] = []

    def with_contents(self, contents: dict[Path, bytes]) -> Files:
        """The same files, of which some have other contents; what was read and parsed already stays."""
        overlay = {**self.overlay, **contents}
        again = Files([*self.targets, *contents], self.root, self.config, overlay)
        again.data = {**self.data, **overlay}
        again.sources = {p: s for p, s in self.sources.items() if p not in overlay}
        again.trees = {p: t for p, t in self.trees.items() if p not in overlay}
        return again

    def read_all(self, walked: frozenset[Path]) -> None:
        """Read the targets, and what else lies below the root; ``walked`` are folders whose files are all targets."""
        files = [*self.targets, *self.overlay]
        if self.root.is_dir() and self.root not in walked:  # standard input has no project around it
            files += python_files(
                [self.root],
                self.root,
                exclude=self.config.exclude,
                extend_exclude=self.config.extend_exclude,
            )
        for path in dict.fromkeys(files):
            try:
                self.data[path] = self.overlay[path] if path in self.overlay else _read(path)
            except OSError as error:
                if path in self.targets:
                    self.error(path, None, error.strerror or str(error))

    def relevant(self) -> list[Path]:
        """The files that mention the SDK, those that import them, and those that any of these import."""
        seeds = [p for p, data in self.data.items() if any(m in data for m in _MENTIONS)]
        if not seeds:
            return []
        if len(seeds) > _MOSTLY * len(self.data):
            # Telling the few others apart would cost more than reading them; an earlier run's helpers hold nothing.
            return [p for p, data in self.data.items() if not is_helper_file(p.name, data)]
        imports = {path: _imported_names(data) for path, data in self.data.items()}
        users: dict[str, set[Path]] = {}
        for path, names in imports.items():
            for name in names:
                users.setdefault(name, set()).add(path)
        by_name: dict[str, list[Path]] = {}
        for path in self.data:
            by_name.setdefault(_own_name(path), []).append(path)
        found = set(seeds)
        _spread(found, lambda p: users.get(_own_name(p), ()))
        _spread(found, lambda p: (q for name in imports[p] for q in by_name.get(name, ())))
        return [path for path in self.data if path in found]

    def apart(self) -> set[Path]:
        """The files that no chain of imports connects with one that mentions the SDK, in neither direction."""
        if any(word in data for data in self.data.values() for word in _DYNAMIC):
            return set()
        seeds = {p for p, data in self.data.items() if any(word in data for word in (*_MENTIONS, *_BY_NAME))}
        by_name: dict[str, list[Path]] = {}
        for path in self.data:
            by_name.setdefault(_own_name(path), []).append(path)
        neighbours: dict[Path, set[Path]] = {path: set() for path in self.data}
        for path, data in self.data.items():
            for name in _imported_names(data):
                for other in by_name.get(name, ()):
                    neighbours[path].add(other)
                    neighbours[other].add(path)
        _spread(seeds, lambda p: neighbours[p])
        return self.data.keys() - seeds

    def parse(self, path: Path) -> bool:
        """Parse a file, once; whether that could be done."""
        if path in self.trees:
            return True
        try:
            source = decode(path, self.data[path])
            tree = ast.parse(source.text)
        except SourceError as error:
            self.error(path, error.line, error.cause)
        except SyntaxError as error:
            self.error(path, error.lineno, error.msg)
        except (ValueError, RecursionError, MemoryError) as error:
            self.error(path, None, str(error) or type(error).__name__)
        else:
            self.sources[path], self.trees[path] = source, tree
            return True
        return False

    def error(self, path: Path, line: int | None, cause: str) -> None:
        """Note what is wrong with a target."""
        error = FileError(path, line, cause)
        if path in self.targets and error not in self.errors:
            self.errors.append(error)


def _read(path: Path) -> bytes:
    """The file's bytes, by a way that is a third faster than ``Path.read_bytes``: this runs a thousand times."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def _own_name(path: Path) -> str:
    return path.parent.name if path.name == "__init__.py" else path.stem


def _imported_names(data: bytes) -> set[str]:
    """The parts of all that a file imports: a cheap stand-in for parsing it, which may find too much."""
    found: set[bytes] = set()
    for match in _IMPORT.finditer(data):
        start = data.rfind(b"\n", 0, match.start()) + 1
        end = data.find(b")" if match[1] else b"\n", match.end())
        found.update(_WORD.findall(data, start, end if end >= 0 else len(data)))
    return {name.decode("ascii", "ignore") for name in found}


def _spread(
    found: set[Path],
    onward: Callable[[Path], Sequence[Path] | Iterator[Path] | set[Path] | tuple[()]],
) -> None:
    todo = list(found)
    while todo:
        for path in onward(todo.pop()):
            if path not in found:
                found.add(path)
                todo.append(path)
