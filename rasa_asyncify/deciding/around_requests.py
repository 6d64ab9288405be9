"""What stands around aiohttp requests: ``try`` statements, callers, other uses of their session."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator

from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.deciding.decisions import Decisions, Native
from rasa_asyncify.flow.positions import enclosing, is_within
from rasa_asyncify.native.for_requests.forms import InlineAiohttp, OverAiohttp
from rasa_asyncify.native.for_requests.handlers import Mapped, Unmappable, map_handlers, mentions_requests
from rasa_asyncify.native.for_requests.inline import InlinePlan
from rasa_asyncify.project.bindings import Imported
from rasa_asyncify.project.model import Function, Module, Scope
from rasa_asyncify.project.values import Instance, OwnFunction


def handler_changes(scope: Scope, decisions: Decisions, graph: Graph) -> list[Mapped]:
    """The ``except`` clauses of a coroutine function that change."""
    found: list[Mapped] = []
    inline = [(s, plan) for s in graph.active_sites(scope) if (plan := _inline(s, decisions)) is not None]
    for node in scope.facts.tries if inline else ():
        raising = [plan for s, plan in inline if any(is_within(n, node.body) for n in _raising(s, plan))]
        if raising:
            decodes = any(plan.decodes for plan in raising)
            found += map_handlers(node, scope, graph.inference, decodes=decodes)
    return found


def not_inline(decisions: Decisions, graph: Graph, entries: Container[Function]) -> dict[Site, str]:
    """The inline requests whose failures something around them, here or in a caller, would take otherwise."""
    found: dict[Site, str] = {}
    for site in _over_aiohttp(graph, decisions):
        plan = _inline(site, decisions)
        if plan is not None:
            reason = (
                _used_in_block(site, plan, decisions)
                or _caught_here(site, plan, decisions, graph)
                or _told_apart(site, graph, entries)
            )
            if reason:
                found[site] = reason
    return found


def _inline(site: Site, decisions: Decisions) -> InlinePlan | None:
    """How a request is written out, if it is."""
    decision = decisions.at(site)
    if isinstance(decision, Native) and isinstance(decision.strategy, InlineAiohttp):
        return decision.strategy.plan(site)
    return None


def _used_in_block(site: Site, plan: InlinePlan, decisions: Decisions) -> str | None:
    """Why its response can't be aiohttp's: what goes to a thread can't await its body."""
    if any(decisions.around(use.node, site.scope.function) for use in plan.uses):
        return "the response is used in a thread"
    return None


def _raising(site: Site, plan: InlinePlan) -> list[ast.AST]:
    """Where an inline request may fail: at the call, and where its response is decoded or its status looked at."""
    return [site.node, *(u.node for u in plan.uses if "json." in u.form or "raise_for" in u.form)]


def _caught_here(site: Site, plan: InlinePlan, decisions: Decisions, graph: Graph) -> str | None:
    """Why the ``try`` statements around a request, in its own function, can't do with aiohttp's exceptions."""
    scope = site.scope
    for node in scope.facts.tries:
        if not any(is_within(raising, node.body) for raising in _raising(site, plan)):
            continue
        try:
            if not map_handlers(node, scope, graph.inference, decodes=plan.decodes):
                continue
        except Unmappable as unmappable:
            return str(unmappable)
        if any(isinstance(inner, ast.Raise) for statement in node.body for inner in ast.walk(statement)):
            return "something else is raised beside it"
        for other in graph.active_sites(scope):
            if is_within(other.node, node.body) and _inline(other, decisions) is None:
                return "a call beside it may raise exceptions of requests"
    return None


def not_native(decisions: Decisions, graph: Graph) -> dict[Site, str]:
    """The native calls on sessions that outlive an action, where a thread uses such a session as well."""
    sites = [s for f in graph.reached for s in graph.active_sites(f.scope) if _on_kept_session(s)]
    native = {s for s in _over_aiohttp(graph, decisions) if _on_kept_session(s)}
    threaded = {_holder(site, graph) for site in sites if site not in native}
    held = (site for site in native if _holder(site, graph) in threaded)
    return dict.fromkeys(held, "a thread uses the session as well")


