"""Why a function can't become a coroutine function, its body can't move, or a caller can't await it."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from rasa_asyncify.call_graph.graph import Graph, returns_it
from rasa_asyncify.calls.overrides import family
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.deciding.decisions import Inputs
from rasa_asyncify.deciding.draft import Draft
from rasa_asyncify.deciding.site_decisions import catches_stop_iteration
from rasa_asyncify.flow.positions import can_await_at
from rasa_asyncify.framework.sdk import PACKAGES
from rasa_asyncify.project.model import Function, Scope
from rasa_asyncify.project.values import ExternalMethod
from rasa_asyncify.threads.block_set import Blocks

OUTSIDE = "it lies outside of the given paths"
LEFT_ALONE = "its module is left alone, for an SDK that never awaits an action"
_KNOWN_BASES = frozenset(
    {
        "object",
        "abc.ABC",
        "typing.Generic",
        "typing.Protocol",
        "typing_extensions.Protocol",
        "typing.NamedTuple",
        "enum.Enum",
        "Exception",
    }
)


class Obstacles:
    """Answers for the functions of a project, by a draft and the blocks in it."""

    def __init__(
        self, inputs: Inputs, draft: Draft, blocks: Blocks, wrapped: Mapping[Function, set[Function]]
    ) -> None:
        self.inputs = inputs
        self.graph = inputs.graph
        self.entries = inputs.entries
        self.draft = draft
        self.blocks = blocks
        self.wrapped = wrapped

    def unfit(self, function: Function, escapes: list[tuple[ast.expr, Scope]]) -> str | None:
        """Why ``function``, which is used as a value at ``escapes``, can't become a coroutine function."""
        if function.is_async:
            return None
        if not self.inputs.writable(function.module):
            return LEFT_ALONE if self.entries.left_alone(function.module) else OUTSIDE
        return (
            self.inputs.kept.get(function)
            or _unfit_by_kind(function)
            or self._entered(function)
            or self._used(function, escapes)
            or _foreign_override(function)
            or self.inputs.overrides.obstacle(function)
        )

    def _entered(self, function: Function) -> str | None:
        """Why what the SDK calls can't become one."""
        if function in self.entries.found and function not in self.draft.must:
            return "the SDK never awaits it"
        return None

    def _used(self, function: Function, escapes: list[tuple[ast.expr, Scope]]) -> str | None:
        """Why what is made of it, other than calling it, forbids that."""
        if is_wrapper(function, self.graph):  # its decorator returns it, which is followed
            escapes = [(node, scope) for node, scope in escapes if not returns_it(node, scope)]
        if escapes:
            return "it is used as a value"
        if function in self.graph.inference.by_text.named:
            return "what is called by a name that is made up may be it"
        if function in self.inputs.patches.replaced:
            return "a test puts a plain function in its place"
        if function in self.entries.found and self.wrapped.get(function):
            return "it is a decorator's wrapper, and an action by assignment"
        opaque = self.graph.decorators.of(function).opaque
        if opaque:
            return f"`@{opaque}` isn't known to take coroutine functions"
        return "it belongs to the tests" if function.module.is_test else None

    def immovable(self, function: Function) -> str | None:
        """Why the body of ``function`` can't run in a thread as it is; None where it can."""
        facts = function.facts
        if facts.awaits or facts.yields:
            return "it awaits"
        if function.is_static and (function.owner is None or function.owner.parent.function is not None):
            return "it is static in a local class"
        for site in self.graph.finder.sites(function.scope):
            # Run to its end in the thread, what becomes one would wait there for a thread itself: maybe for this one.
            if site.runs_unknown or any(map(self.draft.is_sure, site.targets)):
                return "it calls a coroutine function"
        for call in facts.calls:
            for value in self.graph.inference.infer(call.func, function.scope):
                if isinstance(value, ExternalMethod) and self.entries.base_awaits(
                    value.cls, value.name, function
                ):
                    return f"it calls `super().{value.name}()`"
        return None

    def cannot_await(self, site: Site, target: Function) -> str | None:
        """Why the caller at ``site`` can't await ``target``; None where it can or can run it by itself."""
        caller = site.scope.function
        where = f"{site.scope.module.path.name}:{site.line}"
        if self.entries.left_alone(site.scope.module):
            return f"{where} calls it from a module that is left alone"
        if not self.inputs.writable(site.scope.module):
            return f"{where} calls it from outside of the given paths"
        if catches_stop_iteration(site):
            return f"{where} catches its StopIteration, which a coroutine can't raise"
        if caller is not None and self.draft.inline(caller):
            if self.blocks.hold(site):
                return f"{where} calls it among statements that go to a thread together"
            if site in self.draft.stuck:
                return f"{where} calls it where it can't be awaited"
            if not isinstance(site.node, ast.Call) or not can_await_at(site.node, site.scope):
                return f"{where} calls it where nothing can be awaited"
            return "it is called back" if site.callbacks else None
        if site.scope.module.is_test and isinstance(site.node, ast.Call) and not site.callbacks:
            return None if not self._under_a_loop(site.scope) else f"{where} calls it under a running loop"
        return f"{where} calls it and stays synchronous"

    def _under_a_loop(self, scope: Scope) -> bool:
        """Whether a coroutine function calls the synchronous test code of ``scope``."""
        function = scope.function
        return function is not None and any(
            s.scope.function is not None and s.scope.function.is_async
            for s in self.graph.callers.get(function, ())
        )


def is_wrapper(function: Function, graph: Graph) -> bool:
    """Whether its decorator returns it, which is the one use as a value that is followed."""
    return any(function in graph.decorators.of(f).wrappers for f in graph.reached if f.node.decorator_list)


def _unfit_by_kind(function: Function) -> str | None:
    """Why a function of its kind can't become one."""
    if function.is_generator:
        return "it is a generator"
    if function.is_property:
        return "it is a property"
    if function.name.startswith("__") and function.name.endswith("__"):
        return "Python calls it, and doesn't await"
    return None


def _foreign_override(function: Function) -> str | None:
    """Whether a base outside the project may call the method."""
    if function.owner is None:
        return None
    for cls in family(function.owner):
        if cls.unknown_bases:
            return "a base class isn't known"
        for base in cls.external_bases:
            if base.partition(".")[0] in PACKAGES or base in _KNOWN_BASES:
                continue
            return f"its class descends from {base}"
    return None
