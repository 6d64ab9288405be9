"""From paths to changes: read the project, plan, rewrite, format, check. Nothing is written or printed here."""

from __future__ import annotations

import ast
import gc
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rasa_asyncify.call_graph.analysis import Analysis, analyse
from rasa_asyncify.call_graph.entries import SdkLimits
from rasa_asyncify.catalogue.own import OwnEntries
from rasa_asyncify.client_sessions import shared_sessions
from rasa_asyncify.config import Config
from rasa_asyncify.discovery import python_files
from rasa_asyncify.emitted import HELPERS, MODULES, workers_in
from rasa_asyncify.plan import Finding, Plan
from rasa_asyncify.project.index import Project
from rasa_asyncify.project.model import Module
from rasa_asyncify.source import Source, SourceError, decode, encode
from rasa_asyncify.writing import is_writable

_MENTIONS = (b"rasa_sdk", b"rasa_core_sdk")
_IMPORT = re.compile(rb"import[ \t]+(\()?")
_WORD = re.compile(rb"[A-Za-z_]\w*")
_MOSTLY = 0.8
_ATTEMPTS = 5


@dataclass(frozen=True)
class FileError:
    """A file that could not be read, parsed or migrated; ``line`` is 1-based."""

    path: Path
    line: int | None
    cause: str


@dataclass(frozen=True)
class Change:
    """One file before and after. ``before`` is None for a new file; ``unformatted`` says why black left it."""

    path: Path
    before: Source | None
    after: str
    unformatted: str | None = None

    def data(self) -> bytes:
        """The bytes to write."""
        if self.before is None:
            return self.after.encode("utf-8")
        return encode(self.before, self.after)


@dataclass
class Result:
    """Everything a run found out."""

    root: Path
    targets: list[Path]
    changes: list[Change] = field(default_factory=list)
    errors: list[FileError] = field(default_factory=list)
    plan: Plan = field(default_factory=Plan)
    # The run with all its trees: taking them apart costs a third of parsing, so it's left to the process's end.
    run: object = field(default=None, repr=False)

    @property
    def findings(self) -> list[Finding]:
        """The findings, by place."""
        return sorted(set(self.plan.findings), key=lambda f: (str(f.path), f.line, f.message))


def migrate(
    targets: Sequence[Path],
    root: Path,
    config: Config,
    *,
    overlay: dict[Path, bytes] | None = None,
    named: Sequence[Path] = (),
    walked: Iterable[Path] = (),
) -> Result:
    """Migrate the ``targets`` (absolute files) of the project at ``root``.

    ``overlay`` holds contents that stand in for those on disk. The ``named`` files are looked at even where they have
    nothing to do with Rasa, so that one that doesn't parse is reported. The ``targets`` hold all files of the folders
    ``walked``.
    """
    with _no_collection():
        run = _Run(targets, root, config, overlay or {})
        run.walked = frozenset(walked)
        return run.result(named)


