"""Which functions become coroutine functions: the largest set in which nothing is left un-awaited.

Every candidate starts as one; a function is dropped as soon as a caller can't await it, something in it can't stand
in a coroutine function, or a relative or another function that the same call may reach is dropped. What is dropped
stays synchronous and is sent to a worker thread where a coroutine function calls it.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from rasa_asyncify.call_graph.entries import Entries
from rasa_asyncify.call_graph.graph import Graph, returns_it
from rasa_asyncify.call_graph.test_doubles import Patches
from rasa_asyncify.call_graph.unseen import Unseen
from rasa_asyncify.calls.overrides import Overrides, family
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.catalogue.own import OWN_NATIVE
from rasa_asyncify.flow.positions import can_await_at, enclosing
from rasa_asyncify.framework.sdk import Treatment
from rasa_asyncify.native.http_forms import HttpForms
from rasa_asyncify.native.httpx_forms import HTTPX, HttpxForms
from rasa_asyncify.native.refusals import Refused
from rasa_asyncify.project.model import Function, Module, Scope
from rasa_asyncify.project.values import ExternalMethod
from rasa_asyncify.threads.block import Block, is_whole
from rasa_asyncify.threads.block_set import Blocks
from rasa_asyncify.threads.offload import (
    Offload,
    TooTangled,
    offload_for,
    thread_names,
)
from rasa_asyncify.threads.one_at_a_time import Together

_ROUNDS = 2000
OUTSIDE = "it lies outside of the given paths"
LEFT_ALONE = "its module is left alone, for an SDK that never awaits an action"
# What a call gives may be a coroutine, or the value itself.
AWAIT_EITHER = "await either"
_ALONE = "what it uses is for one action at a time"


@dataclass
class Colours:
    """The outcome.

    ``converted``: become coroutine functions. ``moved``: entry points that become coroutine functions whose old body
    runs in a thread, with the reason. ``kept``: helpers that stay synchronous though something in them has an
    asynchronous equivalent, with the reason. ``refused``: call sites whose native form is ruled out, with the reason.
    ``stuck``: sites in coroutine functions that nothing can be done about, with the reason. ``apart``: coroutine
    functions in which uses of what is for one action at a time have an ``await`` between them.
    """

    converted: set[Function] = field(default_factory=set)
    moved: dict[Function, str] = field(default_factory=dict)
    kept: dict[Function, str] = field(default_factory=dict)
    refused: dict[Site, str] = field(default_factory=dict)
    stuck: dict[Site, str] = field(default_factory=dict)
    apart: dict[Function, list[ast.AST]] = field(default_factory=dict)

    def awaitable(self, function: Function) -> bool:
        """Whether calling ``function`` gives a coroutine afterwards."""
        return function.is_async or function in self.converted or function in self.moved

    def inline(self, function: Function) -> bool:
        """Whether the function's body runs on the event loop afterwards."""
        return (function.is_async or function in self.converted) and function not in self.moved


