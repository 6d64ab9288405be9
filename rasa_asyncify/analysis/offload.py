"""How a blocking site goes to a worker thread: as one call, as one expression, or not by itself."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from rasa_asyncify.analysis.graph import Graph
from rasa_asyncify.analysis.places import can_await_at, enclosing
from rasa_asyncify.analysis.sites import LAZY, Site
from rasa_asyncify.project.model import COMPREHENSIONS, Function, Scope
from rasa_asyncify.project.values import External

_CONSUMERS = frozenset(
    "list tuple set dict frozenset sum any all max min sorted next join reduce sort len str print".split()
)


class TooTangled(Exception):
    """The site can't go to a thread by itself; the message says why."""


@dataclass(frozen=True)
class Offload:
    """``node`` goes to a thread: a call as it is, or (``whole``) an expression inside a lambda."""

    node: ast.expr
    whole: bool
    alone: bool


def offload_for(site: Site, graph: Graph, awaitable: Callable[[Function], bool]) -> Offload:
    """The smallest piece around the site that can go to a thread.

    Raises:
        TooTangled: where only the whole body will do.
    """
    node = site.node
    if not isinstance(node, ast.expr):
        raise TooTangled("a loop or a `with` block waits at its ends")
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        raise TooTangled("an assignment blocks")
    if isinstance(site.scope.facts.parents.get(node), ast.withitem) and _waits_at_ends(node, site, graph):
        raise TooTangled("a loop or a `with` block waits at its ends")
    _check_thread(site, graph)
    alone = needs_one_thread(site, graph)
    outer = node if can_await_at(node, site.scope) else _consumer(node, site.scope, graph)
    lazy = site.callbacks and isinstance(node, ast.Call) and _called(node, site.scope, graph) in LAZY
    if lazy or any(t.is_generator for t in site.targets):
        outer = _consumer(node, site.scope, graph)
    whole = outer is not node or not isinstance(node, ast.Call) or _blocks_inside(site, graph)
    if whole:
        _check_lambda(outer, site.scope, graph, awaitable)
    return Offload(outer, whole, alone)


def _waits_at_ends(node: ast.expr, site: Site, graph: Graph) -> bool:
    """Whether the ``with`` block that ``node`` opens blocks by itself, so that half of it would stay behind."""
    item = site.scope.facts.parents[node]
    block = site.scope.facts.parents.get(item)
    return any(s.node is block and graph.site_blocks(s) for s in graph.active_sites(site.scope))


def needs_one_thread(site: Site, graph: Graph) -> bool:
    """Whether the site uses something that isn't for two threads at once and outlives the call."""
    if site.thread and site.shared:
        return True
    if site.thread and not site.shared and isinstance(site.node, ast.Call) and site.targets:
        return False
    return any(shares(t, graph) for t in graph.through(site) if not t.is_async)


def shares(function: Function, graph: Graph) -> bool:
    """Whether ``function``, or what it calls, uses something that isn't for two threads at once and is shared."""
    seen: set[Function] = set()
    todo = [function]
    while todo:
        current = todo.pop()
        if current in seen:
            continue
        seen.add(current)
        for site in graph.active_sites(current.scope):
            if site.thread and site.shared:
                return True
            if not site.thread:
                todo += [t for t in graph.through(site) if not t.is_async]
    return False


def _check_thread(site: Site, graph: Graph) -> None:
    """Objects that belong to one thread stay in it: made, used and dropped in one piece."""
    if site.thread is None or site.shared:
        _check_arguments(site, graph)
        return
    top = _chain_top(site.node, site.scope)
    made_here = graph.finder.thread_rule(graph.inference.infer(top, site.scope)) is None
    root = _root(top)
    rule = (
        graph.finder.thread_rule(graph.inference.infer(root, site.scope))
        if isinstance(root, ast.Name)
        else None
    )
    if rule is None and made_here:
        return
    if site.thread == "affine" or (not site.makes and _local_uses(site, graph) > 1):
        raise TooTangled("what it uses belongs to one thread")


