"""One run from the command line: settle the options, migrate, show, write, tell the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import click

from rasa_asyncify.changes import Change, FileError, Result
from rasa_asyncify.config import Config, ConfigError, load
from rasa_asyncify.discovery import compile_exclude, find_root, python_files
from rasa_asyncify.engine import migrate
from rasa_asyncify.parallel import processors
from rasa_asyncify.progress import Bar, Progress, Silent, can_show_bar
from rasa_asyncify.report import Reporter
from rasa_asyncify.writing import write_atomically

STDIN = Path("-")


@dataclass(frozen=True)
class Options:
    """The options as given; None where the configuration decides."""

    check: bool = False
    diff: bool = False
    color: bool | None = None
    exclude: str | None = None
    extend_exclude: str | None = None
    black: str | None = None
    http: str | None = None
    http_session: str | None = None
    executor_workers: int | None = None
    jobs: int | None = None
    stdin_filename: Path | None = None
    quiet: bool = False
    verbose: bool = False


class Session:
    """Runs once for ``paths`` (files, folders, or ``-`` alone)."""

    def __init__(self, paths: Sequence[Path], options: Options) -> None:
        self.paths = list(paths)
        self.options = options
        self._walked: list[Path] = []

    def run(self) -> int:
        """Do it; the exit code.

        Raises:
            click.ClickException: for bad usage, with exit code 2.
        """
        if STDIN in self.paths:
            return self._run_stdin()
        missing = [str(p) for p in self.paths if not p.exists()]
        if missing:
            raise click.BadParameter(f"{', '.join(missing)}: no such file or folder", param_hint="PATHS")
        paths = [Path(os.path.abspath(p)) for p in self.paths]  # noqa: PTH100
        root = self._root(paths)
        config = self._config(root)
        targets = python_files(paths, root, exclude=config.exclude, extend_exclude=config.extend_exclude)
        named = [p for p in paths if p.is_file()]
        self._walked = [p for p in paths if p not in named]
        result = self._migrate(targets, root, config, None, named)
        reporter = Reporter(result, self.options.quiet, self.options.verbose, self._writes())
        if self.options.diff:
            for change in result.changes:
                reporter.diff(change, self.options.color)
        if self._writes():
            self._write(result)
        for change in result.changes:
            reporter.changed(change)
        reporter.summary(self.paths)
        return self._exit_code(result)

    def _writes(self) -> bool:
        return not (self.options.check or self.options.diff)

    @staticmethod
    def _root(paths: Sequence[Path]) -> Path:
        try:
            return find_root(paths)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="PATHS") from error

    def _config(self, root: Path) -> Config:
        try:
            config = load(root)
        except ConfigError as error:
            raise click.UsageError(str(error)) from error
        try:
            for pattern in (self.options.exclude, self.options.extend_exclude):
                if pattern is not None:
                    compile_exclude(pattern)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--exclude") from error
        given = {
            key: getattr(self.options, key)
            for key in ("exclude", "extend_exclude", "black", "http", "http_session", "executor_workers")
        }
        return replace(config, **{key: value for key, value in given.items() if value is not None})

    def _migrate(
        self,
        targets: Sequence[Path],
        root: Path,
        config: Config,
        overlay: dict[Path, bytes] | None,
        named: Sequence[Path],
    ) -> Result:
        try:
            with self._progress() as progress:
                return migrate(
                    targets,
                    root,
                    config,
                    overlay=overlay,
                    named=named,
                    walked=self._walked,
                    jobs=self.options.jobs or processors(),
                    progress=progress,
                )
        except Exception as error:
            if os.environ.get("RASA_ASYNCIFY_DEBUG"):
                raise
            raise _Internal(error) from error

    def _progress(self) -> AbstractContextManager[Progress]:
        return Bar() if can_show_bar() and not self.options.quiet else nullcontext(Silent())

    # -- output ---------------------------------------------------------------

    def _write(self, result: Result) -> None:
        written: list[Change] = []
        for change in _helpers_first(result.changes):
            try:
                write_atomically(change.path, change.data())
            except OSError as error:
                result.errors.append(FileError(change.path, None, error.strerror or str(error)))
            else:
                written.append(change)
        result.changes = written

    def _exit_code(self, result: Result) -> int:
        if result.errors:
            return 2
        if self.options.check and (result.changes or any(f.blocks for f in result.findings)):
            return 1
        return 0

    # -- standard input ---------------------------------------------------------------

    def _run_stdin(self) -> int:
        if len(self.paths) > 1:
            raise click.UsageError("`-` can't be combined with other paths")
        data = sys.stdin.buffer.read()
        name = self.options.stdin_filename
        path = Path(os.path.abspath(name or "stdin.py"))  # noqa: PTH100
        root = self._root([path]) if name else path.parent / "<stdin>"
        config = self._config(root)
        result = self._migrate([path], root, config, {path: data}, [path])
        reporter = Reporter(result, self.options.quiet, self.options.verbose, self._writes())
        own = [c for c in result.changes if c.path == path]
        if self.options.diff:
            for change in result.changes:
                reporter.diff(change, self.options.color)
        elif not self.options.check:
            sys.stdout.buffer.write(own[0].data() if own else data)
            sys.stdout.buffer.flush()
        reporter.summary(self.paths)
        return self._exit_code(result)


class _Internal(click.ClickException):
    """Something in rasa-asyncify itself failed: no file was written."""

    exit_code = 2

    def __init__(self, error: Exception) -> None:
        super().__init__(
            f"internal error, nothing was changed: {type(error).__name__}: {error}\n"
            "Please report it; RASA_ASYNCIFY_DEBUG=1 shows where it happened."
        )


def _helpers_first(changes: Sequence[Change]) -> list[Change]:
    """New files first: whatever happens then, no module imports what isn't there."""
    return sorted(changes, key=lambda c: c.before is not None)