class Solver:
    """Finds the colours for one project."""

    def __init__(
        self,
        graph: Graph,
        entries: Entries,
        patches: Patches,
        forms: HttpForms,
        writable: Callable[[Module], bool],
        kept: Mapping[Function, str],
    ) -> None:
        self.graph = graph
        self.entries = entries
        self.patches = patches
        self.forms = forms
        self.kept = kept
        self.httpx = HttpxForms(graph)
        self.overrides = Overrides(graph.inference)
        self.writable: Callable[[Module], bool] = lambda m: writable(m) and not entries.left_alone(m)
        self.colours = Colours()
        self.blocks = Blocks(graph)
        self.together = Together(graph, self.blocks, self.treatment)
        self._must: set[Function] = set()
        self._pinned: dict[Function, set[str]] = {}
        self._running: set[Function] = set()
        self._wrapped: dict[Function, set[Function]] = {}
        self._groups: dict[Function, set[Function]] = {}

    def solve(self) -> Colours:
        """Run to the fixpoint."""
        self._wrapped = self._find_wrapped()
        self._start_with_entries()
        self._running = self._find_running()
        candidates = self._candidates()
        self._group(candidates)
        wanted = {m for f in candidates for m in self._groups[f]}
        self.colours.converted |= wanted
        escapes = self.graph.uses_as_value(wanted)
        guessed = self.graph.possible_calls(wanted) | Unseen(self.graph).partly_known(wanted)
        for function in sorted(wanted, key=_order):
            reason = self._unfit(function, escapes.get(function, [])) or guessed.get(function)
            if reason:
                self._drop(function, reason)
        for _ in range(_ROUNDS):  # far more than any project needs; what comes out is checked in any case
            if not self._check_all():
                break
        return self.colours

    # -- the start ---------------------------------------------------------------

    def _start_with_entries(self) -> None:
        for entry in self.entries.changeable():
            function = entry.function
            if function.is_async or not self.writable(function.module) or function.is_generator:
                continue
            if function in self.kept:
                continue
            waits = self.graph.blocks(function) or self.graph.runs_unknown(function)
            if entry.treatment is Treatment.EITHER and not waits:
                continue
            if self.graph.keeps_coroutine(function):
                continue  # the SDK awaits what it returns, as before
            if self._wrapped.get(function):
                continue  # an entry point by assignment, and a decorator's wrapper elsewhere: too many masters
            self._must.add(function)
            self.colours.converted.add(function)

    def _find_wrapped(self) -> dict[Function, set[Function]]:
        """What each of the project's own wrappers is put around."""
        found: dict[Function, set[Function]] = defaultdict(set)
        for function in self.graph.inference.project.functions():
            if function.node.decorator_list:
                for wrapper in self.graph.decorators.of(function).wrappers:
                    found[wrapper].add(function)
        return found

    def _candidates(self) -> set[Function]:
        """The synchronous helpers that contain, or call what contains, something with a native form.

        With those that no action reaches, such as the unused methods of a client: they must not hold the others back.
        """
        found = self._grow(lambda f, found: f not in self.entries.found and self._has_native(f, found))
        todo = list(found)
        while todo:
            for site in self.graph.callers.get(todo.pop(), ()):
                caller = site.scope.function
                if caller is not None and caller not in found and self._is_idle(caller):
                    found.add(caller)
                    todo.append(caller)
        return found

    def _is_idle(self, function: Function) -> bool:
        """Whether neither an action nor a test reaches the synchronous ``function``."""
        known = function.is_async or function in self.graph.reached or function in self.entries.found
        return not known and not function.module.is_test

    def _grow(self, joins: Callable[[Function, set[Function]], bool]) -> set[Function]:
        """The smallest set of synchronous functions that holds each one which ``joins`` what is in it already."""
        found: set[Function] = set()
        changed = True
        while changed:
            changed = False
            for function in self.graph.reached:
                if not function.is_async and function not in found and joins(function, found):
                    found.add(function)
                    changed = True
        return found

    def _has_native(self, function: Function, found: set[Function]) -> bool:
        for site in self.graph.active_sites(function.scope):
            if (
                site.runs_unknown
                or self.native(site)
                or any(t in found or t in self._must for t in self.graph.through(site))
            ):
                return True
        return False

    def native(self, site: Site) -> str | None:
        """The native form that the site takes: "asyncio.sleep", ``INLINE``, ``OVER_AIOHTTP`` or ``HTTPX``."""
        if site.native is None or site in self.colours.refused or self.blocks.hold(site):
            return None
        if any(self.patches.covers(name, site.scope.module) for name in site.blockers):
            self.colours.refused[site] = "a test replaces it by its path"
            return None
        if not can_await_at(site.node, site.scope):
            return None
        if site.native.startswith(OWN_NATIVE):
            return site.native
        if site.native == "asyncio.sleep":
            return site.native if _plain_sleep(site.node) else None
        try:
            self._check_mocks(site)
            self._check_client(site)
            return self.httpx.form(site) if site.native == HTTPX else self.forms.form(site)
        except Refused as refused:
            self.colours.refused[site] = str(refused)
            return None

    def _check_mocks(self, site: Site) -> None:
        """Refuse where the tests answer requests in a way that another client wouldn't notice."""
        module = site.scope.module
        is_httpx = site.native == HTTPX
        mocks = self.patches.answering_httpx(module) if is_httpx else self.patches.answering(module)
        if mocks:
            raise Refused(f"the tests answer requests with {' and '.join(mocks)}")
        replaced = self.patches.replaced_in(module) if is_httpx else ()
        if any(name.partition(".")[0] == "httpx" for name in replaced):
            raise Refused("a test replaces parts of httpx")

    def _check_client(self, site: Site) -> None:
        """Refuse where a block of the function, which runs in a thread, may use the same httpx client."""
        function = site.scope.function
        if site.native == HTTPX and function in self.blocks.of:
            if any(s.native == HTTPX and self.blocks.hold(s) for s in self.graph.active_sites(site.scope)):
                raise Refused("a thread may use its client as well")

    # -- groups: relatives, and what one call may reach ---------------------------------------------------------------

    def _group(self, candidates: set[Function]) -> None:
        groups: dict[Function, set[Function]] = {}

        def join(members: Iterable[Function]) -> None:
            merged: set[Function] = set()
            for member in members:
                merged |= groups.get(member, {member})
            for member in merged:
                groups[member] = merged

        pending = list(candidates)
        seen: set[Function] = set()
        while pending:
            function = pending.pop()
            if function in seen:
                continue
            seen.add(function)
            together = {function, *self.overrides.methods(function), *self._called_with(function)}
            together |= set(self.graph.decorators.of(function).wrappers)
            together -= self._must
            if together:
                join(together)
            pending += [m for m in together if m not in seen and not m.is_async]
        self._groups = defaultdict(set, {f: groups.get(f, {f}) for f in seen | candidates})

    def _called_with(self, function: Function) -> set[Function]:
        found: set[Function] = set()
        for site in self.graph.callers.get(function, ()):
            if not site.callbacks:
                found |= set(site.targets)
        return found

    # -- what can't become one ---------------------------------------------------------------

    def _unfit(self, function: Function, escapes: list[tuple[ast.expr, Scope]]) -> str | None:
        if function.is_async:
            return None
        if not self.writable(function.module):
            return LEFT_ALONE if self.entries.left_alone(function.module) else OUTSIDE
        if function in self.kept:
            return self.kept[function]
        if function.is_generator:
            return "it is a generator"
        if function.is_property:
            return "it is a property"
        if function.name.startswith("__") and function.name.endswith("__"):
            return "Python calls it, and doesn't await"
        if function in self.entries.found and function not in self._must:
            return "the SDK never awaits it"
        if self.is_wrapper(function):  # its decorator returns it, which is followed
            escapes = [(node, scope) for node, scope in escapes if not returns_it(node, scope)]
        if escapes:
            return "it is used as a value"
        if function in self.graph.inference.by_text.named:
            return "what is called by a name that is made up may be it"
        if function in self.patches.replaced:
            return "a test puts a plain function in its place"
        if function in self.entries.found and self._wrapped.get(function):
            return "it is a decorator's wrapper, and an action by assignment"
        opaque = self.graph.decorators.of(function).opaque
        if opaque:
            return f"`@{opaque}` isn't known to take coroutine functions"
        if function.module.is_test:
            return "it belongs to the tests"
        return _foreign_override(function) or self.overrides.obstacle(function)

    def is_wrapper(self, function: Function) -> bool:
        """Whether its decorator returns it, which is the one use as a value that is followed."""
        return any(
            function in self.graph.decorators.of(f).wrappers
            for f in self.graph.reached
            if f.node.decorator_list
        )

    def _drop(self, function: Function, reason: str) -> bool:
        """Keep ``function`` and its group synchronous. An entry point's body goes to a thread instead."""
        changed = False
        for member in self._groups.get(function, {function}) | {function}:
            if member in self._must:
                continue
            if member in self.colours.converted:
                self.colours.converted.discard(member)
                self.colours.kept[member] = (
                    reason if member is function else f"{reason} ({function.qualname})"
                )
                self.blocks.drop(member)
                changed = True
        if function in self._must and function not in self.colours.moved:
            changed = self._move(function, reason) or changed
        return changed

    def _move(self, function: Function, reason: str) -> bool:
        obstacle = self.immovable(function)
        if obstacle:
            return False
        self.colours.moved[function] = reason
        self.blocks.drop(function)
        return True

    def immovable(self, function: Function) -> str | None:
        """Why the body of ``function`` can't run in a thread as it is; None where it can."""
        facts = function.facts
        if facts.awaits or facts.yields:
            return "it awaits"
        if function.is_static and (function.owner is None or function.owner.parent.function is not None):
            return "it is static in a local class"
        for site in self.graph.finder.sites(function.scope):
            # Run to its end in the thread, what becomes one would wait there for a thread itself: maybe for this one.
            if site.runs_unknown or any(map(self._is_sure, site.targets)):
                return "it calls a coroutine function"
        for call in facts.calls:
            for value in self.graph.inference.infer(call.func, function.scope):
                if isinstance(value, ExternalMethod) and self.entries.base_awaits(
                    value.cls, value.name, function
                ):
                    return f"it calls `super().{value.name}()`"
        return None

    # -- the fixpoint ---------------------------------------------------------------

    def _check_all(self) -> bool:
        changed = False
        for function in sorted(self.colours.converted | set(self.colours.moved), key=_order):
            if function in self.colours.converted and function not in self.colours.moved:
                changed = self._check_decorators(function) or changed
                changed = self._check_body(function) or changed
            if function in self.colours.converted and function not in self._must:
                changed = self._check_callers(function) or changed
        for function in [f for f in self.graph.reached if f.is_async and self.writable(f.module)]:
            changed = self._check_body(function) or changed
        return changed

    def _check_decorators(self, function: Function) -> bool:
        decoration = self.graph.decorators.of(function)
        if decoration.opaque:
            return self._drop(function, f"`@{decoration.opaque}` isn't known to take coroutine functions")
        for wrapper in decoration.wrappers:
            if not self.colours.awaitable(wrapper):
                return self._drop(function, f"its decorator's `{wrapper.name}` stays synchronous")
        for wrapped in self._wrapped.get(function, ()):
            if not self.colours.awaitable(wrapped):
                return self._drop(function, f"it wraps {wrapped.qualname}() too, which stays synchronous")
            beside = self.graph.decorators.of(wrapped)
            if beside.opaque or not all(map(self.colours.awaitable, beside.wrappers)):
                return self._drop(function, f"another decorator of {wrapped.qualname}() stays synchronous")
        return False

    def _check_body(self, function: Function) -> bool:
        if not self.colours.inline(function):
            return False
        for site in self.graph.active_sites(function.scope):
            if site in self.colours.stuck or self.blocks.hold(site):
                continue
            try:
                self.treatment(site)
            except TooTangled as tangled:
                if tangled.around and self._put_in_block(tangled.around, function, str(tangled)):
                    return True
                if not self._is_sure(function):
                    return self._drop(function, str(tangled))
                if self._may_move(function) and self._move(function, str(tangled)):
                    return True
                self._stick(site, function, str(tangled))
                return True
        return self._keep_together(function) or self._prefer_whole(function)

    def _stick(self, site: Site, function: Function, reason: str) -> None:
        """Leave a site on the event loop, with all that uses the same object, if that belongs to one thread."""
        self.colours.stuck[site] = reason
        if site.thread != "affine":
            return
        names = thread_names([site.node], function.scope, self.graph)
        pinned = self._pinned.setdefault(function, set())
        pinned |= {name.id for name in names if isinstance(name, ast.Name)}
        self.blocks.of[function] = [
            b for b in self.blocks.of.get(function, ()) if not self._mentions(b, pinned)
        ]
        for other in self.graph.active_sites(function.scope):
            if self._uses(other, pinned):
                self.colours.stuck.setdefault(other, reason)

    def _uses(self, site: Site, names: set[str]) -> bool:
        """Whether the site, or a function within the function that it calls, uses one of the variables."""
        inner = [t.node for t in site.targets if t.parent is site.scope]
        return any(
            isinstance(n, ast.Name) and n.id in names for node in (site.node, *inner) for n in ast.walk(node)
        )

    def _mentions(self, block: Block, names: set[str]) -> bool:
        nodes = (n for statement in block.statements for n in ast.walk(statement))
        return any(isinstance(n, ast.Name) and n.id in names for n in nodes)

    # -- blocks ---------------------------------------------------------------

    def _put_in_block(self, nodes: Iterable[ast.AST], function: Function, reason: str) -> bool:
        return self.blocks.add(nodes, function, reason, self._may_hold) is not None

    def _may_hold(self, block: Block) -> bool:
        """Whether nothing in a block has to be awaited: helpers can stay synchronous for it, others can't."""
        if self._mentions(block, self._pinned.get(block.function, set())):
            return False
        inside = block.nodes
        sites = [s for s in self.graph.finder.sites(block.function.scope) if id(s.node) in inside]
        targets = {t for s in sites for t in self.graph.through(s)}
        return not any(s.runs_unknown for s in sites) and not any(
            self._is_sure(t) or self.graph.hands_on(t) for t in targets
        )

    def _keep_together(self, function: Function) -> bool:
        """Put all that uses what is for one action at a time into one block, so that no other gets in between."""
        if function in self.colours.apart:
            return False
        nodes = self.together.nodes(function, self.colours.stuck)
        if not nodes:
            return False
        if self._put_in_block(nodes, function, _ALONE):
            return True
        if not self._is_sure(function):
            return self._drop(function, _ALONE)
        if self._may_move(function) and self._move(function, _ALONE):
            return True
        self.colours.apart[function] = nodes
        return True

    def _prefer_whole(self, function: Function) -> bool:
        """Send a function to a thread whole, where blocks leave nothing in it to wait for on the event loop."""
        blocks = self.blocks.of.get(function)
        if not blocks or function.is_async:
            return False
        pieces = len(blocks)
        for site in self.graph.active_sites(function.scope):
            if self.blocks.hold(site) or site in self.colours.stuck:
                continue
            treatment = self.treatment(site)
            if isinstance(treatment, str):
                return False
            pieces += treatment is not None
        if function not in self._must:
            return self._drop(function, blocks[0].reason)
        plain = all(not m.outer and not m.leaves for m in map(self.blocks.moved, blocks))
        if pieces == 1 and plain and not is_whole(blocks[0]):
            return False
        return self._may_move(function) and self._move(function, blocks[0].reason)

    def _is_sure(self, function: Function) -> bool:
        """Whether it is a coroutine function, or becomes one whatever else is decided."""
        return function.is_async or function in self._must

    def _must_await(self, site: Site, called: list[Function]) -> bool:
        """Whether one entry point calls others, such as ``getattr(self, f"validate_{slot}")(...)``, and can await."""
        function = site.scope.function
        awaits = function is not None and self._is_sure(function)
        return awaits and self._must.issuperset(called) and can_await_at(site.node, site.scope)

    def _may_move(self, function: Function) -> bool:
        return function in self._must or function in self.entries.found or function.owner is not None

    def treatment(self, site: Site) -> Offload | str | None:
        """What happens at a site in a coroutine function: an offload, a native form, "await", or nothing.

        Raises:
            TooTangled: where it blocks and nothing can be done about it alone.
        """
        if site.runs_unknown:
            if not can_await_at(site.node, site.scope):
                raise TooTangled("an action may be run where nothing can be awaited")
            return AWAIT_EITHER
        through = self.graph.through(site)
        awaitable = [t for t in site.targets if self.colours.awaitable(t)]
        blocking = [t for t in through if self._holds(t) and not self.colours.awaitable(t)]
        if awaitable and (site.blockers or len(awaitable) < len(site.targets)):
            new = [t for t in awaitable if not t.is_async]
            if new and not site.blockers and not blocking and self._must_await(site, new):
                return AWAIT_EITHER
            if new or site.blockers or blocking:
                raise TooTangled("it calls either kind of function")
            return None
        if awaitable:
            if all(t.is_async for t in awaitable):
                return "await" if _returned_coroutine(site, self.colours) else None
            if not isinstance(site.node, ast.Call) or not can_await_at(site.node, site.scope):
                raise TooTangled("a coroutine function is called where nothing can be awaited")
            return AWAIT_EITHER if any(map(self.overrides.obstacle, awaitable)) else "await"
        if any(self.graph.hands_on(t) for t in site.targets):
            return "await" if _returned_coroutine(site, self.colours) else None
        if not site.blockers and not blocking:
            return None
        native = self.native(site)
        if native:
            return native
        handling = self._handles(site)
        if handling is not None:
            raise TooTangled("what it calls looks at the exception that is being handled", handling)
        if _catches_stop_iteration(site):
            raise TooTangled("its StopIteration is caught, which no thread or coroutine hands on")
        return offload_for(site, self.graph, self.colours.awaitable)

    def _handles(self, site: Site) -> ast.AST | None:
        """The ``try`` in a clause of which the site calls something that looks at the exception it handles."""
        if not any(self.graph.looks_at_exception(t) for t in site.targets):
            return None
        around = enclosing(site.node, site.scope)
        clause = next((i for i, n in enumerate(around) if isinstance(n, ast.ExceptHandler)), None)
        return around[clause + 1] if clause is not None else None

    def _holds(self, function: Function) -> bool:
        """Whether calling it holds the thread: it blocks, or runs an action's coroutine to its end."""
        return self.graph.blocks(function) or function in self._running

    def _find_running(self) -> set[Function]:
        """The synchronous helpers that call an entry point, directly or through others."""
        return self._grow(lambda f, found: f not in self._must and self._calls_any(f, self._must | found))

    def _calls_any(self, function: Function, wanted: set[Function]) -> bool:
        sites = self.graph.active_sites(function.scope)
        return any(t in wanted for site in sites for t in self.graph.through(site))

    def _check_callers(self, function: Function) -> bool:
        for site in self.graph.callers.get(function, ()):
            reason = self._cannot_await(site, function)
            if reason:
                return self._drop(function, reason)
        return False

    def _cannot_await(self, site: Site, target: Function) -> str | None:
        """Why the caller at ``site`` can't await ``target``; None where it can or can run it by itself."""
        caller = site.scope.function
        where = f"{site.scope.module.path.name}:{site.line}"
        if self.entries.left_alone(site.scope.module):
            return f"{where} calls it from a module that is left alone"
        if not self.writable(site.scope.module):
            return f"{where} calls it from outside of the given paths"
        if _catches_stop_iteration(site):
            return f"{where} catches its StopIteration, which a coroutine can't raise"
        if caller is not None and self.colours.inline(caller):
            if self.blocks.hold(site):
                return f"{where} calls it among statements that go to a thread together"
            if site in self.colours.stuck:
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


