"""SQLite connections that outlive the call that opens them: a worker thread must be let into these."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.calls.thread_rules import is_cached
from rasa_asyncify.project.model import Scope
from rasa_asyncify.project.values import OwnClass

_OPENS = "sqlite3.connect"
_HANDS_ON = (
    ast.Call,
    ast.IfExp,
    ast.BoolOp,
    ast.Tuple,
    ast.List,
    ast.Dict,
    ast.keyword,
    ast.Await,
    ast.NamedExpr,
)


def kept_connections(graph: Graph) -> Iterator[Site]:
    """The calls of ``sqlite3.connect`` whose connection a module, a class or an instance holds in the end."""
    project = graph.inference.project
    scopes = [m.scope for m in project.connected] + [f.scope for f in project.functions()]
    for scope in scopes:
        for site in graph.finder.sites(scope):
            if _OPENS in site.blockers and isinstance(site.node, ast.Call):
                if site.shared or _outlives(site.node, scope, graph, frozenset()):
                    yield site


def _outlives(node: ast.AST, scope: Scope, graph: Graph, seen: frozenset[ast.AST]) -> bool:
    """Whether what ``node`` gives is kept: there, or by who calls the function that returns it."""
    if node in seen:
        return False
    seen |= {node}
    parent = scope.facts.parents.get(node)
    while isinstance(parent, _HANDS_ON) and not (
        isinstance(parent, ast.Call) and not _holds(parent, scope, graph)
    ):
        node, parent = parent, scope.facts.parents.get(parent)
    if isinstance(parent, (ast.Return, ast.Yield)):
        return _kept_by_callers(scope, graph, seen)
    if isinstance(parent, (ast.Assign, ast.AnnAssign)):
        targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
        return any(_is_kept(target, scope, graph, seen) for target in targets)
    return False


def _holds(call: ast.Call, scope: Scope, graph: Graph) -> bool:
    """Whether a call makes an object of the project's own, which may hold what it is given."""
    return any(isinstance(v, OwnClass) for v in graph.inference.infer(call.func, scope))


def _is_kept(target: ast.expr, scope: Scope, graph: Graph, seen: frozenset[ast.AST]) -> bool:
    if not isinstance(target, ast.Name):
        return True  # an attribute, or an item of something
    if scope.function is None or target.id in scope.facts.outer:
        return True
    uses = [n for n in scope.facts.names if n.id == target.id and isinstance(n.ctx, ast.Load)]
    return any(_outlives(use, scope, graph, seen) for use in uses)


def _kept_by_callers(scope: Scope, graph: Graph, seen: frozenset[ast.AST]) -> bool:
    function = scope.function
    if function is not None and is_cached(function):
        return True
    sites = graph.callers.get(function, ()) if function is not None else ()
    return any(_outlives(site.node, site.scope, graph, seen) for site in sites)
