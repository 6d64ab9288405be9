"""Read a project as far as its entry points reach, and tell whether anything is left to do.

Apart from the planner, which most runs over a migrated project never need.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rasa_asyncify.call_graph.entries import Entries, SdkLimits, find_entries
from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.call_graph.unseen import Unseen
from rasa_asyncify.catalogue import Catalogue
from rasa_asyncify.catalogue.own import OwnEntries
from rasa_asyncify.framework.sdk import EntryKind
from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.project.index import Project
from rasa_asyncify.project.model import Module
from rasa_asyncify.project.protocols import link_protocols
from rasa_asyncify.project.values import ExternalInstance


@dataclass
class Analysis:
    """A project read as far as its entry points reach."""

    graph: Graph
    entries: Entries

    def is_done(self) -> bool:
        """Whether there is nothing to change and nothing to report."""
        if self.entries.findings:
            return False
        for entry in self.entries.found.values():
            function = entry.function
            if entry.kind is EntryKind.PLAIN or not function.is_async:
                always = entry.kind in (EntryKind.RUN, EntryKind.AWAITED)
                if always or self.graph.blocks(function) or self.graph.runs_unknown(function):
                    return False
        if self._may_hide():
            return False
        if not self.graph.anything_waits:
            return True
        return not any(
            site.runs_unknown or self.graph.site_blocks(site)
            for function in self.graph.reached
            if function.is_async
            for site in self.graph.active_sites(function.scope)
        )

    def _may_hide(self) -> bool:
        """Whether a call on the event loop isn't followed and may reach what blocks."""
        unseen = Unseen(self.graph)
        return any(
            True for f in self.graph.reached if f.is_async and not f.module.is_test for _ in unseen.calls(f)
        )


@dataclass
class Begun:
    """A project with its entry points, before any call of theirs was followed."""

    inference: Inference
    entries: Entries

    def has_work(self) -> bool:
        """Whether an entry point alone tells that there is something to change or to report."""
        return bool(self.entries.findings) or any(
            entry.kind in (EntryKind.RUN, EntryKind.AWAITED) and not entry.function.is_async
            for entry in self.entries.found.values()
        )

    def follow(self) -> Analysis:
        """Follow the calls."""
        graph = Graph(self.inference, self.entries.base_awaits)
        graph.reach(self.entries.found)
        return Analysis(graph, self.entries)


def begin(project: Project, limits_of: Callable[[Module], SdkLimits], own: OwnEntries | None = None) -> Begun:
    """Find the project's entry points; ``own`` is what the project says of what blocks."""
    project.link()
    link_protocols(project)
    inference = Inference(project, Catalogue(own))
    _link_made_bases(project, inference)
    return Begun(inference, find_entries(inference, limits_of))


def _link_made_bases(project: Project, inference: Inference) -> None:
    """Learn of bases that a library makes when it is called: ``Base = declarative_base()``."""
    for cls in project.classes():
        if not cls.unknown_bases:
            continue
        for base in cls.node.bases:
            made = {v.cls for v in inference.infer(base, cls.parent) if isinstance(v, ExternalInstance)}
            cls.external_bases += sorted(made)
    inference.forget()
