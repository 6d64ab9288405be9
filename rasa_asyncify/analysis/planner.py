"""Make the plan of a project: entry points, reach, colours, decisions."""

from __future__ import annotations

from collections.abc import Callable

from rasa_asyncify.analysis.colours import Solver
from rasa_asyncify.analysis.decide import Decider
from rasa_asyncify.analysis.fetches import FetchPlanner
from rasa_asyncify.analysis.names import choose_names
from rasa_asyncify.analysis.patches import find_patches
from rasa_asyncify.analysis.pool import place_pools
from rasa_asyncify.analysis.reach import Analysis
from rasa_asyncify.analysis.sites import Site
from rasa_asyncify.analysis.tries import refusals
from rasa_asyncify.plan import Plan
from rasa_asyncify.project.model import Module

_ROUNDS = 20


def make_plan(analysis: Analysis, writable: Callable[[Module], bool], *, may_add_files: bool = True) -> Plan:
    """Decide everything for a project whose modules are all in.

    ``writable`` tells which modules may be changed. Without ``may_add_files`` each module gets a pool of its own.
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
    place_pools(plan, graph.inference.project, may_add_files=may_add_files)
    choose_names(plan, graph.inference.project)
    return plan
