"""From paths to changes: read the project, plan, rewrite, format, check. Nothing is written or printed here."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rasa_asyncify.call_graph.analysis import Begun, begin
from rasa_asyncify.call_graph.entries import SdkLimits
from rasa_asyncify.catalogue.own import OwnEntries
from rasa_asyncify.changes import Change, Result
from rasa_asyncify.client_sessions import shared_sessions
from rasa_asyncify.config import Config
from rasa_asyncify.helper_files import HelperFiles
from rasa_asyncify.parallel import Workers
from rasa_asyncify.plan import Plan
from rasa_asyncify.progress import Progress, Silent
from rasa_asyncify.project.index import Project
from rasa_asyncify.project.model import Module
from rasa_asyncify.reading import Files
from rasa_asyncify.rewriting import Failed, Finished, Style, Unformatted, format_module, rewrite_module
from rasa_asyncify.source import SourceError, encode
from rasa_asyncify.writing import is_writable

_ATTEMPTS = 5
_SYNCHRONOUS = re.compile(rb"^[ \t]+def run\(", re.M)
_REQUESTS = re.compile(rb"^[ \t]*(?:from|import)[ \t]+(?:[\w., \t]*,[ \t]*)?requests\b", re.M)
_MANY = 32  # modules that have to do with Rasa: for fewer, other processes would take longer to start


def migrate(
    targets: Sequence[Path],
    root: Path,
    config: Config,
    *,
    overlay: dict[Path, bytes] | None = None,
    named: Sequence[Path] = (),
    walked: Iterable[Path] = (),
    jobs: int = 1,
    progress: Progress | None = None,
) -> Result:
    """Migrate the ``targets`` (absolute files) of the project at ``root``.

    ``overlay`` holds contents that stand in for those on disk. The ``named`` files are looked at even where they have
    nothing to do with Rasa, so that one that doesn't parse is reported. The ``targets`` hold all files of the folders
    ``walked``. Up to ``jobs`` processes rewrite modules; ``progress`` is told how far the run has come.
    """
    with _no_collection(), Workers(jobs) as workers:
        files = Files(targets, root, config, overlay or {})
        files.read_all(frozenset(walked))
        return _Run(files, config, workers, progress or Silent()).result(named)


class _Run:
    def __init__(self, files: Files, config: Config, workers: Workers, progress: Progress) -> None:
        self.files = files
        self.config = config
        self.workers = workers
        self.progress = progress
        self.alone = bool(files.overlay)  # standard input: no other file can be written
        self.helpers = HelperFiles(files, config, workers)
        self.outcome = Result(files.root, list(files.targets), errors=files.errors, run=self)
        self.given_up: set[Path] = set()

    def result(self, named: Sequence[Path]) -> Result:
        for path in named:
            if path in self.files.data:
                self.files.parse(path)
        relevant = self.files.relevant()
        if not relevant:
            return self.outcome
        begun = self._begun_at_once(relevant)
        if begun is None and self._is_done(self.files, relevant):
            self.outcome.changes = self.helpers.adapted([])
            return self.outcome
        if len(relevant) >= _MANY:
            self.workers.start()
        for _ in range(_ATTEMPTS):
            plan = self._plan(self.files, begun)
            changes = self._rewrite(plan)
            if changes is not None:
                self.outcome.plan, self.outcome.changes = plan, changes + self.helpers.adapted(changes)
                self.outcome.unused = self._unused(changes)
                break
            begun = None
        return self.outcome

    # -- planning ---------------------------------------------------------------

    def _begun_at_once(self, relevant: Sequence[Path]) -> Begun | None:
        """The whole project, where a look at the text and at the entry points tells that there is something to do."""
        if not any(_SYNCHRONOUS.search(self.files.data[path]) for path in relevant):
            return None
        for path in relevant:
            self.files.parse(path)
        begun = self._begin_all(self.files)
        return begun if begun.has_work() else None

    def _begin_all(self, files: Files) -> Begun:
        from rasa_asyncify.sdk_limits import limits_by_requirements

        apart = files.apart() if len(files.data) > _MANY else ()
        return self._begin(files, list(files.data), limits_by_requirements(files.root), apart)

    def _is_done(self, files: Files, relevant: Sequence[Path]) -> bool:
        """Whether nothing is to be changed or reported, as far as that can be told without the requirements."""
        begun = self._begin(files, relevant, lambda module: SdkLimits())
        return not begun.has_work() and begun.follow().is_done()

    def _begin(
        self,
        files: Files,
        paths: Sequence[Path],
        limits_of: Callable[[Module], SdkLimits],
        apart: Container[Path] = (),
    ) -> Begun:
        self.progress.stage("checking" if files is not self.files else "reading", len(paths))
        project = Project(files.root)
        for path in paths:
            if files.parse(path):
                project.add(files.sources[path], files.trees[path], apart=path in apart)
            self.progress.step()
        own = OwnEntries(self.config.blocking, self.config.non_blocking)
        return begin(project, limits_of, own if own.blocking or own.non_blocking else None)

    def _plan(self, files: Files, begun: Begun | None = None) -> Plan:
        from rasa_asyncify.planner import STEPS, make_plan

        begun = begun or self._begin_all(files)
        self.progress.stage("deciding", STEPS)
        analysis = begun.follow()
        shared = shared_sessions(files.data, self.config.http_session)
        plan = make_plan(
            analysis,
            self._writable,
            may_add_files=not self.alone,
            shared_session=lambda module: shared(module.path),
            uses_aiohttp=self.config.http == "aiohttp",
            step=self.progress.step,
        )
        for module in plan.modules.values():
            module.workers = self.config.executor_workers
        return plan

    def _writable(self, module: Module) -> bool:
        path = module.path
        return path in self.files.targets and path not in self.given_up

    # -- rewriting ---------------------------------------------------------------

    def _rewrite(self, plan: Plan) -> list[Change] | None:
        """The changes of a plan; None where a file had to be given up, so that another plan is needed."""
        known = len(self.given_up)
        paths = [path for path, module in sorted(plan.modules.items()) if module.edits]
        for path in paths:
            if not is_writable(path) and path not in self.files.overlay:
                self._give_up(path, None, "is read-only")
        helpers = self.helpers.added(plan)
        rewritten = self._rewritten([path for path in paths if path not in self.given_up], plan)
        if len(self.given_up) > known:
            return None
        style = Style(self.files.root, self.config.black)
        finished = self.workers.map(format_module, [(module, style) for module in rewritten])
        # Other processes format meanwhile, which changes nothing that matters here.
        texts = {module.path: self._encoded(module) for module in rewritten}
        added = list(helpers)
        if (texts or added) and not self._is_stable({**texts, **{c.path: c.data() for c in added}}):
            return None
        self.progress.stage("formatting", len(rewritten))
        changes = self._changes(finished)
        return changes + added if len(self.given_up) == known else None

    def _rewritten(self, paths: Sequence[Path], plan: Plan) -> list[Unformatted]:
        self.progress.stage("rewriting", len(paths))
        tasks = [(self.files.sources[path].text, plan.modules[path]) for path in paths]
        found = []
        for result in self.workers.map(rewrite_module, tasks):
            self.progress.step()
            if isinstance(result, Failed):
                self._give_up(result.path, result.line, result.cause)
            else:
                found.append(result)
        return found

    def _encoded(self, module: Unformatted) -> bytes:
        try:
            return encode(self.files.sources[module.path], module.text)
        except SourceError:
            return module.text.encode("utf-8")  # what is wrong will be said of the finished one

    def _changes(self, finished: Iterable[Finished | Failed]) -> list[Change]:
        changes = []
        for result in finished:
            self.progress.step()
            if isinstance(result, Failed):
                self._give_up(result.path, result.line, result.cause)
                continue
            change = Change(result.path, self.files.sources[result.path], result.text, result.skipped)
            try:
                change.data()
            except SourceError as error:
                self._give_up(result.path, None, f"could not be migrated: {error}")
            else:
                changes.append(change)
        return changes

    def _is_stable(self, contents: dict[Path, bytes]) -> bool:
        """Whether a second run would change nothing; files that it would change are given up."""
        again = self.files.with_contents(contents)
        if self._is_done(again, again.relevant()):
            return True
        plan = self._plan(again)
        unstable = [path for path, module in plan.modules.items() if module.edits]
        for path in unstable:
            self._give_up(path, None, f"a second run would change it again ({_edits(plan, path)})")
        return not unstable

    def _unused(self, changes: Sequence[Change]) -> frozenset[str]:
        """What was imported before the changes, and isn't after them: as far as a migration makes superfluous."""
        before = self.files.data
        if not any(_REQUESTS.search(before[c.path]) for c in changes if c.before is not None):
            return frozenset()
        after = {**before, **{c.path: c.data() for c in changes}}
        return frozenset() if any(map(_REQUESTS.search, after.values())) else frozenset({"requests"})

    def _give_up(self, path: Path, line: int | None, cause: str) -> None:
        self.given_up.add(path)
        self.files.error(path, line, cause)


def _edits(plan: Plan, path: Path) -> str:
    return ", ".join(f"{type(e).__name__} at line {e.span.line}" for e in plan.modules[path].edits[:3])


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
