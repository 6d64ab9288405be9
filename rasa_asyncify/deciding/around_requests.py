"""What stands around aiohttp requests: ``try`` statements, here and in callers, and the uses of their responses."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from rasa_asyncify.calls.sites import Site
from rasa_asyncify.deciding.decisions import Decisions, Inputs, Native
from rasa_asyncify.flow.positions import enclosing, is_within
from rasa_asyncify.native.for_requests.forms import InlineAiohttp
from rasa_asyncify.native.for_requests.handlers import (
    Mapped,
    Unmappable,
    catches_all,
    map_handlers,
    mentions_requests,
)
from rasa_asyncify.native.for_requests.inline import InlinePlan
from rasa_asyncify.project.model import Function, Scope
from rasa_asyncify.project.values import Instance, OwnFunction
from rasa_asyncify.threads.offload import Offload


@dataclass(frozen=True)
class _Failure:
    """A request may fail at the ``node``, or in what is called there. ``plan`` is None for one in a thread."""

    node: ast.AST
    site: Site | None
    plan: InlinePlan | None


class AroundRequests:
    """Looks at what surrounds the requests of a project, once it is decided which of them go over aiohttp."""

    def __init__(self, inputs: Inputs, decisions: Decisions) -> None:
        self.inputs = inputs
        self.graph = inputs.graph
        self.inference = inputs.graph.inference
        self.decisions = decisions
        self.native = dict(self._native())
        self._calls = {site.node for site in self.native}
        self.failures: dict[Scope, list[_Failure]] = defaultdict(list)
        if self.native:
            self._find_failures()

    def _native(self) -> Iterator[tuple[Site, InlinePlan]]:
        for function in self.graph.reached:
            if self.decisions.inline(function):
                sites = self.graph.active_sites(function.scope)
                decided = [(site, self.decisions.at(site)) for site in sites]
                whole = [d.node for _, d in decided if isinstance(d, Offload) and d.whole]
                in_threads = {id(inner) for node in whole for inner in ast.walk(node)}
                for site, decision in decided:
                    if isinstance(decision, Native) and isinstance(decision.strategy, InlineAiohttp):
                        if id(site.node) not in in_threads:
                            yield site, decision.strategy.plan(site)

    # -- where requests fail ---------------------------------------------------------------

    def _find_failures(self) -> None:
        for function in self.graph.reached:
            for site in self.graph.active_sites(function.scope):
                if any(name.startswith("requests.") for name in site.blockers):
                    self._note(_Failure(site.node, site, self.native.get(site)), site.scope, set())
            for raised in self._raised(function):
                self._note(_Failure(raised, None, None), function.scope, set())
        for site, plan in self.native.items():
            for use in plan.uses:
                if use.may_raise:
                    self._note(_Failure(use.node, site, plan), use.scope, set())

    def _note(self, failure: _Failure, scope: Scope, seen: set[Function]) -> None:
        """Note a failure where it happens, and at all calls of the function that it leaves."""
        self.failures[scope].append(failure)
        function = scope.function
        if function is None or function in seen or function in self.inputs.entries.found:
            return  # what an action's own callers name is about the whole action
        if self._is_taken(failure.node, scope):
            return
        seen.add(function)
        for caller in self.graph.callers.get(function, []):
            self._note(_Failure(caller.node, failure.site, failure.plan), caller.scope, seen)

    def _raised(self, function: Function) -> Iterator[ast.Raise]:
        """Where a function itself raises an exception of requests."""
        if "requests" in function.module.source.text:
            for node in function.facts.parents:
                if isinstance(node, ast.Raise) and mentions_requests(node, function.scope, self.inference):
                    yield node

    def _is_taken(self, node: ast.AST, scope: Scope) -> bool:
        return any(
            is_within(node, outer.body) and catches_all(outer, scope, self.inference)
            for outer in enclosing(node, scope)
            if isinstance(outer, ast.Try)
        )

    # -- clauses ---------------------------------------------------------------

    def handler_changes(self, scope: Scope) -> list[Mapped]:
        """The ``except`` clauses of a coroutine function that change."""
        found: list[Mapped] = []
        for node in scope.facts.tries if scope in self.failures else ():
            raised = [f for f in self.failures[scope] if is_within(f.node, node.body)]
            if any(f.plan is not None for f in raised):
                found += self._mapped(node, scope, raised)
        return found

    def _mapped(self, node: ast.Try, scope: Scope, raised: list[_Failure]) -> list[Mapped]:
        mixed = any(f.plan is None for f in raised)
        decodes = any(use.decodes for f in raised if f.plan is not None for use in f.plan.uses)
        return map_handlers(node, scope, self.inference, decodes=decodes, mixed=mixed)

    # -- what rules aiohttp out ---------------------------------------------------------------

    def unsuited(self) -> dict[Site, str]:
        """The requests whose failures or responses something would take otherwise, with the reason."""
        found: dict[Site, str] = {}
        for site, plan in self.native.items():
            reason = self._not_together(plan) or self._used_elsewhere(plan)
            if reason:
                found[site] = reason
        for scope, failures in self.failures.items():
            found.update(self._told_apart(scope, failures))
        return found

    def _not_together(self, plan: InlinePlan) -> str | None:
        """Whether another request, whose response goes where this one's goes, isn't one over aiohttp."""
        if not self._calls.issuperset(plan.together):
            return "a request that belongs to it goes to a thread"
        session = plan.form.session
        if session is None or session.last is None:
            return None
        function = next(iter(plan.flow.requests.values())).function
        lines = range(session.statement.lineno, (session.last.end_lineno or 0) + 1)
        blocks = self.decisions.blocks.get(function, ()) if function is not None else ()
        if any(s.lineno in lines or s.end_lineno in lines for b in blocks for s in b.block.statements):
            return "statements beside it go to a thread"
        return None

    def _used_elsewhere(self, plan: InlinePlan) -> str | None:
        """Why the response can't be aiohttp's: what goes to a thread, or stays as it is, can't await its body."""
        for use in plan.uses:
            function = use.scope.function
            if "await" in use.form and self.decisions.around(use.node, function):
                return "the response is used in a thread"
            if function is None or not self.inputs.writable(use.scope.module):
                return "the response is used outside of the given paths"
            if "await" in use.form and not self.decisions.inline(function):
                return f"{function.qualname}() reads the response and isn't a coroutine function"
        for function in plan.flow.functions:
            if not self.inputs.writable(function.module):
                return "the response is used outside of the given paths"
        return None

    def _told_apart(self, scope: Scope, failures: list[_Failure]) -> dict[Site, str]:
        found: dict[Site, str] = {}
        native = _native_sites(failures)
        if not native or scope.function is None:
            return found
        reason = self._named_in(scope.function)
        if reason:
            return dict.fromkeys(native, reason)
        for failure in failures:
            if failure.site in native and self._is_managed(failure.node, scope):
                found[failure.site] = "a context manager around it may look at its failures"
        for node in scope.facts.tries:
            raised = [f for f in failures if is_within(f.node, node.body)]
            within = _native_sites(raised)
            reason = self._unmappable(node, scope, raised) if within else None
            if reason:
                found.update(dict.fromkeys(within, reason))
        return found

    def _unmappable(self, node: ast.Try, scope: Scope, raised: list[_Failure]) -> str | None:
        try:
            changes = self._mapped(node, scope, raised)
        except Unmappable as unmappable:
            return str(unmappable)
        function = scope.function
        if changes and (function is None or not self.decisions.inline(function)):
            return "a plain function catches its failures"
        if changes and not self.inputs.writable(scope.module):
            return "its failures are caught outside of the given paths"
        return None

    def _is_managed(self, node: ast.AST, scope: Scope) -> bool:
        for outer in enclosing(node, scope):
            for item in outer.items if isinstance(outer, (ast.With, ast.AsyncWith)) else ():
                called = [item.context_expr, getattr(item.context_expr, "func", None)]
                if node is not item.context_expr and any(
                    isinstance(v, (Instance, OwnFunction))
                    for part in called
                    if part is not None
                    for v in self.inference.infer(part, scope)
                ):
                    return True
        return False

    def _named_in(self, function: Function) -> str | None:
        if self.graph.decorators.of(function).wrappers:
            return f"a decorator of {function.qualname}() may look at its failures"
        for decorator in function.node.decorator_list:
            if mentions_requests(decorator, function.parent, self.inference):
                return f"the decorator of {function.qualname}() names its exceptions"
        facts = function.facts
        for node in [*facts.names, *facts.loads]:
            if mentions_requests(node, function.scope, self.inference) and not _is_plain(
                node, function.scope
            ):
                return f"{function.qualname}() names its exceptions outside of `except`"
        return None


def _native_sites(failures: list[_Failure]) -> list[Site]:
    return [f.site for f in failures if f.plan is not None and f.site is not None]


def _is_plain(node: ast.expr, scope: Scope) -> bool:
    """Whether an exception is named in the type of a clause, or to raise it."""
    child: ast.AST = node
    for parent in enclosing(node, scope):
        if isinstance(parent, ast.ExceptHandler):
            return child is parent.type
        if isinstance(parent, ast.Raise):
            return True
        child = parent
    return False
