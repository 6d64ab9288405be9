"""Make the plan of a project: entry points, reach, decisions, edits, findings."""

from __future__ import annotations

from collections.abc import Callable

from rasa_asyncify.call_graph.analysis import Analysis
from rasa_asyncify.call_graph.kept_synchronous import kept_synchronous
from rasa_asyncify.call_graph.test_doubles import find_patches
from rasa_asyncify.calls.overrides import Overrides
from rasa_asyncify.deciding.around_requests import AroundRequests
from rasa_asyncify.deciding.callers import Callers
from rasa_asyncify.deciding.decisions import Decisions, Inputs
from rasa_asyncify.deciding.edit_making import EditMaker
from rasa_asyncify.deciding.solver import Solver
from rasa_asyncify.findings.computing import computing
from rasa_asyncify.findings.gatherable import gatherable_loops
from rasa_asyncify.findings.hazards import Hazards
from rasa_asyncify.findings.left_blocking import Leftovers
from rasa_asyncify.findings.running import Running
from rasa_asyncify.findings.unknown import unknown_calls, unknown_databases
from rasa_asyncify.native.registry import Registry
from rasa_asyncify.placing.helper_homes import place_helpers
from rasa_asyncify.placing.local_names import choose_names
from rasa_asyncify.plan import Plan
from rasa_asyncify.project.model import Module
from rasa_asyncify.threads.files_and_databases import alone_sites

_ROUNDS = 20
STEPS = 7


def make_plan(
    analysis: Analysis,
    writable: Callable[[Module], bool],
    *,
    may_add_files: bool = True,
    shared_session: Callable[[Module], bool] = lambda module: False,
    uses_aiohttp: bool = True,
    step: Callable[[], None] = lambda: None,
) -> Plan:
    """Decide everything for a project whose modules are all in.

    ``writable`` tells which modules may be changed. Without ``may_add_files`` each module gets helpers of its own.
    ``shared_session`` tells for which modules all aiohttp requests of an event loop go over one client session. Without
    ``uses_aiohttp``, calls of requests go to threads.
    ``step`` is called as each of the ``STEPS`` is done.
    """
    graph, entries = analysis.graph, analysis.entries
    plan = Plan(findings=list(entries.findings))
    graph.index_callers()
    step()
    graph.reach(entries.found)
    graph.alone = alone_sites(graph)
    graph.shares_thread.clear()
    step()
    patches = find_patches(graph.inference)
    registry = Registry(graph, patches, shared_session, uses_aiohttp=uses_aiohttp)
    kept = kept_synchronous(entries, graph)
    inputs = Inputs(graph, entries, patches, Overrides(graph.inference), registry, kept, writable)
    step()
    around = decide(inputs)
    decisions = around.decisions
    step()
    make_edits(inputs, around, plan)
    step()
    find_all(inputs, decisions, plan)
    step()
    place_helpers(plan, graph.inference.project, may_add_files=may_add_files)
    choose_names(plan, graph.inference.project)
    step()
    return plan


def decide(inputs: Inputs) -> AroundRequests:
    """Solve until nothing that stands around a request rules aiohttp out for it."""
    for _ in range(_ROUNDS):
        around = AroundRequests(inputs, Solver(inputs).solve())
        unsuited = around.unsuited()
        if not unsuited:
            break
        inputs.registry.requests.unsuited.update(unsuited)
    return around


def make_edits(inputs: Inputs, around: AroundRequests, plan: Plan) -> None:
    """Write down what changes."""
    maker = EditMaker(inputs, around, plan)
    maker.functions()
    Callers(inputs, around.decisions, plan).decide()
    maker.connections()


def find_all(inputs: Inputs, decisions: Decisions, plan: Plan) -> None:
    """Write down what is left to the maintainer."""
    Leftovers(inputs, decisions, plan).find()
    running = Running(inputs, decisions)
    plan.findings += [*Hazards(running).find(), *computing(running), *unknown_databases(running)]
    plan.notes += [*unknown_calls(running), *gatherable_loops(inputs, decisions)]
