"""From decisions to edits: one for each function and call site, with its place and reason."""

from __future__ import annotations

import ast
import itertools
from collections import defaultdict

from rasa_asyncify import edits as e
from rasa_asyncify.calls.own_methods import methods
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.deciding.around_requests import AroundRequests
from rasa_asyncify.deciding.decisions import Await, Decision, Inputs, Native, ThreadBlock
from rasa_asyncify.framework.sdk import EntryKind
from rasa_asyncify.native.statements import fresh_name
from rasa_asyncify.plan import Finding, Plan
from rasa_asyncify.project.model import Class, Function, Module, by_place
from rasa_asyncify.project.spans import span
from rasa_asyncify.project.values import External, ExternalMethod
from rasa_asyncify.threads.kept_connections import kept_connections
from rasa_asyncify.threads.offload import Offload


class EditMaker:
    """Writes the edits of what actions reach into a plan."""

    def __init__(self, inputs: Inputs, around: AroundRequests, plan: Plan) -> None:
        self.inputs = inputs
        self.graph = inputs.graph
        self.entries = inputs.entries
        self.decisions = around.decisions
        self.plan = plan
        self._around = around
        self._moved_names: dict[Function, str] = {}
        self._block_names: dict[Function, set[str]] = defaultdict(set)

    def functions(self) -> None:
        """Add the edits of functions and of what stands in them."""
        for function in sorted(self.decisions.converted | self.decisions.moved.keys(), key=by_place):
            self._function(function)
        for function in self._inline():
            self._body(function)

    def _inline(self) -> list[Function]:
        known = {*self.graph.reached, *self.decisions.converted}
        found = (f for f in known if self.decisions.inline(f) and self.inputs.writable(f.module))
        return sorted(found, key=by_place)

    # -- functions ---------------------------------------------------------------

    def _function(self, function: Function) -> None:
        entry = self.entries.found.get(function)
        is_run = entry is not None and entry.kind is EntryKind.RUN
        actions = _actions_on(function) if is_run else 0
        at = span(function.node, function.module)
        if function in self.decisions.moved:
            moved = self.decisions.moved[function]
            name = self._fresh_name(function)
            through = _through(function)
            wrappers = self.graph.decorators.of(function).wrappers
            # A wrapper that awaits what it wraps stays around the coroutine function.
            decorated = not wrappers or not all(map(self.decisions.awaitable, wrappers))
            move = e.MoveBody(at, "RA031", moved.reason, moved.alone, name, through, actions, decorated)
            self.plan.add(function.module.path, move)
            return
        if is_run:
            reason = f"the action server awaits {function.qualname}()"
        elif entry is not None:
            reason = f"the SDK awaits {function.qualname}()"
        else:
            reason = f"{function.qualname}() waits, and all its callers can await it"
        rule = "RA001" if is_run else "RA002" if entry is not None else "RA003"
        self.plan.add(function.module.path, e.MakeAsync(at, rule, reason, actions))

    def _fresh_name(self, function: Function) -> str:
        """A name that no relative has or gets."""
        stem = function.name.strip("_")
        base = f"_{stem}_blocking"
        taken = set(self._moved_names.values()) if function.owner is None else set()
        classes: list[Class] = function.owner.relatives() if function.owner else []
        for cls in classes:
            taken |= set(cls.scope.bindings)
            taken |= {n for f, n in self._moved_names.items() if f.owner is cls}
        if function.owner is None:
            taken |= set(function.parent.bindings)
        name, number = base, 2
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        self._moved_names[function] = name
        return name

    # -- bodies ---------------------------------------------------------------

    def _body(self, function: Function) -> None:
        taken: set[int] = set()
        blocks = self.decisions.blocks.get(function, ())
        for found in sorted(blocks, key=lambda found: found.block.statements[0].lineno):
            self._block(found)
        for site in sorted(self.graph.active_sites(function.scope), key=_outermost_first):
            decision = self.decisions.at(site)
            if id(site.node) in taken:
                continue
            if isinstance(decision, Offload) and decision.whole:
                taken |= {id(n) for n in ast.walk(decision.node)}
            self._site(site, decision)
        if function in self.decisions.converted:
            self._await_bases(function)
        self._handlers(function)

    def _handlers(self, function: Function) -> None:
        module = function.module
        for change in self._around.handler_changes(function.scope):
            at = span(change.handler, module)
            edit = e.MapHandler(at, "RA020", "aiohttp raises other exceptions", change.types)
            self.plan.add(module.path, edit)
            for node, text in change.replaced:
                new = e.ReplaceExpression(span(node, module), "RA020", "the exception is aiohttp's", text)
                self.plan.add(module.path, new)

    def _block(self, found: ThreadBlock) -> None:
        block, moved, function = found.block, found.moved, found.block.function
        first, last = span(block.statements[0], function.module), span(block.statements[-1], function.module)
        at = e.Span(first.line, first.column, last.end_line, last.end_column)
        inside = block.nodes
        sites = [s for s in self.graph.active_sites(function.scope) if id(s.node) in inside]
        sites.sort(key=_outermost_first)
        names = dict.fromkeys(n for s in sites if self.graph.site_blocks(s) for n in self.graph.reasons(s))
        reason = f"{self.graph.called(names)}: {block.reason}"
        if found.alone:
            reason += "; one at a time"
        name = self._fresh_block_name(_block_name(moved.results), function)
        edit = e.OffloadBlock(
            at, "RA033", reason, found.alone, name, moved.results, moved.outer, moved.outermost, moved.leaves
        )
        self.plan.add(function.module.path, edit)

    def _fresh_block_name(self, base: str, function: Function) -> str:
        taken = self._block_names[function]
        candidates = itertools.chain([base], (f"{base}_{number}" for number in itertools.count(2)))
        name = next(n for n in candidates if n not in taken and fresh_name(n, function.scope) == n)
        taken.add(name)
        return name

    def _site(self, site: Site, decision: Decision | None) -> None:
        module, node = site.scope.module, site.node
        if not isinstance(node, ast.expr):
            return
        if isinstance(decision, Await):
            self._await(site, node, decision)
        elif isinstance(decision, Native):
            for edit in decision.strategy.edits(site):
                self.plan.add(module.path, edit)
            for where, edit in decision.strategy.consequences(site):
                self.plan.add(where.path, edit)
        elif isinstance(decision, Offload):
            self._offload(site, decision)

    def _await(self, site: Site, node: ast.expr, decision: Await) -> None:
        module = site.scope.module
        if decision.either:
            reason = "it may run a coroutine function, or a plain one"
        elif isinstance(site.scope.facts.parents.get(node), ast.Await):
            return
        else:
            reason = f"{', '.join(sorted({t.qualname for t in site.targets}))}() is a coroutine function"
        self.plan.add(module.path, e.AwaitCall(span(node, module), "RA004", reason, decision.either))

    def _offload(self, site: Site, offload: Offload) -> None:
        module = site.scope.module
        names = self.graph.called(self.graph.reasons(site))
        reason = f"{names} {'blocks' if ',' not in names else 'block'}"
        refused = self._why_not_native(site)
        if refused:
            reason += f"; not native: {refused}"
        if offload.alone:
            reason += "; one at a time, in a thread for what two must not use at once"
        kept = [self.decisions.kept[t] for t in site.targets if t in self.decisions.kept]
        if kept:
            reason += f"; not awaited: {kept[0]}"
        at = span(offload.node, module)
        kind = e.OffloadExpression if offload.whole else e.OffloadCall
        self.plan.add(module.path, kind(at, "RA030", reason, offload.alone))

    def _why_not_native(self, site: Site) -> str | None:
        """Why a call, or one in a helper that goes to the thread with it, has no native form."""
        inner = (s for t in self.graph.through(site) for s in self.graph.active_sites(t.scope))
        return next((why for s in (site, *inner) if (why := self.decisions.refused.get(s))), None)

    def _await_bases(self, function: Function) -> None:
        """``super().run()`` and the like give coroutines where the SDK's base is async."""
        for call in function.facts.calls:
            for value in self.graph.inference.infer(call.func, function.scope):
                if isinstance(value, ExternalMethod) and self.entries.base_awaits(
                    value.cls, value.name, function
                ):
                    reason = f"{value.cls}.{value.name}() is a coroutine function"
                elif (
                    isinstance(value, External)
                    and value.name in _GIVE_COROUTINES
                    and _is_returned(call, function)
                ):
                    reason = f"{value.name}() gives something to await"
                else:
                    continue
                if call not in function.facts.awaited:
                    self.plan.add(
                        function.module.path, e.AwaitCall(span(call, function.module), "RA004", reason)
                    )

    # -- connections ---------------------------------------------------------------

    def connections(self) -> None:
        """SQLite connections that are kept are opened without the thread check, once a worker thread uses them."""
        alone = any("in_one_thread" in e.helpers for m in self.plan.modules.values() for e in m.edits)
        if not alone:
            return
        for site in kept_connections(self.graph):
            module = site.scope.module
            if not module.is_test and isinstance(site.node, ast.Call):
                self._share(site.node, module)

    def _share(self, node: ast.Call, module: Module) -> None:
        if any(k.arg in ("check_same_thread", None) for k in node.keywords):
            return
        if not self.inputs.writable(module):
            message = "needs check_same_thread=False now: what it opens may be used from a worker thread"
            self.plan.findings.append(Finding("RA102", module.path, node.lineno, message))
            if not self.entries.left_alone(module):
                self.plan.wider.add(module.path)
            return
        reason = "the connection is used from one worker thread"
        edit = e.AddKeyword(span(node, module), "RA032", reason, "check_same_thread", "False")
        self.plan.add(module.path, edit)


