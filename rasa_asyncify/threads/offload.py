"""How a blocking site goes to a worker thread: as one call, as one expression, or not by itself."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.calls.sites import LAZY, Site
from rasa_asyncify.flow.definitions import webs
from rasa_asyncify.flow.positions import can_await_at, enclosing
from rasa_asyncify.project.bindings import Assigned, Entered
from rasa_asyncify.project.model import COMPREHENSIONS, FUNCTION_NODES, Function, Scope
from rasa_asyncify.project.values import External
from rasa_asyncify.project.walking import walk
from rasa_asyncify.reaching import Reaching

_CONSUMERS = frozenset(
    "list tuple set dict frozenset sum any all max min sorted next join reduce sort len str print".split()
)

_LAZY_CALLS = frozenset({"enumerate", "filter", "iter", "map", "partial", "reversed", "zip"})


class TooTangled(Exception):
    """The site can't go to a thread by itself; the message says why.

    ``around`` are the nodes that would have to go together with it; empty where no statements around it would do.
    """

    def __init__(self, reason: str, *around: ast.AST) -> None:
        super().__init__(reason)
        self.around = around


@dataclass(frozen=True)
class Offload:
    """``node`` goes to a thread: a call as it is, or (``whole``) an expression inside a lambda."""

    node: ast.expr
    whole: bool
    alone: bool


def offload_for(
    site: Site, graph: Graph, awaitable: Callable[[Function], bool], native: Callable[[Site], bool]
) -> Offload:
    """The smallest piece around the site that can go to a thread; those ``native`` inside of it needn't.

    Raises:
        TooTangled: where only the whole body will do.
    """
    node = site.node
    if not isinstance(node, ast.expr):
        raise TooTangled("a loop or a `with` block waits at its ends", *same_thread_nodes(site, graph))
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        raise TooTangled("an assignment blocks", *same_thread_nodes(site, graph))
    if isinstance(site.scope.facts.parents.get(node), ast.withitem) and _waits_at_ends(node, site, graph):
        raise TooTangled("a loop or a `with` block waits at its ends", *same_thread_nodes(site, graph))
    _check_thread(site, graph)
    outer = node if can_await_at(node, site.scope) else _consumer(node, site.scope, graph)
    lazy = site.callbacks and isinstance(node, ast.Call) and _called(node, site.scope, graph) in LAZY
    if lazy or any(t.is_generator for t in site.targets):
        outer = _consumer(node, site.scope, graph)
    alone = _any_alone(outer, site.scope, graph)
    whole = outer is not node or not isinstance(node, ast.Call) or _blocks_inside(site, graph, native)
    # What a shared object gives is asked for in its thread as well: `session.query(X).first` starts with the session.
    whole = whole or (alone and isinstance(node, ast.Call) and _has_call(node.func))
    if whole:
        _check_lambda(outer, site.scope, graph, awaitable)
    return Offload(outer, whole, alone)


def same_thread_nodes(site: Site, graph: Graph) -> list[ast.AST]:
    """The nodes of the site's function that belong in one thread with it: all that use the same objects."""
    return [site.node, *thread_names([site.node], site.scope, graph)]


def thread_names(nodes: Iterable[ast.AST], scope: Scope, graph: Graph) -> list[ast.AST]:
    """Where the scope names objects that aren't for two threads, as far as they hang together with ``nodes``."""
    node = scope.node
    lives = webs(node) if isinstance(node, FUNCTION_NODES) else {}
    named: dict[str, list[ast.Name]] = {}
    for name in scope.facts.names:
        named.setdefault(name.id, []).append(name)
    ruled = {n for n in named if graph.finder.threads.rule(graph.inference.name(n, scope))}
    ruled |= _holders(ruled, scope, graph)
    by_web: dict[ast.AST, list[ast.Name]] = {}
    by_statement: dict[ast.AST, set[ast.AST]] = {}
    for text in sorted(ruled):
        for name in named[text]:
            web = lives.get(name, named[text][0])
            by_web.setdefault(web, []).append(name)
            by_statement.setdefault(_statement(name, scope), set()).add(web)
    found: dict[ast.AST, None] = {}
    todo = [by_statement.get(_statement(node, scope), set()) for node in nodes]
    while todo:
        for web in todo.pop() - found.keys():
            found[web] = None
            todo += [others for others in by_statement.values() if web in others]
    return [name for web in by_web if web in found for name in by_web[web]]


