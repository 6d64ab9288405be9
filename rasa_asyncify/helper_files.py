"""The private modules that hold the helpers: new ones, and those of an earlier run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rasa_asyncify.changes import Change
from rasa_asyncify.config import Config
from rasa_asyncify.emitted import HELPERS, is_helper_file, workers_in
from rasa_asyncify.parallel import Workers
from rasa_asyncify.plan import Plan
from rasa_asyncify.reading import Files
from rasa_asyncify.rewriting import HelperModule, Style, make_helper_module
from rasa_asyncify.source import Source, decode


class HelperFiles:
    """Makes them for one run."""

    def __init__(self, files: Files, config: Config, workers: Workers) -> None:
        self.files = files
        self.config = config
        self.workers = workers

    def added(self, plan: Plan) -> Iterator[Change]:
        """The helper modules that a plan asks for."""
        wanted = []
        for new in plan.new_files:
            existing = self.files.sources.get(new.path)
            there = _helpers_in(existing.text) if existing is not None else frozenset()
            if not new.helpers <= there:
                workers = self.config.executor_workers
                if workers is None and existing is not None:
                    workers = workers_in(existing.text)
                wanted.append((HelperModule(new.path, new.helpers | there, workers), existing))
        return self._made(wanted)

    def adapted(self, changes: list[Change]) -> list[Change]:
        """The helper modules of an earlier run whose pool is not as the settings ask for now."""
        wanted = []
        changed = {change.path for change in changes}
        for path, data in self.files.data.items():
            if path not in self.files.targets or path in changed or not is_helper_file(path.name, data):
                continue
            source = decode(path, data)
            there = _helpers_in(source.text)
            if self._has_other_pool(source.text):
                wanted.append((HelperModule(path, there, self.config.executor_workers), source))
        return list(self._made(wanted))

    def _made(self, wanted: Sequence[tuple[HelperModule, Source | None]]) -> Iterator[Change]:
        style = Style(self.files.root, self.config.black)
        texts = self.workers.map(make_helper_module, [(new, style) for new, _ in wanted])
        return (Change(new.path, before, text) for (new, before), text in zip(wanted, texts, strict=True))

    def _has_other_pool(self, text: str) -> bool:
        wanted, there = self.config.executor_workers, workers_in(text)
        return wanted is not None and there is not None and wanted != there


def _helpers_in(text: str) -> frozenset[str]:
    """The helpers that a module of an earlier run holds."""
    return frozenset(name for name, helper in HELPERS.items() if helper.mark in text)