def _block_name(results: tuple[str, ...]) -> str:
    """What a block's function is called: by what it finds out, if that isn't much."""
    names = [stripped for name in results if (stripped := name.strip("_"))]
    return f"get_{'_and_'.join(names)}" if 0 < len(names) < 3 else "blocking_part"


def _outermost_first(site: Site) -> tuple[int, int, int, int]:
    node = site.node
    if isinstance(node, ast.comprehension):
        return (site.line, node.target.col_offset, 0, 0)
    return (node.lineno, node.col_offset, -(node.end_lineno or 0), -(node.end_col_offset or 0))


_GIVE_COROUTINES = frozenset({"asyncio.wait_for", "asyncio.gather", "asyncio.shield", "asyncio.sleep"})


def _is_returned(call: ast.Call, function: Function) -> bool:
    return isinstance(function.facts.parents.get(call), ast.Return)


def _actions_on(function: Function) -> int:
    """How many action classes run ``function`` as their ``run``: its own, and those that inherit it."""
    if function.owner is None:
        return 1
    classes = [function.owner, *function.owner.descendants()]
    serving = [c for c in classes if methods(c, function.name) == [function]]
    named = [c for c in serving if any("name" in a.scope.bindings for a in c.ancestry())]
    return max(len(named), 1)


def _through(function: Function) -> str:
    if function.owner is None:
        return ""
    if function.is_static:
        return function.owner.name
    return function.self_name or "self"