def _holders(ruled: set[str], scope: Scope, graph: Graph) -> set[str]:
    """The names of what will use the ``ruled`` names later: lambdas, generators, `map`, what they were added to."""
    lazy = {
        name: {
            n.id
            for b in bindings
            if isinstance(b, Assigned) and _is_lazy(b.value)
            for n in _names_in(b.value)
        }
        for name, bindings in scope.bindings.items()
    }
    found = {name for name in (_added_to(call, scope, graph) for call in scope.facts.calls) if name}
    while True:
        more = {name for name, used in lazy.items() if used & (ruled | found)} - found
        if not more:
            return found
        found |= more


def _added_to(call: ast.Call, scope: Scope, graph: Graph) -> str:
    """The local variable whose method is given an object for one thread: ``stack.enter_context(connection)``."""
    func = call.func
    if not isinstance(func, ast.Attribute) or not isinstance(func.value, ast.Name):
        return ""
    bindings = scope.bindings.get(func.value.id, ())
    if not any(isinstance(b, (Assigned, Entered)) for b in bindings):
        return ""
    given = [*call.args, *(k.value for k in call.keywords)]
    given += [a.value for a in given if isinstance(a, ast.Attribute)]  # a method of such an object
    affine = (graph.finder.threads.rule(graph.inference.infer(a, scope)) == "affine" for a in given)
    return func.value.id if any(affine) else ""


