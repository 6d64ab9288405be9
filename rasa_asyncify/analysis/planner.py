"""Make the plan of a project: entry points, reach, colours, decisions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rasa_asyncify.analysis.colours import Solver
from rasa_asyncify.analysis.decide import Decider
from rasa_asyncify.analysis.entries import Entries, SdkLimits, find_entries
from rasa_asyncify.analysis.fetches import FetchPlanner
from rasa_asyncify.analysis.graph import Graph
from rasa_asyncify.analysis.names import choose_names
from rasa_asyncify.analysis.patches import find_patches
from rasa_asyncify.analysis.pool import place_pools
from rasa_asyncify.analysis.sites import Site
from rasa_asyncify.analysis.tries import refusals
from rasa_asyncify.catalogue import Catalogue
from rasa_asyncify.plan import Plan
from rasa_asyncify.project.index import Project
from rasa_asyncify.project.inference import Inference
from rasa_asyncify.project.model import Module
from rasa_asyncify.sdk import Treatment

_ROUNDS = 20


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
            if entry.treatment is Treatment.PLAIN or not function.is_async:
                always = entry.treatment in (Treatment.RUN, Treatment.AWAITED)
                if always or self.graph.blocks(function):
                    return False
        return not any(
            self.graph.site_blocks(site)
            for function in self.graph.reached
            if function.is_async
            for site in self.graph.active_sites(function.scope)
        )


def analyse(project: Project, limits: SdkLimits) -> Analysis:
    """Follow the calls from the project's entry points."""
    project.link()
    inference = Inference(project, Catalogue())
    entries = find_entries(inference, limits)
    graph = Graph(inference)
    graph.reach(entries.found)
    return Analysis(graph, entries)


def make_plan(analysis: Analysis, writable: Callable[[Module], bool]) -> Plan:
    """Decide everything for a project whose modules are all in.

    ``writable`` tells which modules may be changed.
    """
    graph, entries = analysis.graph, analysis.entries
    plan = Plan(findings=list(entries.findings))
    graph.index_callers()
    graph.reach(entries.found)
    patches = find_patches(graph.inference)
    fetches = FetchPlanner(graph.inference)
    refused: dict[Site, str] = {}
    for _ in range(_ROUNDS):
        solver = Solver(graph, entries, patches, fetches, writable, refused)
        colours = solver.solve()
        more = {s: r for s, r in refusals(solver, graph, colours).items() if s not in refused}
        if not more:
            break
        refused.update(more)
    Decider(graph, entries, solver, colours, plan).decide()
    place_pools(plan, graph.inference.project)
    choose_names(plan, graph.inference.project)
    return plan
