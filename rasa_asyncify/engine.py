"""From paths to changes: read the project, plan, rewrite, format, check. Nothing is written or printed here."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rasa_asyncify.call_graph.analysis import Analysis, analyse
from rasa_asyncify.call_graph.entries import SdkLimits
from rasa_asyncify.catalogue.own import OwnEntries
from rasa_asyncify.changes import Change, Result
from rasa_asyncify.client_sessions import shared_sessions
from rasa_asyncify.config import Config
from rasa_asyncify.helper_files import HelperFiles
from rasa_asyncify.plan import Plan
from rasa_asyncify.project.index import Project
from rasa_asyncify.project.model import Module
from rasa_asyncify.reading import Files
from rasa_asyncify.writing import is_writable

_ATTEMPTS = 5


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
        files = Files(targets, root, config, overlay or {})
        files.read_all(frozenset(walked))
        return _Run(files, config, set()).result(named)


class _Run:
    def __init__(self, files: Files, config: Config, given_up: set[Path]) -> None:
        self.files = files
        self.config = config
        self.alone = bool(files.overlay)  # standard input: no other file can be written
        self.helpers = HelperFiles(files, config)
        self.outcome = Result(files.root, list(files.targets), errors=files.errors, run=self)
        self.given_up = given_up

    def result(self, named: Sequence[Path]) -> Result:
        for path in named:
            if path in self.files.data:
                self.files.parse(path)
        relevant = self.files.relevant()
        if not relevant:
            return self.outcome
        analysis = self._analyse(relevant, lambda module: SdkLimits())
        if analysis.is_done():
            self.outcome.changes = self.helpers.adapted([])
            return self.outcome
        limits = self._limits()
        everything = list(self.files.data)
        for _ in range(_ATTEMPTS):
            plan = self._plan(self._analyse(everything, limits))
            changes = self._rewrite(plan)
            if changes is not None:
                self.outcome.plan, self.outcome.changes = plan, changes + self.helpers.adapted(changes)
                break
        return self.outcome

    def _limits(self) -> Callable[[Module], SdkLimits]:
        from rasa_asyncify.sdk_limits import limits_by_requirements

        return limits_by_requirements(self.files.root)

    def _analyse(self, paths: Sequence[Path], limits_of: Callable[[Module], SdkLimits]) -> Analysis:
        project = Project(self.files.root)
        for path in paths:
            if self.files.parse(path):
                project.add(self.files.sources[path], self.files.trees[path])
        own = OwnEntries(self.config.blocking, self.config.non_blocking)
        return analyse(project, limits_of, own if own.blocking or own.non_blocking else None)

    def _writable(self, module: Module) -> bool:
        path = module.path
        return path in self.files.targets and path not in self.given_up

    # -- rewriting ---------------------------------------------------------------

    def _rewrite(self, plan: Plan) -> list[Change] | None:
        """The changes of a plan; None where a file had to be given up, so that another plan is needed."""
        changes: list[Change] = []
        given_up = len(self.given_up)
        for path, module_plan in sorted(plan.modules.items()):
            if not module_plan.edits:
                continue
            if not is_writable(path) and path not in self.files.overlay:
                self._give_up(path, None, "is read-only")
                continue
            change = self._rewrite_one(path, plan)
            if change is not None:
                changes.append(change)
        if len(self.given_up) > given_up:
            return None
        changes += self.helpers.added(plan)
        return changes if not changes or self._is_stable(changes) else None

    def _rewrite_one(self, path: Path, plan: Plan) -> Change | None:
        from rasa_asyncify.formatting import format_changes
        from rasa_asyncify.rewrite.module import rewrite

        source = self.files.sources[path]
        try:
            rewritten = rewrite(source.text, plan.modules[path])
            formatted = format_changes(
                rewritten.before, rewritten.after, path=path, root=self.files.root, mode=self.config.black
            )
            text = rewritten.whole(formatted.text)
            _check_compiles(text, path)
            change = Change(path, source, text, formatted.skipped)
            change.data()
        except Exception as error:
            # Whatever goes wrong in one file must not cost the others.
            line = getattr(error, "lineno", None) or getattr(error, "raw_line", None)
            self._give_up(path, line, f"could not be migrated: {_one_line(error)}")
            return None
        return change

    def _is_stable(self, changes: list[Change]) -> bool:
        """Whether a second run would change nothing; files that it would change are given up."""
        again = _Run(
            self.files.with_contents({c.path: c.data() for c in changes}), self.config, set(self.given_up)
        )
        again.alone = self.alone
        plan = again.plan_only()
        unstable = [path for path, module in plan.modules.items() if module.edits]
        for path in unstable:
            self._give_up(path, None, f"a second run would change it again ({_edits(plan, path)})")
        return not unstable

    def plan_only(self) -> Plan:
        """The plan for the files as they were read."""
        analysis = self._analyse(self.files.relevant(), lambda module: SdkLimits())
        if analysis.is_done():
            return Plan()
        return self._plan(self._analyse(list(self.files.data), self._limits()))

    def _plan(self, analysis: Analysis) -> Plan:
        from rasa_asyncify.planner import make_plan

        shared = shared_sessions(self.files.data, self.config.http_session)
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
        self.files.error(path, line, cause)


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