def _holder(site: Site, graph: Graph) -> Module:
    """The module whose global, class or instance holds the object that a method is called on."""
    node: ast.AST = site.node
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    module = site.scope.module
    found = site.scope.lookup(node.id) if isinstance(node, ast.Name) else None
    for binding in found[0] if found else ():
        if isinstance(binding, Imported):
            target = graph.inference.project.resolve_import(binding, module)
            module = (
                target[0] if isinstance(target, tuple) else target if isinstance(target, Module) else module
            )
    return module


def _on_kept_session(site: Site) -> bool:
    return site.shared and any(name.startswith("requests.Session.") for name in site.blockers)


def _over_aiohttp(graph: Graph, decisions: Decisions) -> Iterator[Site]:
    for function in graph.reached:
        if decisions.inline(function):
            for site in graph.active_sites(function.scope):
                decision = decisions.at(site)
                if isinstance(decision, Native) and isinstance(
                    decision.strategy, (InlineAiohttp, OverAiohttp)
                ):
                    yield site


def _told_apart(site: Site, graph: Graph, entries: Container[Function]) -> str | None:
    """Why something else than its own ``try`` may look at a failure: a caller, a context manager, a decorator."""
    seen: set[Function] = set()
    todo: list[tuple[Function | None, ast.AST]] = [(site.scope.function, site.node)]
    while todo:
        function, node = todo.pop()
        if function is None:
            continue
        reason = _taken_around(node, function, graph, own=function is site.scope.function)
        if reason:
            return reason
        if function in seen:
            continue
        seen.add(function)
        reason = _named_in(function, graph)
        if reason:
            return reason
        if function not in entries:  # what an action's own callers name is about the whole action
            todo += [(s.scope.function, s.node) for s in graph.callers.get(function, ())]
    return None


def _taken_around(node: ast.AST, function: Function, graph: Graph, *, own: bool) -> str | None:
    for outer in enclosing(node, function.scope):
        if isinstance(outer, ast.Try) and not own and is_within(node, outer.body):
            if any(handler.name or not _is_plain(handler) for handler in outer.handlers):
                return f"{function.qualname}() looks at its failures"
        if isinstance(outer, (ast.With, ast.AsyncWith)):
            for item in outer.items:
                if any(
                    isinstance(v, (Instance, OwnFunction))
                    for called in [item.context_expr, getattr(item.context_expr, "func", None)]
                    if called is not None
                    for v in graph.inference.infer(called, function.scope)
                ):
                    return "a context manager around it may look at its failures"
    return None


def _is_plain(handler: ast.ExceptHandler) -> bool:
    """Whether a clause catches everything."""
    return handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in ("Exception", "BaseException")
    )


def _named_in(function: Function, graph: Graph) -> str | None:
    if graph.decorators.of(function).wrappers:
        return f"a decorator of {function.qualname}() may look at its failures"
    for decorator in function.node.decorator_list:
        if mentions_requests(decorator, function.parent, graph.inference):
            return f"the decorator of {function.qualname}() names its exceptions"
    if _mentions_elsewhere(function, graph):
        return f"{function.qualname}() names its exceptions outside of `except`"
    return None


def _mentions_elsewhere(function: Function, graph: Graph) -> bool:
    facts = function.facts
    for node in [*facts.names, *facts.loads]:
        if mentions_requests(node, function.scope, graph.inference) and not _in_handler_type(
            node, function.scope
        ):
            return True
    return False


def _in_handler_type(node: ast.expr, scope: Scope) -> bool:
    child: ast.AST = node
    for parent in enclosing(node, scope):
        if isinstance(parent, ast.ExceptHandler):
            return child is parent.type
        child = parent
    return False
