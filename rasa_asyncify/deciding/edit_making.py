"""From colours to edits: one decision per function and call site, with its place and reason."""

from __future__ import annotations

import ast
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable

from rasa_asyncify import edits as e
from rasa_asyncify.call_graph.entries import Entries
from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.calls.sites import Site, methods
from rasa_asyncify.catalogue.own import OWN_NATIVE
from rasa_asyncify.deciding.around_requests import handler_changes
from rasa_asyncify.deciding.solver import AWAIT_EITHER, Colours, Solver
from rasa_asyncify.framework.sdk import Treatment
from rasa_asyncify.native.handlers import Mapped
from rasa_asyncify.native.http_forms import INLINE, OVER_AIOHTTP
from rasa_asyncify.native.httpx_forms import HTTPX, OwnClient
from rasa_asyncify.native.inline_requests import InlinePlan, fresh_name
from rasa_asyncify.plan import Finding, Plan
from rasa_asyncify.project.model import Class, Function, Module, Scope
from rasa_asyncify.project.values import External, ExternalMethod
from rasa_asyncify.threads.block import Block
from rasa_asyncify.threads.kept_connections import kept_connections
from rasa_asyncify.threads.offload import Offload, TooTangled, shares


class Decider:
    """Writes the plan for one project, once its colours are known."""

    def __init__(self, graph: Graph, entries: Entries, solver: Solver, colours: Colours, plan: Plan) -> None:
        self.graph = graph
        self.entries = entries
        self.solver = solver
        self.colours = colours
        self.plan = plan
        self._moved_names: dict[Function, str] = {}
        self._block_names: dict[Function, set[str]] = defaultdict(set)

    def decide(self) -> None:
        """Fill in the plan."""
        for function in sorted(self.colours.converted | set(self.colours.moved), key=_order):
            self._function(function)
        for function in self._inline():
            self._body(function)
        self._callers()
        self._share_connections()

    def _inline(self) -> list[Function]:
        found = {f for f in self.graph.reached if self.colours.inline(f)} | {
            f for f in self.colours.converted if self.colours.inline(f)
        }
        return sorted((f for f in found if self.solver.writable(f.module)), key=_order)

    def _edit(self, module: Module, edit: e.Edit) -> None:
        edits = self.plan.module(module.path).edits
        if all(known.span != edit.span or type(known) is not type(edit) for known in edits):
            edits.append(edit)

    # -- functions ---------------------------------------------------------------

    def _function(self, function: Function) -> None:
        entry = self.entries.found.get(function)
        is_run = entry is not None and entry.treatment is Treatment.RUN
        actions = _actions_on(function) if is_run else 0
        at = span(function.node, function.module)
        if function in self.colours.moved:
            reason = self.colours.moved[function]
            alone = shares(function, self.graph)
            name = self._fresh_name(function)
            through = _through(function)
            wrappers = self.graph.decorators.of(function).wrappers
            # A wrapper that awaits what it wraps stays around the coroutine function.
            decorated = not wrappers or not all(map(self.colours.awaitable, wrappers))
            move = e.MoveBody(at, "RA031", reason, name, through, alone, actions, decorated)
            self._edit(function.module, move)
            return
        if is_run:
            reason = f"the action server awaits {function.qualname}()"
        elif entry is not None:
            reason = f"the SDK awaits {function.qualname}()"
        else:
            reason = f"{function.qualname}() waits, and all its callers can await it"
        rule = "RA001" if is_run else "RA002" if entry is not None else "RA003"
        self._edit(function.module, e.MakeAsync(at, rule, reason, actions))

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
        sites = self.graph.active_sites(function.scope)
        taken: set[int] = set()
        blocks = self.solver.blocks.of.get(function, ())
        for block in sorted(blocks, key=lambda block: block.statements[0].lineno):
            self._block(block)
        for site in sorted(sites, key=_outermost_first):
            if id(site.node) in taken or site in self.colours.stuck or self.solver.blocks.hold(site):
                continue
            try:
                treatment = self.solver.treatment(site)
            except TooTangled:
                continue
            if isinstance(treatment, Offload) and treatment.whole:
                taken |= {id(n) for n in ast.walk(treatment.node)}
            self._site(site, treatment)
        if function in self.colours.converted:
            self._await_bases(function)
        for change in handler_changes(function.scope, self.solver, self.graph):
            self._handler(function.module, change)

    def _block(self, block: Block) -> None:
        function, moved = block.function, self.solver.blocks.moved(block)
        first, last = span(block.statements[0], function.module), span(block.statements[-1], function.module)
        at = e.Span(first.line, first.column, last.end_line, last.end_column)
        inside = block.nodes
        sites = [s for s in self.graph.active_sites(function.scope) if id(s.node) in inside]
        sites.sort(key=_outermost_first)
        names = dict.fromkeys(n for s in sites if self.graph.site_blocks(s) for n in self.graph.reasons(s))
        alone = self.solver.together.is_alone(block)
        reason = f"{self.graph.called(names)}: {block.reason}"
        if alone:
            reason += "; one at a time"
        name = self._fresh_block_name(_block_name(moved.results), function)
        edit = e.OffloadBlock(
            at, "RA033", reason, name, alone, moved.results, moved.outer, moved.outermost, moved.leaves
        )
        self._edit(function.module, edit)

    def _fresh_block_name(self, base: str, function: Function) -> str:
        taken = self._block_names[function]
        candidates = itertools.chain([base], (f"{base}_{number}" for number in itertools.count(2)))
        name = next(n for n in candidates if n not in taken and fresh_name(n, function.scope) == n)
        taken.add(name)
        return name

    def _site(self, site: Site, treatment: Offload | str | None) -> None:
        module, node = site.scope.module, site.node
        if treatment is None or not isinstance(node, ast.expr):
            return
        if treatment == "await":
            if not isinstance(site.scope.facts.parents.get(node), ast.Await):
                names = ", ".join(sorted({t.qualname for t in site.targets}))
                self._edit(
                    module,
                    e.AwaitCall(span(node, module), "RA004", f"{names}() is a coroutine function"),
                )
        elif treatment == AWAIT_EITHER:
            reason = "it may run a coroutine function, or a plain one"
            self._edit(module, e.AwaitCall(span(node, module), "RA004", reason, either=True))
        elif treatment == "asyncio.sleep":
            self._edit(module, e.Sleep(span(node, module), "RA010", "time.sleep() holds the event loop"))
        elif isinstance(treatment, str) and treatment.startswith(OWN_NATIVE):
            reason = f"{site.blockers[0]}() holds the event loop; the settings name its replacement"
            new = treatment.removeprefix(OWN_NATIVE)
            self._edit(module, e.NativeCall(span(node, module), "RA023", reason, new))
        elif treatment == INLINE:
            self._inline_request(site)
        elif treatment == OVER_AIOHTTP:
            self._aiohttp_call(site)
        elif treatment == HTTPX:
            self._httpx_call(site)
        elif isinstance(treatment, Offload):
            self._offload(site, treatment)

    def _offload(self, site: Site, offload: Offload) -> None:
        module = site.scope.module
        names = self.graph.called(self.graph.reasons(site))
        reason = f"{names} {'blocks' if ',' not in names else 'block'}"
        refused = self._why_not_native(site)
        if refused:
            reason += f"; not native: {refused}"
        if offload.alone:
            reason += "; one at a time, in a thread for what two must not use at once"
        kept = [self.colours.kept[t] for t in site.targets if t in self.colours.kept]
        if kept:
            reason += f"; not awaited: {kept[0]}"
        at = span(offload.node, module)
        kind = e.OffloadExpression if offload.whole else e.OffloadCall
        self._edit(module, kind(at, "RA030", reason, offload.alone))

    def _why_not_native(self, site: Site) -> str | None:
        """Why a call, or one in a helper that goes to the thread with it, has no native form."""
        inner = (s for t in self.graph.through(site) for s in self.graph.active_sites(t.scope))
        return next((self.colours.refused[s] for s in (site, *inner) if s in self.colours.refused), None)

    def _aiohttp_call(self, site: Site) -> None:
        module, forms = site.scope.module, self.solver.forms
        assert isinstance(site.node, ast.Call)
        reason = f"{site.blockers[0]}() holds the event loop; not inline: {forms.why_not_inline(site)}"
        edit = e.AiohttpCall(span(site.node, module), "RA021", reason, forms.shared(module))
        self._edit(module, edit)

    def _httpx_call(self, site: Site) -> None:
        module, plan = site.scope.module, self.solver.httpx.plan(site)
        assert isinstance(site.node, ast.Call)
        at, reason = span(site.node, module), f"{site.blockers[0]}() holds the event loop"
        if isinstance(plan, OwnClient):
            statement = span(plan.statement, module)
            self._edit(
                module,
                e.UseAsyncClient(
                    at, "RA022", reason, plan.client, statement, plan.moved, _loads_tls(plan.moved)
                ),
            )
            return
        if all(site.node is not call for call, _ in plan.made):
            self._edit(module, e.UseAsyncClient(at, "RA022", reason))
        reason = "the client's requests are awaited"
        for call, block in plan.made:
            tls = _loads_tls(k.arg for k in call.keywords)
            self._edit(module, e.MakeAsyncClient(span(call, module), "RA022", reason, block is not None, tls))
        for call in plan.closed:
            self._edit(module, e.CloseAsyncClient(span(call, module), "RA022", reason))

    def _inline_request(self, site: Site) -> None:
        module = site.scope.module
        plan = self.solver.forms.inline(site)
        response = plan.response or fresh_name("response", site.scope)
        session = fresh_name("session", site.scope)
        self._edit(
            module,
            e.InlineRequest(
                span(plan.statement, module),
                "RA020",
                f"{site.blockers[0]}() holds the event loop; differs in: {', '.join(plan.differs)}",
                span(plan.call, module),
                plan.method,
                response,
                session,
                plan.timeout,
                plan.redirects,
                plan.skipped,
                plan.content,
            ),
        )
        self._uses(plan, module)

    def _uses(self, plan: InlinePlan, module: Module) -> None:
        for use in plan.uses:
            reason = "the response is aiohttp's"
            self._edit(module, e.UseResponse(span(use.node, module), "RA020", reason, use.form))

    def _handler(self, module: Module, change: Mapped) -> None:
        at = span(change.handler, module)
        self._edit(module, e.MapHandler(at, "RA020", "aiohttp raises other exceptions", change.types))

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
                    self._edit(function.module, e.AwaitCall(span(call, function.module), "RA004", reason))

    # -- callers that stay synchronous ---------------------------------------------------------------

    def _callers(self) -> None:
        new = self.colours.converted | {f for f in self.colours.moved if not f.is_async}
        for function in sorted(new, key=_order):
            for site in self.graph.callers.get(function, ()):
                caller = site.scope.function
                if caller is not None and caller in self.graph.decorators.of(function).wrappers:
                    continue  # awaits it already, or runs the moved body
                if caller is not None and self.colours.inline(caller):
                    if not self.solver.writable(site.scope.module):
                        self._outside(site, function)
                    elif caller not in self.graph.reached:
                        self._await_in(site, function)
                    continue
                self._run(site, function)
        self._guessed_runs()

    def _await_in(self, site: Site, function: Function) -> None:
        """A coroutine function that no action reaches, such as an async test, awaits too."""
        module, node = site.scope.module, site.node
        if isinstance(node, ast.Call) and not isinstance(site.scope.facts.parents.get(node), ast.Await):
            reason = f"{function.qualname}() is a coroutine function"
            self._edit(module, e.AwaitCall(span(node, module), "RA004", reason))

    def _run(self, site: Site, function: Function) -> None:
        module, node = site.scope.module, site.node
        if not self.solver.writable(module):
            self._outside(site, function)
        elif isinstance(node, ast.Call) and not all(map(self.colours.awaitable, site.targets)):
            message = f"calls {function.qualname}(), which becomes a coroutine function, or others that don't"
            self.plan.findings.append(Finding("RA102", module.path, site.line, message))
        elif isinstance(node, ast.Call) and not _is_run_already(node, site.scope):
            reason = f"{function.qualname}() is a coroutine function"
            self._edit(module, e.RunCall(span(node, module), "RA005", reason))

    def _outside(self, site: Site, function: Function) -> None:
        path = site.scope.module.path
        message = f"calls {function.qualname}(), which becomes a coroutine function, from "
        if self.entries.left_alone(site.scope.module):
            message += "a module that is left alone"
        else:
            self.plan.wider.add(path)
            message += "outside of the given paths"
        self.plan.findings.append(Finding("RA102", path, site.line, message))

    def _guessed_runs(self) -> None:
        """Tests that get their action from a fixture: ``x.run(dispatcher, tracker, domain)``."""
        new = self.colours.converted | set(self.colours.moved)
        entries = self.entries.found.values()
        changed = {e.function.module for e in entries if e.treatment is Treatment.RUN and e.function in new}
        kept = {cls.module for cls in self.entries.unawaited.values()}
        concerns = self.solver.patches.tested.concerns
        for module in self.graph.inference.project.modules.values() if changed else ():
            if not module.is_test:
                continue
            alone = any(concerns(module, other) for other in kept)
            if alone and not any(concerns(module, other) for other in changed):
                continue  # for a bot that is left alone
            for function in module.scope.functions():
                for call in function.facts.calls:
                    if _looks_like_run(call) and not self.graph.inference.infer(call.func, function.scope):
                        self._guessed_run(call, function, alone)

    def _guessed_run(self, call: ast.Call, function: Function, alone: bool) -> None:
        """``alone``: the action may be one that is left alone, and gives no coroutine."""
        module = function.module
        parent = function.facts.parents.get(call)
        if isinstance(parent, ast.Await) or _is_run_already(call, function.scope):
            return
        reason = "an action's run() is a coroutine function"
        if alone:
            message = (
                "seems to call an action's run(), which becomes a coroutine function unless it is left alone"
            )
            self.plan.findings.append(Finding("RA102", module.path, call.lineno, message))
        elif not self.solver.writable(module):
            self.plan.wider.add(module.path)
            message = (
                "seems to call an action's run(), which becomes a coroutine function, "
                "from outside of the given paths"
            )
            self.plan.findings.append(Finding("RA102", module.path, call.lineno, message))
        elif function.is_async:
            self._edit(module, e.AwaitCall(span(call, module), "RA004", reason))
        else:
            self._edit(module, e.RunCall(span(call, module), "RA005", reason))

    # -- connections ---------------------------------------------------------------

    def _share_connections(self) -> None:
        """SQLite connections that are kept are opened without the thread check, once a worker thread uses them."""
        alone = any(getattr(e, "alone", False) for m in self.plan.modules.values() for e in m.edits)
        if not alone:
            return
        for site in kept_connections(self.graph):
            module = site.scope.module
            if not module.is_test and isinstance(site.node, ast.Call):
                self._share(site.node, module)

    def _share(self, node: ast.Call, module: Module) -> None:
        if any(k.arg in ("check_same_thread", None) for k in node.keywords):
            return
        if not self.solver.writable(module):
            message = "needs check_same_thread=False now: what it opens may be used from a worker thread"
            self.plan.findings.append(Finding("RA102", module.path, node.lineno, message))
            if not self.entries.left_alone(module):
                self.plan.wider.add(module.path)
            return
        reason = "the connection is used from one worker thread"
        edit = e.AddKeyword(span(node, module), "RA032", reason, "check_same_thread", "False")
        self._edit(module, edit)


