"""Who calls whom: what entry points reach, what blocks, and every caller of a function."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from rasa_asyncify.calls.argument_flows import is_runner
from rasa_asyncify.calls.decorators import Decorators
from rasa_asyncify.calls.sites import Site, SiteFinder
from rasa_asyncify.flow.positions import CURRENT_EXCEPTION, is_deferred, is_deferring_call
from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.project.bindings import last_name
from rasa_asyncify.project.model import Function, Scope
from rasa_asyncify.project.values import ExternalMethod
from rasa_asyncify.reaching import Reaching, spread

_ROUNDS = 6
# Whether a class of the SDK defines a method as a coroutine function, as a function gets it.
BaseAwaits = Callable[[str, str, Function], bool]


class Graph:
    """The calls of a project, as far as reading tells.

    ``alone`` are the sites that two actions must not be at together, as ``threads.files_and_databases`` finds them.
    """

    def __init__(self, inference: Inference, base_awaits: BaseAwaits) -> None:
        self.inference = inference
        self.base_awaits = base_awaits
        self.finder = SiteFinder(inference)
        self.decorators = Decorators(inference)
        self.reached: dict[Function, None] = {}
        self.entered: frozenset[Function] = frozenset()
        self.callers: dict[Function, list[Site]] = defaultdict(list)
        self.runners: frozenset[Function] = frozenset()
        self.anything_waits = False
        self.alone: Mapping[Site, bool] = {}
        self._blocking: set[Function] = set()
        self._running_unknown: set[Function] = set()
        self._references: dict[Function, ast.Name] = {}
        self._calling: dict[Function, list[Function]] | None = None
        self.hands_on = Reaching(self._look_for_coroutine)
        self.looks_at_exception = Reaching(self._look_for_exception)
        self.shares_thread: dict[tuple[bool, bool], Reaching[Function]] = {}

    # -- reach ---------------------------------------------------------------

    def reach(self, start: Iterable[Function]) -> None:
        """Follow the calls from ``start``; again, as long as new arguments flow into parameters."""
        start = list(start)
        self.entered = frozenset(start)
        for _ in range(_ROUNDS):
            if not self._reach_once(start) and not self.finder.flows.settle():
                break
            self.inference.forget()
            self.finder.forget()
        self._learnt()
        self._find_blocking()

    def _learnt(self) -> None:
        """Forget the answers that hang on the calls as they were known."""
        self._calling = None
        self.hands_on.forget()
        self.looks_at_exception.forget()

    def _reach_once(self, start: list[Function]) -> bool:
        """One round; whether decorators told more about what their parameters hold."""
        known = len(self._references)
        self.reached = {}
        todo = list(start)
        while todo:
            function = todo.pop()
            if function in self.reached or _is_trivial(function):
                continue
            self.reached[function] = None
            todo += self._wrappers(function)
            for site in self.finder.sites(function.scope):
                todo += site.targets
        self._note_at_import()
        self.runners = frozenset(f for f in self.reached if is_runner(f))
        return len(self._references) > known

    def _note_at_import(self) -> None:
        """Learn what the modules' own code, and what that calls, hands to functions: ``signal.connect(notify)``."""
        modules = self.inference.project.connected
        todo = [module.scope for module in modules if not module.is_test]
        seen: set[Function] = set()
        while todo:
            for site in self.finder.sites(todo.pop()):
                called = [t for t in site.targets if t not in seen and t not in self.reached]
                seen.update(called)
                todo += [t.scope for t in called]

    def _wrappers(self, function: Function) -> list[Function]:
        """The project's own wrappers around ``function``, which now call it."""
        if not function.node.decorator_list:
            return []
        wrappers = list(self.decorators.of(function).wrappers)
        for wrapper in wrappers:
            decorator = wrapper.parent.function
            if decorator is not None:
                name = decorator.node.args.args[0].arg
                flows = self.inference.flows[(decorator, name)]
                reference = self._reference(function)
                if all(e is not reference for e, _ in flows):
                    flows.append((reference, function.parent))
        return wrappers

    def _reference(self, function: Function) -> ast.Name:
        """One ``Name`` node per function, so that a flow is noted once."""
        if function not in self._references:
            node = ast.Name(function.name, ast.Load())
            self._references[function] = ast.copy_location(node, function.node)
        return self._references[function]

    # -- blocking ---------------------------------------------------------------

    def active_sites(self, scope: Scope) -> list[Site]:
        """The sites of a scope whose code runs where the scope's does: not what a thread will call."""
        return [s for s in self.finder.sites(scope) if not self._elsewhere(s)]

    def _elsewhere(self, site: Site) -> bool:
        if is_deferred(site.node, site.scope, self.runners, self.inference):
            return True
        node = site.node
        return (
            isinstance(node, ast.Call)
            and site.callbacks
            and is_deferring_call(node, site.scope, self.runners, self.inference)
        )

    def _find_blocking(self) -> None:
        said = {f: self._says(f) for f in self.reached} if self.inference.catalogue.own else {}
        self._blocking = {f for f, blocks in said.items() if blocks}
        # Most projects that are migrated already have no blocker within reach at all.
        sites = [s for f in self.reached for s in self.finder.sites(f.scope)]
        if self._blocking or any(s.blockers for s in sites):
            silent = {f for f, blocks in said.items() if blocks is False}
            loud = [f for f in self.reached if f not in silent]
            spread(self._blocking, loud, self._blocks_now, self.calling)
        self._running_unknown = {s.scope.function for s in sites if s.runs_unknown and s.scope.function}
        if self._running_unknown:
            spread(self._running_unknown, self.reached, self._runs_unknown_now, self.calling)
        self.anything_waits = bool(self._blocking or self._running_unknown or any(s.blockers for s in sites))

    def calling(self, function: Function) -> list[Function]:
        """The reached functions that call ``function``, or have a wrapper called that is it."""
        if self._calling is None:
            self._calling = defaultdict(list)
            for caller in self.reached:
                for target in {t for site in self.finder.sites(caller.scope) for t in self.through(site)}:
                    self._calling[target].append(caller)
        return self._calling.get(function, [])

    def _says(self, function: Function) -> bool | None:
        """What the project's settings say of one of its own functions."""
        return self.inference.catalogue.own_says(f"{function.module.name}.{function.qualname}")

    def _blocks_now(self, function: Function) -> bool:
        return any(self.site_blocks(site) for site in self.active_sites(function.scope))

    def site_blocks(self, site: Site) -> bool:
        """Whether the site holds the thread it runs in."""
        return bool(site.blockers) or any(t in self._blocking and not t.is_async for t in self.through(site))

    def would_block(self, function: Function) -> bool:
        """Whether calling ``function``, which no call that is seen need reach, would hold the thread."""
        seen: set[Function] = set()
        todo = [function]
        while todo:
            current = todo.pop()
            if current in seen or current.is_async or self._says(current) is False:
                continue
            seen.add(current)
            if self._says(current):
                return True
            for site in self.active_sites(current.scope):
                if site.blockers:
                    return True
                todo += self.through(site)
        return False

    def through(self, site: Site) -> list[Function]:
        """The functions that the site runs: those it calls and the project's own wrappers around them."""
        found = list(site.targets)
        for target in site.targets:
            if target.node.decorator_list:
                found += self.decorators.of(target).wrappers
        return found

    def _runs_unknown_now(self, function: Function) -> bool:
        sites = self.active_sites(function.scope)
        return any(t in self._running_unknown and not t.is_async for s in sites for t in s.targets)

    def runs_unknown(self, function: Function) -> bool:
        """Whether it, or what it calls, seems to run an action that reading can't know, and may have to be awaited."""
        return function in self._running_unknown

    def blocks(self, function: Function) -> bool:
        """Whether calling ``function`` may hold the thread it is called in."""
        return function in self._blocking

    def reasons(self, site: Site) -> list[str]:
        """The blockers behind a site, nearest first: ``["requests.get"]``."""
        found: dict[str, None] = dict.fromkeys(site.blockers)
        seen: set[Function] = set()
        todo = [t for t in self.through(site) if not t.is_async]
        while todo:
            function = todo.pop(0)
            if function in seen or function not in self._blocking:
                continue
            seen.add(function)
            if self._says(function):
                found[function.qualname] = None
            for inner in self.active_sites(function.scope):
                found.update(dict.fromkeys(inner.blockers))
                todo += [t for t in self.through(inner) if not t.is_async]
        return list(found)

    def called(self, blockers: Iterable[str], most: int = 3) -> str:
        """The first of what blocks: calls, or else the classes of what is entered, iterated over or indexed."""
        catalogue = self.finder.catalogue
        called: list[str] = []
        used: list[str] = []
        for name in blockers:
            by_use = catalogue.cls(name) is not None and not catalogue.blocks(name)
            (used if by_use else called).append(name.removeprefix("builtins."))
        return ", ".join(f"{n}()" for n in called[:most]) or ", ".join(used[:most]) or "a call"

    def _look_for_exception(self, function: Function) -> tuple[bool, list[Function]]:
        """Whether ``function`` asks for the exception that is being handled, and what it calls."""
        facts = function.facts
        names = {load.attr for load in facts.loads} | {last_name(call.func) for call in facts.calls}
        if names & CURRENT_EXCEPTION or any(
            k.arg == "exc_info" for call in facts.calls for k in call.keywords
        ):
            return True, []
        return False, [t for site in self.finder.sites(function.scope) for t in site.targets]

    # -- coroutines that plain functions hand on --

    def _look_for_coroutine(self, function: Function) -> tuple[bool, list[Function]]:
        """Whether a plain function returns a coroutine that it got from another (``return self.fetch()``).

        And the functions of which it returns what they return.
        """
        if function.is_async:
            return False, []
        for call in function.facts.calls:
            if returns_it(call, function.scope) and any(
                isinstance(v, ExternalMethod) and self.base_awaits(v.cls, v.name, function)
                for v in self.inference.infer(call.func, function.scope)
            ):
                return True, []
        returned = [
            target
            for site in self.finder.sites(function.scope)
            if isinstance(site.node, ast.expr) and returns_it(site.node, function.scope)
            for target in site.targets
        ]
        return any(t.is_async for t in returned), returned

    def keeps_coroutine(self, function: Function) -> bool:
        """Whether a plain function returns a coroutine by way of a variable, which the SDK then awaits."""
        for site in self.finder.sites(function.scope):
            if not isinstance(site.node, ast.Call) or site.node in function.facts.awaited:
                continue
            if any(t.is_async or self.hands_on(t) for t in site.targets):
                parent = function.facts.parents.get(site.node)
                if isinstance(parent, ast.Assign) and _is_handed_on(parent, function):
                    return True
        return False

    # -- callers ---------------------------------------------------------------

    def index_callers(self) -> None:
        """Find the callers of every reached function, in every scope of the project."""
        for _ in range(_ROUNDS):
            sites = [site for scope in self.scopes() for site in self.finder.sites(scope)]
            if not self.finder.flows.settle():
                break
            self.inference.forget()
            self.finder.forget()
        self._learnt()
        self.callers.clear()
        for site in sites:
            for target in site.targets:
                self.callers[target].append(site)
        self.runners = frozenset(f for f in self.inference.project.functions() if is_runner(f))

    def scopes(self) -> Iterator[Scope]:
        """Every scope of the project."""
        for module in self.inference.project.connected:
            yield from module.scopes()


def _is_trivial(function: Function) -> bool:
    """Whether a function only gives a constant, as most ``name()`` methods do."""
    body = function.node.body
    last = body[-1]
    return (
        isinstance(last, ast.Return)
        and isinstance(last.value, ast.Constant)
        and (len(body) == 1 or (len(body) == 2 and isinstance(body[0], ast.Expr)))
        and isinstance(getattr(body[0], "value", None), ast.Constant)
        and not function.node.decorator_list
        and not isinstance(function.node, ast.AsyncFunctionDef)
    )


def _is_handed_on(statement: ast.Assign, function: Function) -> bool:
    """Whether a name that the statement binds is returned somewhere."""
    names = {t.id for t in statement.targets if isinstance(t, ast.Name)}
    return any(isinstance(r.value, ast.Name) and r.value.id in names for r in function.facts.returns)


def returns_it(node: ast.expr, scope: Scope) -> bool:
    """Whether the value of ``node`` is what a ``return`` statement gives, perhaps by a condition."""
    child: ast.AST = node
    parent = scope.facts.parents.get(node)
    while isinstance(parent, ast.IfExp) and parent.test is not child:
        child, parent = parent, scope.facts.parents.get(parent)
    return isinstance(parent, ast.Return)
