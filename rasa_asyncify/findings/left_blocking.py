"""What the migration leaves to the maintainer: calls that still block, and callers out of reach."""

from __future__ import annotations

import ast

from rasa_asyncify.call_graph.unseen import Unseen
from rasa_asyncify.call_graph.value_uses import ValueUses
from rasa_asyncify.deciding.decisions import Decisions, Inputs, Stuck
from rasa_asyncify.deciding.obstacles import LEFT_ALONE, OUTSIDE, is_wrapper
from rasa_asyncify.edits import OffloadExpression
from rasa_asyncify.framework.sdk import EntryKind
from rasa_asyncify.plan import Finding, Plan
from rasa_asyncify.project.model import Function, Module, by_place
from rasa_asyncify.project.spans import span


class Leftovers:
    """Writes the findings RA101 to RA104, the notes RA105, and which wider paths would help."""

    def __init__(self, inputs: Inputs, decisions: Decisions, plan: Plan) -> None:
        self.inputs = inputs
        self.graph = inputs.graph
        self.entries = inputs.entries
        self.decisions = decisions
        self.plan = plan

    def find(self) -> None:
        """Add them to the plan."""
        add = self.plan.findings.append
        places: set[tuple[Module, int]] = set()
        for site, reason in self.decisions.stuck().items():
            if (site.scope.module, site.line) in places:
                continue  # one line says it for a statement and what stands in it
            places.add((site.scope.module, site.line))
            names = self.graph.called(self.graph.reasons(site))
            if self.inputs.writable(site.scope.module) and not site.runs_unknown:
                verb = "block" if ", " in names else "blocks"
                message = f"{names} still {verb} the event loop: {reason}"
                add(Finding("RA101", site.scope.module.path, site.line, message, blocks=True))
        self._unknown_runs()
        self._runs_as_values()
        self._unseen_calls()
        for entry in self.entries.found.values():
            function = entry.function
            if entry.kind is EntryKind.PLAIN and self.graph.blocks(function):
                if self.inputs.writable(function.module):
                    self._never_awaited(function)
            elif self.graph.blocks(function) and (why := self._stays(function)):
                self._blocks_as_it_is(function, why)
            elif function.is_generator and entry.kind is EntryKind.RUN and not function.is_async:
                message = f"{function.qualname}() is a generator, which the SDK doesn't await"
                add(Finding("RA104", function.module.path, function.node.lineno, message, blocks=True))
        for function, reason in sorted(self.decisions.kept.items(), key=lambda pair: by_place(pair[0])):
            message = f"{function.qualname}() stays synchronous: {reason}"
            self.plan.notes.append(Finding("RA105", function.module.path, function.node.lineno, message))
            if reason == OUTSIDE:
                self.plan.wider.add(function.module.path)
            elif "outside of the given paths" in reason:
                self.plan.wider |= {
                    s.scope.module.path
                    for s in self.graph.callers.get(function, ())
                    if not self.inputs.writable(s.scope.module)
                }

    def _unknown_runs(self) -> None:
        """What seems to run an action, where what it gives can't be awaited."""
        for function in self.graph.reached:
            for site in self.graph.active_sites(function.scope):
                if not site.runs_unknown or (
                    self.decisions.inline(function) and not isinstance(self.decisions.at(site), Stuck)
                ):
                    continue
                message = (
                    f"{function.qualname}() seems to run an action here, and nothing can be awaited: what it gets is a "
                    "coroutine where that action is async"
                )
                self.plan.findings.append(Finding("RA102", function.module.path, site.line, message))

    def _runs_as_values(self) -> None:
        """``Thread(target=action.run)``, ``pytest.raises(E, action.run, ...)``: nothing there awaits it."""
        new = {f for f in self.decisions.converted | self.decisions.moved.keys() if f in self.entries.found}
        for function, uses in ValueUses(self.graph).uses_as_value({f for f in new if not f.is_async}).items():
            if self.entries.found[function].assigned or is_wrapper(function, self.graph):
                continue
            for node, scope in uses:
                message = f"{function.qualname} is used as a value here, and gives a coroutine from now on"
                self.plan.findings.append(Finding("RA102", scope.module.path, node.lineno, message))

    def _unseen_calls(self) -> None:
        """Calls on the event loop that aren't followed, and may reach something of the project that blocks."""
        unseen = Unseen(self.graph)
        inline = {f for f in (*self.graph.reached, *self.decisions.converted) if self.decisions.inline(f)}
        for function in sorted(inline, key=by_place):
            if not self.inputs.writable(function.module) or function.module.is_test:
                continue
            for found in unseen.calls(function):
                if self._goes_to_thread(found.call, function):
                    continue
                names = [f"{c.qualname}() ({c.module.path.name}:{c.node.lineno})" for c in found.candidates]
                more = f" or {len(names) - 3} more" if len(names) > 3 else ""
                message = (
                    f"{ast.unparse(found.call.func)}() can't be followed, and may be {' or '.join(names[:3])}{more}, "
                    "which would block the event loop"
                )
                add = Finding("RA109", function.module.path, found.call.lineno, message, blocks=True)
                self.plan.findings.append(add)

    def _goes_to_thread(self, call: ast.Call, function: Function) -> bool:
        """Whether the call stands in something that goes to a worker thread."""
        if self.decisions.around(call, function) is not None:
            return True
        at = span(call, function.module)
        return any(
            edit.span.start <= at.start
            and (at.end_line, at.end_column) <= (edit.span.end_line, edit.span.end_column)
            for edit in self.plan.module(function.module.path).edits
            if isinstance(edit, OffloadExpression)
        )

    def _stays(self, function: Function) -> str | None:
        """Why an entry point that the SDK would await stays as it is, if it does because of others."""
        if function.is_async:
            return None
        return LEFT_ALONE if self.entries.left_alone(function.module) else self.inputs.kept.get(function)

    def _blocks_as_it_is(self, function: Function, reason: str) -> None:
        names, line = self._first_blocker(function)
        message = (
            f"{names} still blocks the event loop in {function.qualname}(), which stays synchronous: {reason}"
        )
        self.plan.findings.append(Finding("RA101", function.module.path, line, message, blocks=True))

    def _never_awaited(self, function: Function) -> None:
        names, line = self._first_blocker(function)
        message = f"{names} blocks the event loop in {function.qualname}(), which the SDK never awaits"
        self.plan.findings.append(Finding("RA104", function.module.path, line, message, blocks=True))

    def _first_blocker(self, function: Function) -> tuple[str, int]:
        """What blocks first in a function, and in which line."""
        sites = [s for s in self.graph.active_sites(function.scope) if self.graph.site_blocks(s)]
        names = self.graph.called((n for s in sites[:1] for n in self.graph.reasons(s)), 2)
        return names, sites[0].line if sites else function.node.lineno
