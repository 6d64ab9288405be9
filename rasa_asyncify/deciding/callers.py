"""What becomes of the callers that no action reaches, or that stay synchronous: tests, scripts, other modules."""

from __future__ import annotations

import ast
import re

from rasa_asyncify import edits as e
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.deciding.decisions import Decisions, Inputs
from rasa_asyncify.framework.calling import looks_like_run
from rasa_asyncify.framework.sdk import EntryKind
from rasa_asyncify.plan import Finding, Plan
from rasa_asyncify.project.model import Function, Module, Scope, by_place
from rasa_asyncify.project.spans import span


class Callers:
    """Writes their part of the plan."""

    def __init__(self, inputs: Inputs, decisions: Decisions, plan: Plan) -> None:
        self.inputs = inputs
        self.graph = inputs.graph
        self.entries = inputs.entries
        self.decisions = decisions
        self.plan = plan

    def decide(self) -> None:
        """Add the edits and the findings."""
        new = self.decisions.converted | {f for f in self.decisions.moved if not f.is_async}
        for function in sorted(new, key=by_place):
            for site in self.graph.callers.get(function, ()):
                caller = site.scope.function
                if caller is not None and caller in self.graph.decorators.of(function).wrappers:
                    continue  # awaits it already, or runs the moved body
                if caller is not None and self.decisions.inline(caller):
                    if not self.inputs.writable(site.scope.module):
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
            self.plan.add(module.path, e.AwaitCall(span(node, module), "RA004", reason))

    def _run(self, site: Site, function: Function) -> None:
        module, node = site.scope.module, site.node
        if not self.inputs.writable(module):
            self._outside(site, function)
        elif isinstance(node, ast.Call) and not all(map(self.decisions.awaitable, site.targets)):
            message = f"calls {function.qualname}(), which becomes a coroutine function, or others that don't"
            self.plan.findings.append(Finding("RA102", module.path, site.line, message))
        elif isinstance(node, ast.Call) and not _is_run_already(node, site.scope):
            reason = f"{function.qualname}() is a coroutine function"
            self.plan.add(module.path, e.RunCall(span(node, module), "RA005", reason))

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
        new = self.decisions.converted | self.decisions.moved.keys()
        entries = self.entries.found.values()
        changed = {e.function.module for e in entries if e.kind is EntryKind.RUN and e.function in new}
        kept = {cls.module for cls in self.entries.unawaited.values()}
        concerns = self.inputs.patches.tested.concerns
        for module in self.graph.inference.project.connected if changed else ():
            alone = any(concerns(module, other) for other in kept)
            if module.is_test and (not alone or any(concerns(module, other) for other in changed)):
                self._guessed_runs_in(module, alone)

    def _guessed_runs_in(self, module: Module, alone: bool) -> None:
        for function in module.scope.functions():
            for call in function.facts.calls:
                if looks_like_run(call) and not self.graph.inference.infer(call.func, function.scope):
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
        elif not self.inputs.writable(module):
            self.plan.wider.add(module.path)
            message = (
                "seems to call an action's run(), which becomes a coroutine function, "
                "from outside of the given paths"
            )
            self.plan.findings.append(Finding("RA102", module.path, call.lineno, message))
        elif function.is_async:
            self.plan.add(module.path, e.AwaitCall(span(call, module), "RA004", reason))
        else:
            self.plan.add(module.path, e.RunCall(span(call, module), "RA005", reason))


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