def _is_lazy(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in _LAZY_CALLS
    return isinstance(node, (ast.Lambda, ast.GeneratorExp))


def _names_in(node: ast.expr) -> list[ast.Name]:
    return [inner for inner in ast.walk(node) if isinstance(inner, ast.Name)]


def _statement(node: ast.AST, scope: Scope) -> ast.AST:
    around = [node, *enclosing(node, scope)]
    return next((n for n in around if isinstance(n, ast.stmt)), node)


def _waits_at_ends(node: ast.expr, site: Site, graph: Graph) -> bool:
    """Whether the ``with`` block that ``node`` opens blocks by itself, so that half of it would stay behind."""
    item = site.scope.facts.parents[node]
    block = site.scope.facts.parents.get(item)
    return any(s.node is block and graph.site_blocks(s) for s in graph.active_sites(site.scope))


def _any_alone(node: ast.expr, scope: Scope, graph: Graph) -> bool:
    inside = {id(inner) for inner in walk(node)}
    return any(needs_one_thread(s, graph) for s in graph.active_sites(scope) if id(s.node) in inside)


def _has_call(node: ast.expr) -> bool:
    return any(isinstance(inner, ast.Call) for inner in walk(node))


def needs_one_thread(site: Site, graph: Graph, *, uninterrupted: bool = False) -> bool:
    """Whether the site uses something that isn't for two threads at once and outlives the call.

    ``uninterrupted``: so that no other action may come between this use and the next.
    """
    if _is_alone(site, graph, uninterrupted) or (site.thread and site.shared):
        return True
    local = bool(site.thread) and not site.shared and not site.makes and isinstance(site.node, ast.Call)
    # What a local object holds is its own; files and the like are everybody's.
    targets = (t for t in graph.through(site) if _stays_in_thread(t, graph))
    return any(shares(t, graph, objects=not local, uninterrupted=uninterrupted) for t in targets)


def _is_alone(site: Site, graph: Graph, uninterrupted: bool) -> bool:
    only_writes = graph.alone.get(site)
    return only_writes is not None and not (uninterrupted and only_writes)


def shares(function: Function, graph: Graph, *, objects: bool = True, uninterrupted: bool = False) -> bool:
    """Whether ``function``, or what it calls, uses something that isn't for two threads at once and is shared.

    Without ``objects`` only what is for one action at a time by itself counts, such as a file that actions write.
    """
    walk = graph.shares_thread.get((objects, uninterrupted))
    if walk is None:
        walk = Reaching(partial(_look_for_shared, graph=graph, objects=objects, uninterrupted=uninterrupted))
        graph.shares_thread[objects, uninterrupted] = walk
    return walk(function)


def _look_for_shared(
    function: Function, *, graph: Graph, objects: bool, uninterrupted: bool
) -> tuple[bool, list[Function]]:
    """Whether the function's own code does, and what it calls in the same thread."""
    onward: list[Function] = []
    for site in graph.active_sites(function.scope):
        if _is_alone(site, graph, uninterrupted) or (objects and site.thread and site.shared):
            return True, []
        if not objects or not site.thread or site.makes:
            onward += [t for t in graph.through(site) if _stays_in_thread(t, graph)]
    return False, onward


def _stays_in_thread(function: Function, graph: Graph) -> bool:
    """Whether a call of it runs in the caller's thread: an entry point becomes a coroutine function.

    That one goes to the one thread by itself, and would wait for it there forever.
    """
    return not function.is_async and function not in graph.entered


def _check_thread(site: Site, graph: Graph) -> None:
    """Objects that belong to one thread stay in it: made, used and dropped in one piece."""
    if site.thread is None or site.shared:
        _check_arguments(site, graph)
        return
    top = _chain_top(site.node, site.scope)
    made_here = graph.finder.threads.rule(graph.inference.infer(top, site.scope)) is None
    root = _root(top)
    rule = (
        graph.finder.threads.rule(graph.inference.infer(root, site.scope))
        if isinstance(root, ast.Name)
        else None
    )
    if rule is None and made_here:
        return
    if site.thread == "affine" or (not site.makes and _local_uses(site, graph) > 1):
        raise TooTangled("what it uses belongs to one thread", *same_thread_nodes(site, graph))


def _check_arguments(site: Site, graph: Graph) -> None:
    node = site.node
    if not isinstance(node, ast.Call):
        return
    for argument in [*node.args, *(k.value for k in node.keywords)]:
        values = graph.inference.infer(argument, site.scope)
        if graph.finder.threads.rule(values) == "affine" and not site.shared:
            raise TooTangled("what it is given belongs to one thread", *same_thread_nodes(site, graph))


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
    lazy: bool | None = None  # whether it waits to be called or iterated over, once something around it tells
    for parent in around:
        if isinstance(parent, ast.Call) and parent.func is not child:
            name = _called(parent, scope, graph)
            if name in _CONSUMERS or name in LAZY:
                lazy = name in LAZY
        elif isinstance(parent, (ast.ListComp, ast.SetComp, ast.DictComp)):
            lazy = lazy is True and child in _elements(parent)
        elif isinstance(parent, (ast.GeneratorExp, ast.Lambda)):
            lazy = True
        if lazy is False and can_await_at(parent, scope) and isinstance(parent, (ast.Call, *COMPREHENSIONS)):
            return parent
        child = parent
    raise TooTangled("it stands where nothing can be awaited")


def _elements(node: ast.ListComp | ast.SetComp | ast.DictComp) -> tuple[ast.expr, ...]:
    return (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)


def _called(node: ast.Call, scope: Scope, graph: Graph) -> str:
    """The last name of a library's function, or of a method of an unknown object."""
    values = graph.inference.infer(node.func, scope)
    for value in values:
        if isinstance(value, External):
            return value.name.rpartition(".")[2]
    if not values and isinstance(node.func, ast.Attribute):
        return node.func.attr
    return ""


def _blocks_inside(site: Site, graph: Graph, native: Callable[[Site], bool]) -> bool:
    """Whether something else inside the call goes to a thread too, so that both go in one hop."""
    inner = {id(n) for n in walk(site.node)} - {id(site.node)}
    blocking = (s for s in graph.active_sites(site.scope) if id(s.node) in inner and graph.site_blocks(s))
    return not all(map(native, blocking))


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
    inside = {id(n) for n in walk(node)}
    for site in graph.active_sites(scope):
        if id(site.node) in inside and (site.runs_unknown or any(map(awaitable, site.targets))):
            raise TooTangled("a coroutine function is called around it")