class _Run:
    def __init__(
        self,
        targets: Sequence[Path],
        root: Path,
        config: Config,
        overlay: dict[Path, bytes],
    ) -> None:
        self.root = root
        self.config = config
        self.overlay = overlay
        self.alone = bool(overlay)  # standard input: no other file can be written
        self.outcome = Result(root, list(targets), run=self)
        self.targets = dict.fromkeys(targets)  # in their order, so that each run reads alike
        self.data: dict[Path, bytes] = {}
        self.sources: dict[Path, Source] = {}
        self.trees: dict[Path, ast.Module] = {}
        self.given_up: set[Path] = set()
        self.walked: frozenset[Path] = frozenset()

    def result(self, named: Sequence[Path]) -> Result:
        self._read_all()
        for path in named:
            if path in self.data:
                self._parse(path)
        relevant = self._relevant()
        if not relevant:
            return self.outcome
        analysis = self._analyse(relevant, lambda module: SdkLimits())
        if analysis.is_done():
            self.outcome.changes = self._adapt_helpers([])
            return self.outcome
        limits = self._limits()
        everything = list(self.data)
        for _ in range(_ATTEMPTS):
            analysis = self._analyse(everything, limits)
            plan = self._plan(analysis)
            changes = self._rewrite(plan)
            if changes is not None:
                self.outcome.plan, self.outcome.changes = plan, changes + self._adapt_helpers(changes)
                break
        return self.outcome

    # -- reading ---------------------------------------------------------------

    def _read_all(self) -> None:
        files = [*self.targets, *self.overlay]
        if self.root.is_dir() and self.root not in self.walked:  # standard input has no project around it
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
                    self._error(path, None, error.strerror or str(error))

    def _relevant(self) -> list[Path]:
        """The files that mention the SDK, those that import them, and those that any of these import."""
        seeds = [p for p, data in self.data.items() if any(m in data for m in _MENTIONS)]
        if not seeds:
            return []
        if len(seeds) > _MOSTLY * len(self.data):
            # Telling the few others apart would cost more than reading them; an earlier run's helpers hold nothing.
            return [p for p in self.data if not p.name.startswith(MODULES)]
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

    def _parse(self, path: Path) -> bool:
        if path in self.trees:
            return True
        try:
            source = decode(path, self.data[path])
            tree = ast.parse(source.text)
        except SourceError as error:
            self._error(path, error.line, error.cause)
        except SyntaxError as error:
            self._error(path, error.lineno, error.msg)
        except (ValueError, RecursionError, MemoryError) as error:
            self._error(path, None, str(error) or type(error).__name__)
        else:
            self.sources[path], self.trees[path] = source, tree
            return True
        return False

    def _error(self, path: Path, line: int | None, cause: str) -> None:
        error = FileError(path, line, cause)
        if path in self.targets and error not in self.outcome.errors:
            self.outcome.errors.append(error)

    def _analyse(self, paths: Sequence[Path], limits_of: Callable[[Module], SdkLimits]) -> Analysis:
        project = Project(self.root)
        for path in paths:
            if self._parse(path):
                project.add(self.sources[path], self.trees[path])
        own = OwnEntries(self.config.blocking, self.config.non_blocking)
        return analyse(project, limits_of, own if own.blocking or own.non_blocking else None)

    def _limits(self) -> Callable[[Module], SdkLimits]:
        """What the SDK awaits that a module's project pins: the nearest requirements at or above it."""
        from rasa_asyncify.requirements import read_requirements, sdk_pin

        requirements = read_requirements(self.root)
        known: dict[Path, SdkLimits] = {}

        def limits_of(module: Module) -> SdkLimits:
            folder = module.path.parent
            if folder not in known:
                pin = None
                for above in (folder, *folder.parents):
                    own = [r for r in requirements if above == _governed_by(r.path)]
                    pin = sdk_pin(own)
                    if pin is not None or above == self.root:
                        break
                if pin is None or "core" in pin.version:
                    # rasa_core_sdk is told by the imports; code that imports rasa_sdk doesn't run on it.
                    known[folder] = SdkLimits()
                else:
                    known[folder] = SdkLimits(
                        pin.awaits_run, pin.awaits_forms, pin.version, pin.path, pin.line
                    )
            return known[folder]

        return limits_of

    def _writable(self, module: Module) -> bool:
        path = module.path
        return path in self.targets and path not in self.given_up

    # -- rewriting ---------------------------------------------------------------

    def _rewrite(self, plan: Plan) -> list[Change] | None:
        """The changes of a plan; None where a file had to be given up, so that another plan is needed."""
        changes: list[Change] = []
        given_up = len(self.given_up)
        for path, module_plan in sorted(plan.modules.items()):
            if not module_plan.edits:
                continue
            if not is_writable(path) and path not in self.overlay:
                self._give_up(path, None, "is read-only")
                continue
            change = self._rewrite_one(path, plan)
            if change is not None:
                changes.append(change)
        if len(self.given_up) > given_up:
            return None
        changes += self._new_files(plan)
        return changes if not changes or self._is_stable(changes) else None

    def _rewrite_one(self, path: Path, plan: Plan) -> Change | None:
        from rasa_asyncify.formatting import format_changes
        from rasa_asyncify.rewrite.module import rewrite

        source = self.sources[path]
        try:
            text = rewrite(source.text, plan.modules[path])
            _check_compiles(text, path)
            formatted = format_changes(source.text, text, path=path, root=self.root, mode=self.config.black)
            _check_compiles(formatted.text, path)
            change = Change(path, source, formatted.text, formatted.skipped)
            change.data()
        except Exception as error:
            # Whatever goes wrong in one file must not cost the others.
            line = getattr(error, "lineno", None) or getattr(error, "raw_line", None)
            self._give_up(path, line, f"could not be migrated: {_one_line(error)}")
            return None
        return change

    def _new_files(self, plan: Plan) -> list[Change]:
        found = []
        for new in plan.new_files:
            existing = self.sources.get(new.path)
            there = _helpers_in(existing.text) if existing is not None else frozenset()
            if not new.helpers <= there:
                found.append(self._helper_module(new.path, existing, new.helpers | there))
        return found

    def _helper_module(self, path: Path, existing: Source | None, helpers: frozenset[str]) -> Change:
        from rasa_asyncify.formatting import format_changes
        from rasa_asyncify.rewrite.helpers import module_text

        workers = self.config.executor_workers
        if workers is None and existing is not None:
            workers = workers_in(existing.text)
        text = module_text(helpers, workers)
        text = format_changes("", text, path=path, root=self.root, mode=self.config.black).text
        return Change(path, existing, text)

    def _adapt_helpers(self, changes: list[Change]) -> list[Change]:
        """The helper modules of an earlier run whose client sessions or pool are not as the settings ask for now."""
        found = []
        changed = {change.path for change in changes}
        for path, data in self.data.items():
            if not path.name.startswith(MODULES) or path not in self.targets or path in changed:
                continue
            source = decode(path, data)
            there = _helpers_in(source.text)
            helpers = self._with_session(there)
            if helpers != there or (there and self._has_other_pool(source.text)):
                found.append(self._helper_module(path, source, helpers))
        return found

    def _with_session(self, helpers: frozenset[str]) -> frozenset[str]:
        """The helpers, with the kind of client session that is asked for, if any is."""
        wanted = self.config.http_session
        if wanted is None or "over_aiohttp" not in helpers:
            return helpers
        return helpers | {_SHARED} if wanted == "shared" else helpers - {_SHARED}

    def _has_other_pool(self, text: str) -> bool:
        wanted, there = self.config.executor_workers, workers_in(text)
        return wanted is not None and there is not None and wanted != there

    def _is_stable(self, changes: list[Change]) -> bool:
        """Whether a second run would change nothing; files that it would change are given up."""
        overlay = {**self.overlay, **{c.path: c.data() for c in changes}}
        again = _Run([*self.targets, *(c.path for c in changes)], self.root, self.config, overlay)
        again.alone = self.alone
        again.given_up = set(self.given_up)
        again.data = {**self.data, **overlay}  # read once already
        again.sources = {p: s for p, s in self.sources.items() if p not in overlay}
        again.trees = {p: t for p, t in self.trees.items() if p not in overlay}
        plan = again.plan_only()
        unstable = [path for path, module in plan.modules.items() if module.edits]
        for path in unstable:
            self._give_up(path, None, f"a second run would change it again ({_edits(plan, path)})")
        return not unstable

    def plan_only(self) -> Plan:
        """The plan for the files as they were read."""
        analysis = self._analyse(self._relevant(), lambda module: SdkLimits())
        if analysis.is_done():
            return Plan()
        return self._plan(self._analyse(list(self.data), self._limits()))

    def _plan(self, analysis: Analysis) -> Plan:
        from rasa_asyncify.planner import make_plan

        shared = shared_sessions(self.data, self.config.http_session)
        plan = make_plan(
            analysis,
            self._writable,
            may_add_files=not self.alone,
            shared_session=lambda module: shared(module.path),
        )
        for module in plan.modules.values():
            module.workers = self.config.executor_workers
        return plan

    def _give_up(self, path: Path, line: int | None, cause: str) -> None:
        self.given_up.add(path)
        self._error(path, line, cause)


