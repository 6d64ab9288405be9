"""Loops that could wait for all their calls at once, which `-v` tells."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rasa_asyncify.call_graph.effects import effects_of
from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.deciding.decisions import Await, Decision, Decisions, Inputs, Native, Stuck
from rasa_asyncify.flow.dataflow import bound_names, flow, own_nodes
from rasa_asyncify.plan import Finding
from rasa_asyncify.project.bindings import last_name
from rasa_asyncify.project.model import Function, Parameter, by_place
from rasa_asyncify.threads.offload import Offload

_LEAVES = (ast.Break, ast.Return, ast.Raise, ast.Yield, ast.YieldFrom, ast.Try)
_COLLECTS = frozenset({"append", "add", "update", "extend"})
_LOGS = frozenset({"debug", "info", "warning", "error", "print"})


def gatherable_loops(inputs: Inputs, decisions: Decisions) -> Iterator[Finding]:
    """The loops of coroutine functions whose turns ask something, each for itself."""
    for function in sorted(inputs.graph.reached, key=by_place):
        if not decisions.inline(function) or not inputs.writable(function.module) or function.module.is_test:
            continue
        told: set[Site] = set()
        for loop in sorted(function.facts.loops, key=lambda loop: -loop.target.lineno):  # the inner one first
            site = _only_wait(loop, function, inputs.graph, decisions)
            if site is not None and site not in told and _is_independent(loop, function):
                told.add(site)
                called = _called(site, inputs.graph)
                message = (
                    f"{called}() is called for one item after the other, and no call needs another's "
                    "result: `asyncio.gather` could start them together, if what they ask can take it"
                )
                yield Finding("RA107", function.module.path, loop.target.lineno, message)


def _called(site: Site, graph: Graph) -> str:
    return site.targets[0].qualname if site.targets else graph.reasons(site)[0]


def _only_wait(
    loop: ast.For | ast.comprehension, function: Function, graph: Graph, decisions: Decisions
) -> Site | None:
    """The one site in the loop's turns at which it waits, if it only asks."""
    inside = {id(n) for part in _turn(loop, function) for n in ast.walk(part)}
    waits = []
    for site in graph.active_sites(function.scope):
        decision = decisions.at(site)
        if id(site.node) not in inside or decision is None or isinstance(decision, Stuck):
            continue
        if not _is_for_itself(decision):
            return None
        waits.append(site)
    if len(waits) != 1 or effects_of(waits[0], graph):
        return None
    names = graph.reasons(waits[0])
    return waits[0] if names and not all(map(graph.finder.catalogue.computes, names)) else None


def _is_for_itself(decision: Decision) -> bool:
    """Whether several of its kind could be waited for together."""
    if isinstance(decision, Native):
        return decision.strategy.asks
    return isinstance(decision, Await) or (isinstance(decision, Offload) and not decision.alone)


def _turn(loop: ast.For | ast.comprehension, function: Function) -> list[ast.AST]:
    """What runs in each turn of the loop."""
    if isinstance(loop, ast.For):
        return list(loop.body)
    around = function.facts.parents[loop]
    return [n for n in (getattr(around, f, None) for f in ("elt", "key", "value")) if n is not None]


def _is_independent(loop: ast.For | ast.comprehension, function: Function) -> bool:
    """Whether no turn uses what another left, and what it leaves is only collected."""
    if not isinstance(loop, ast.For):
        return True
    nodes = [n for statement in loop.body for n in own_nodes(statement)]
    if any(isinstance(n, _LEAVES) for n in nodes) or loop.orelse:
        return False
    bound = bound_names(loop.body)
    if flow(loop.body, lambda item: True).reads & bound:
        return False
    return _only_collects(nodes, bound, function)


def _only_collects(nodes: list[ast.AST], bound: set[str], function: Function) -> bool:
    """Whether a turn adds to the function's own objects, and uses what it adds to in no other way."""
    bindings = function.scope.bindings.items()
    made = {name for name, known in bindings if not any(isinstance(b, Parameter) for b in known)}
    own = bound | made - function.facts.outer
    collected = [_collects_in(n) for n in nodes if isinstance(n, ast.Expr) and not _is_idle(n)]
    collected += [_root(n) for n in nodes if isinstance(n, (ast.Subscript, ast.Attribute)) and _is_stored(n)]
    names = {holder.id for holder in collected if holder is not None}
    if None in collected or not names <= own:
        return False
    holders = set(map(id, collected))
    return not any(isinstance(n, ast.Name) and n.id in names - bound and id(n) not in holders for n in nodes)


def _is_idle(statement: ast.Expr) -> bool:
    """Whether a statement is a text, or tells a log something."""
    call = statement.value
    return isinstance(call, ast.Constant) or (isinstance(call, ast.Call) and last_name(call.func) in _LOGS)


def _collects_in(statement: ast.Expr) -> ast.Name | None:
    """The name of the list or the like that a statement adds to, if that is all it does."""
    call = statement.value
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _COLLECTS:
        return _root(call.func.value)
    return None


def _is_stored(node: ast.Subscript | ast.Attribute) -> bool:
    return not isinstance(node.ctx, ast.Load)


def _root(node: ast.expr) -> ast.Name | None:
    """The name that ``a.b["c"]`` starts with."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node if isinstance(node, ast.Name) else None