def _order(function: Function) -> tuple[str, int]:
    return (str(function.module.path), function.node.lineno)


def _catches_stop_iteration(site: Site) -> bool:
    return any(
        isinstance(outer, ast.Try)
        and any(h.type is not None and "StopIteration" in ast.unparse(h.type) for h in outer.handlers)
        for outer in enclosing(site.node, site.scope)
    )


def _plain_sleep(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and len(node.args) == 1
        and not node.keywords
        and not isinstance(node.args[0], (ast.Starred, ast.UnaryOp))
    )


def _foreign_override(function: Function) -> str | None:
    """Whether a base outside the project may call the method."""
    if function.owner is None:
        return None
    for cls in family(function.owner):
        if cls.unknown_bases:
            return "a base class isn't known"
        for base in cls.external_bases:
            if base.partition(".")[0] in ("rasa_sdk", "rasa_core_sdk") or base in _KNOWN_BASES:
                continue
            return f"its class descends from {base}"
    return None


def _returned_coroutine(site: Site, colours: Colours) -> bool:
    """Whether a plain function that becomes async hands on a coroutine: ``return self.fetch()``."""
    function = site.scope.function
    if function is None or function not in colours.converted or not isinstance(site.node, ast.expr):
        return False
    return returns_it(site.node, site.scope)


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
