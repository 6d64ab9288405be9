"""What stands around aiohttp requests: ``try`` statements, callers, other uses of their session."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator

from rasa_asyncify.analysis.colours import Colours, Solver
from rasa_asyncify.analysis.graph import Graph
from rasa_asyncify.analysis.handlers import Mapped, Unmappable, map_handlers, mentions_requests
from rasa_asyncify.analysis.http_forms import FETCH, INLINE
from rasa_asyncify.analysis.places import enclosing
from rasa_asyncify.analysis.sites import Site
from rasa_asyncify.project.model import Function, Imported, Module, Scope


def handler_changes(scope: Scope, solver: Solver, graph: Graph, colours: Colours) -> list[Mapped]:
    """The ``except`` clauses of a coroutine function that change."""
    found: list[Mapped] = []
    for node in scope.facts.tries:
        inline, _ = _reach(node, scope, solver, graph, colours)
        if inline:
            decodes = any(_decodes(site, solver) for site in inline)
            found += map_handlers(node, scope, graph.inference, decodes=decodes)
    return found


def not_inline(solver: Solver, graph: Graph, colours: Colours) -> dict[Site, str]:
    """The inline requests whose exceptions something around them, here or in a caller, tells apart."""
    found: dict[Site, str] = {}
    for scope in _scopes(graph, colours):
        for node in scope.facts.tries:
            inline, others = _reach(node, scope, solver, graph, colours)
            if not inline:
                continue
            decodes = any(_decodes(site, solver) for site in inline)
            try:
                if map_handlers(node, scope, graph.inference, decodes=decodes) and others:
                    raise Unmappable("a call beside it raises the exceptions of requests")
            except Unmappable as unmappable:
                found.update(dict.fromkeys(inline, str(unmappable)))
    for site in _native_sites(graph, colours, solver):
        if solver.native(site) == INLINE:
            reason = _told_apart(site, graph, solver.entries.found)
            if reason:
                found.setdefault(site, reason)
    return found


def not_native(solver: Solver, graph: Graph, colours: Colours) -> dict[Site, str]:
    """The native calls on sessions that outlive an action, where a thread uses such a session as well."""
    sites = [s for f in graph.reached for s in graph.active_sites(f.scope) if _on_kept_session(s)]
    native = {s for s in _native_sites(graph, colours, solver) if _on_kept_session(s)}
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


def _scopes(graph: Graph, colours: Colours) -> Iterator[Scope]:
    functions = {f for f in graph.reached if colours.inline(f)} | colours.converted
    functions |= {
        s.scope.function
        for f in colours.converted
        for s in graph.callers.get(f, ())
        if s.scope.function is not None
    }
    return (f.scope for f in sorted(functions, key=lambda f: (f.module.name, f.node.lineno)))


def _reach(
    node: ast.Try, scope: Scope, solver: Solver, graph: Graph, colours: Colours
) -> tuple[list[Site], bool]:
    """The inline requests that may raise inside the body of ``node``; whether requests itself may as well."""
    inside = {id(n) for statement in node.body for n in ast.walk(statement)}
    inline: list[Site] = []
    others = False
    for site in graph.active_sites(scope):
        if id(site.node) not in inside:
            if _used_inside(site, inside, scope, solver, colours):
                inline.append(site)
            continue
        if scope.function is None or not colours.inline(scope.function):
            targets = [t for t in site.targets if colours.awaitable(t)]
            if not targets:
                continue
        more, also = _raised(site, solver, graph, colours, set())
        inline += more
        others = others or also
    return inline, others


def _used_inside(site: Site, inside: set[int], scope: Scope, solver: Solver, colours: Colours) -> bool:
    """Whether a native response that was fetched before is looked at inside, where that may raise."""
    if scope.function is None or not colours.inline(scope.function) or solver.native(site) != INLINE:
        return False
    uses = solver.forms.inline(site).uses
    return any(id(u.node) in inside and ("json." in u.form or "raise_for" in u.form) for u in uses)


def _raised(
    site: Site, solver: Solver, graph: Graph, colours: Colours, seen: set[Function]
) -> tuple[list[Site], bool]:
    if solver.native(site) == INLINE:
        return [site], False
    others = any(name.startswith("requests.") for name in site.blockers)
    inline: list[Site] = []
    for target in graph.through(site):
        if target in seen:
            continue
        seen.add(target)
        if colours.inline(target):
            for inner in graph.active_sites(target.scope):
                more, also = _raised(inner, solver, graph, colours, seen)
                inline += more
                others = others or also
        else:
            others = others or any(
                name.startswith("requests.")
                for inner in graph.active_sites(target.scope)
                for name in graph.reasons(inner)
            )
    return inline, others


def _decodes(site: Site, solver: Solver) -> bool:
    return solver.forms.inline(site).decodes


def _native_sites(graph: Graph, colours: Colours, solver: Solver) -> Iterator[Site]:
    for function in graph.reached:
        if colours.inline(function):
            for site in graph.active_sites(function.scope):
                if solver.native(site) in (INLINE, FETCH):
                    yield site


def _told_apart(site: Site, graph: Graph, entries: Container[Function]) -> str | None:
    """Exceptions of requests named elsewhere than in ``except``: retry decorators, ``isinstance``, pytest.raises."""
    seen: set[Function] = set()
    todo = [site.scope.function]
    while todo:
        function = todo.pop()
        if function is None or function in seen:
            continue
        seen.add(function)
        for decorator in function.node.decorator_list:
            if mentions_requests(decorator, function.parent, graph.inference):
                return f"the decorator of {function.qualname}() names its exceptions"
        if _mentions_elsewhere(function, graph):
            return f"{function.qualname}() names its exceptions outside of `except`"
        if function not in entries:  # what an action's own callers name is about the whole action
            todo += [s.scope.function for s in graph.callers.get(function, ())]
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
