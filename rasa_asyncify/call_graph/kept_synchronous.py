"""What stays synchronous because it is called, or inherited, where nothing will ever await it."""

from __future__ import annotations

from collections.abc import Iterator

from rasa_asyncify.call_graph.entries import Entries
from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.framework.sdk import EntryKind
from rasa_asyncify.project.model import Function, Scope
from rasa_asyncify.project.values import ExternalMethod


def kept_synchronous(entries: Entries, graph: Graph) -> dict[Function, str]:
    """The functions that must not become coroutine functions, with the reason.

    These are the methods of classes whose SDK never awaits an action, whatever module they come from; what modules that
    are left alone call; what entry points call that the SDK never awaits; and all that these call in turn.
    """
    found: dict[Function, str] = {}
    todo = list(_never_awaited(entries, graph))
    for function, cls in entries.unawaited.items():
        found.setdefault(function, f"{cls.name} has it as well, and its SDK never awaits an action")
    for function in graph.reached:
        if function not in found and _on_several_sdks(function, entries, graph):
            found[function] = "only some of its classes' SDKs await what `super()` gives it"
    todo += [function.scope for function in found]
    while todo:
        scope = todo.pop()
        for site in graph.finder.sites(scope):
            for target in graph.through(site):
                if target not in found and not target.is_async and not target.module.is_test:
                    found[target] = _reason(site, entries)
                    todo.append(target.scope)
    return found


def _never_awaited(entries: Entries, graph: Graph) -> Iterator[Scope]:
    for module in graph.inference.project.connected:
        if entries.left_alone(module):
            yield from module.scopes()
    for function, entry in entries.found.items():
        if entry.kind is EntryKind.PLAIN:
            yield function.scope


def _on_several_sdks(function: Function, entries: Entries, graph: Graph) -> bool:
    """Whether the function calls a method of the SDK's that is a coroutine function for some of its classes only."""
    if function.owner is None or not function.owner.all_external_bases():
        return False
    return any(
        isinstance(value, ExternalMethod) and entries.bases_differ(value.cls, value.name, function)
        for call in function.facts.calls
        for value in graph.inference.infer(call.func, function.scope)
    )


def _reason(site: Site, entries: Entries) -> str:
    where = f"{site.scope.module.path.name}:{site.line}"
    if entries.left_alone(site.scope.module):
        return f"{where} calls it from a module that is left alone"
    return f"{where} calls it, and nothing awaits that"