def _block_name(results: tuple[str, ...]) -> str:
    """What a block's function is called: by what it finds out, if that isn't much."""
    names = [stripped for name in results if (stripped := name.strip("_"))]
    return f"get_{'_and_'.join(names)}" if 0 < len(names) < 3 else "blocking_part"


def span(node: ast.expr | ast.stmt | ast.excepthandler, module: Module) -> e.Span:
    """Where ``node`` stands, in characters (``ast`` counts bytes)."""
    lines = module.lines
    end_line = node.end_lineno or node.lineno
    start = _characters(lines[node.lineno - 1], node.col_offset)
    end = _characters(lines[end_line - 1], node.end_col_offset or 0)
    return e.Span(node.lineno, start, end_line, end)


def _characters(line: str, column: int) -> int:
    return column if line.isascii() else len(line.encode("utf-8")[:column].decode("utf-8", "ignore"))


def _loads_tls(keywords: Iterable[str | None]) -> bool:
    """Whether an httpx client with such keywords would load the default TLS settings."""
    return not {"cert", "http2", "transport", "trust_env", "verify", None} & set(keywords)


def _order(function: Function) -> tuple[str, int]:
    return (str(function.module.path), function.node.lineno)


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


def _is_run_already(node: ast.Call, scope: Scope) -> bool:
    parent = scope.facts.parents.get(node)
    if isinstance(parent, ast.Await):
        return True
    return isinstance(parent, ast.Call) and bool(
        re.search(
            r"(^|\.)(run|run_until_complete|create_task|ensure_future|gather|wait_for)$",
            ast.unparse(parent.func),
        )
    )


def _looks_like_run(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "run":
        return False
    return len(call.args) + len(call.keywords) == 3 and not any(isinstance(a, ast.Starred) for a in call.args)
