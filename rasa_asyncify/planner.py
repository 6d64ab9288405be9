"""Make the plan of a project: entry points, reach, colours, decisions."""

from __future__ import annotations

from collections.abc import Callable

from rasa_asyncify.call_graph.analysis import Analysis
from rasa_asyncify.call_graph.kept_synchronous import kept_synchronous
from rasa_asyncify.call_graph.test_doubles import find_patches
from rasa_asyncify.deciding.around_requests import not_inline, not_native
from rasa_asyncify.deciding.edit_making import Decider
from rasa_asyncify.deciding.helper_homes import place_helpers
from rasa_asyncify.deciding.local_names import choose_names
from rasa_asyncify.deciding.solver import Solver
from rasa_asyncify.findings.hazards import Hazards, computing
from rasa_asyncify.findings.left_blocking import Leftovers
from rasa_asyncify.findings.notes import gatherable_loops, unknown_calls, unknown_databases
from rasa_asyncify.native.http_forms import HttpForms
from rasa_asyncify.plan import Plan
from rasa_asyncify.project.model import Module
from rasa_asyncify.threads.files_and_databases import mark_exclusive

_ROUNDS = 20


def make_plan(
    analysis: Analysis,
    writable: Callable[[Module], bool],
    *,
    may_add_files: bool = True,
    shared_session: Callable[[Module], bool] = lambda module: False,
) -> Plan:
    """Decide everything for a project whose modules are all in.

    ``writable`` tells which modules may be changed. Without ``may_add_files`` each module gets helpers of its own.
    ``shared_session`` tells for which modules all aiohttp requests of an event loop go over one client session.
    """
    graph, entries = analysis.graph, analysis.entries
    plan = Plan(findings=list(entries.findings))
    graph.index_callers()
    graph.reach(entries.found)
    mark_exclusive(graph)
    patches = find_patches(graph.inference)
    kept = kept_synchronous(entries, graph)
    forms = HttpForms(graph.inference, shared=shared_session)
    for _ in range(_ROUNDS):
        solver = Solver(graph, entries, patches, forms, writable, kept)
        colours = solver.solve()
        less = not_native(solver, graph, colours)
        plainer = {} if less else not_inline(solver, graph, colours)
        if not less and not plainer:
            break
        forms.not_native.update(less)
        forms.not_inline.update(plainer)
    Decider(graph, entries, solver, colours, plan).decide()
    Leftovers(solver, plan).find()
    hazards = Hazards(solver)
    plan.findings += [*hazards.find(), *computing(hazards), *unknown_databases(solver, hazards.threaded)]
    plan.notes += [*unknown_calls(solver, hazards.threaded), *gatherable_loops(solver)]
    place_helpers(plan, graph.inference.project, may_add_files=may_add_files)
    choose_names(plan, graph.inference.project)
    return plan