def _check_arguments(site: Site, graph: Graph) -> None:
    node = site.node
    if not isinstance(node, ast.Call):
        return
    for argument in [*node.args, *(k.value for k in node.keywords)]:
        values = graph.inference.infer(argument, site.scope)
        if graph.finder.thread_rule(values) == "affine" and not site.shared:
            raise TooTangled("what it is given belongs to one thread")


def _local_uses(site: Site, graph: Graph) -> int:
    """How many blocking sites of the scope use objects of the same rule that are local."""
    sites = graph.active_sites(site.scope)
    return sum(bool(s.thread) and not s.makes and not s.shared and graph.site_blocks(s) for s in sites)


def _chain_top(node: ast.expr | ast.AST, scope: Scope) -> ast.expr:
    """The end of the chain of calls, attributes and subscripts that starts with ``node``."""
    parents = scope.facts.parents
    current = node
    while True:
        parent = parents.get(current)
        inner = parent.func if isinstance(parent, ast.Call) else getattr(parent, "value", None)
        if inner is not current or not isinstance(parent, (ast.Call, ast.Attribute, ast.Subscript)):
            assert isinstance(current, ast.expr)
            return current
        current = parent


def _root(node: ast.expr) -> ast.expr:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node


def _consumer(node: ast.expr, scope: Scope, graph: Graph) -> ast.expr:
    """The nearest expression around ``node`` that uses it up and stands where something can be awaited.

    Raises:
        TooTangled: where it is used up elsewhere, or it can't be seen where.
    """
    around = [p for p in enclosing(node, scope) if isinstance(p, ast.expr)]
    child: ast.AST = node
    lazy = True
    for parent in around:
        if isinstance(parent, ast.Call) and parent.func is not child:
            name = _called(parent, scope, graph)
            if name in _CONSUMERS or name in LAZY:
                lazy = name in LAZY
        elif isinstance(parent, (ast.ListComp, ast.SetComp, ast.DictComp)):
            lazy = False
        elif isinstance(parent, (ast.GeneratorExp, ast.Lambda)):
            lazy = True
        if not lazy and can_await_at(parent, scope) and isinstance(parent, (ast.Call, *COMPREHENSIONS)):
            return parent
        child = parent
    raise TooTangled("it stands where nothing can be awaited")


def _called(node: ast.Call, scope: Scope, graph: Graph) -> str:
    """The last name of a library's function, or of a method of an unknown object."""
    values = graph.inference.infer(node.func, scope)
    for value in values:
        if isinstance(value, External):
            return value.name.rpartition(".")[2]
    if not values and isinstance(node.func, ast.Attribute):
        return node.func.attr
    return ""


def _blocks_inside(site: Site, graph: Graph) -> bool:
    """Whether something else inside the call goes to a thread too, so that both go in one hop."""
    inner = {id(n) for n in ast.walk(site.node)} - {id(site.node)}
    return any(id(s.node) in inner and graph.site_blocks(s) for s in graph.active_sites(site.scope))


def _check_lambda(node: ast.expr, scope: Scope, graph: Graph, awaitable: Callable[[Function], bool]) -> None:
    """Refuse what a lambda can't hold, or what must not run in a thread.

    Raises:
        TooTangled: for ``await``, ``yield``, assignments, zero-argument ``super()`` and calls of coroutine functions.
    """
    for inner in ast.walk(node):
        if isinstance(inner, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)):
            raise TooTangled("an expression around it can't move to a thread")
        if isinstance(inner, ast.Name) and inner.id == "super":
            raise TooTangled("`super()` doesn't work in a lambda")
    inside = {id(n) for n in ast.walk(node)}
    for site in graph.active_sites(scope):
        if id(site.node) in inside and any(awaitable(t) for t in site.targets):
            raise TooTangled("a coroutine function is called around it")