_SHARED = "over_aiohttp_shared"


def _helpers_in(text: str) -> frozenset[str]:
    """The helpers that a module of an earlier run holds."""
    return frozenset(name for name, helper in HELPERS.items() if helper.mark in text)


def _governed_by(path: Path) -> Path:
    """The folder that a requirements file speaks for: its own, or the one that has a ``requirements`` folder."""
    folder = path.parent
    return folder.parent if folder.name.startswith("requirements") else folder


def _read(path: Path) -> bytes:
    """The file's bytes, by a way that is a third faster than ``Path.read_bytes``: this runs a thousand times."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def _edits(plan: Plan, path: Path) -> str:
    return ", ".join(f"{type(e).__name__} at line {e.span.line}" for e in plan.modules[path].edits[:3])


def _check_compiles(text: str, path: Path) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(text, str(path), "exec", dont_inherit=True)


def _one_line(error: Exception) -> str:
    text = str(error).strip().split("\n")[0]
    return text or type(error).__name__


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


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without the cyclic collector, which would look through every tree again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.freeze()  # else the first collection would do what was saved
            gc.enable()


def relative(path: Path, root: Path | None = None) -> str:
    """``path`` as a user would write it: relative to the working folder where it lies below."""
    try:
        return (
            os.path.relpath(path, root or Path.cwd())
            if path.is_relative_to(root or Path.cwd())
            else str(path)
        )
    except ValueError:
        return str(path)
