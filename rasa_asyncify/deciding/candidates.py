"""Which functions might become coroutine functions, and which of them only together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from rasa_asyncify.deciding.decisions import Inputs
from rasa_asyncify.deciding.draft import Draft
from rasa_asyncify.deciding.site_decisions import SiteDecider, grow
from rasa_asyncify.framework.sdk import EntryKind
from rasa_asyncify.project.model import Function


class Candidates:
    """Finds them for one project. ``wrapped``: what each of its own decorators' wrappers is put around."""

    def __init__(self, inputs: Inputs, draft: Draft, site_decider: SiteDecider) -> None:
        self.inputs = inputs
        self.graph = inputs.graph
        self.entries = inputs.entries
        self.draft = draft
        self.site_decider = site_decider
        self.wrapped = self._find_wrapped()

    def start_with_entries(self) -> None:
        """Take the entry points in that may wait for something."""
        for entry in self.entries.changeable():
            function = entry.function
            if function.is_async or not self.inputs.writable(function.module) or function.is_generator:
                continue
            if function in self.inputs.kept:
                continue
            waits = self.graph.blocks(function) or self.graph.runs_unknown(function)
            if entry.kind is EntryKind.EITHER and not waits:
                continue
            if self.graph.keeps_coroutine(function):
                continue  # the SDK awaits what it returns, as before
            if self.wrapped.get(function):
                continue  # an entry point by assignment, and a decorator's wrapper elsewhere: too many masters
            self.draft.must.add(function)
            self.draft.converted.add(function)

    def _find_wrapped(self) -> dict[Function, set[Function]]:
        """What each of the project's own wrappers is put around."""
        found: dict[Function, set[Function]] = defaultdict(set)
        for function in self.graph.inference.project.functions():
            if function.node.decorator_list:
                for wrapper in self.graph.decorators.of(function).wrappers:
                    found[wrapper].add(function)
        return found

    def helpers(self) -> set[Function]:
        """The synchronous helpers that contain, or call what contains, something with a native form.

        With those that no action reaches, such as the unused methods of a client: they must not hold the others back.
        """
        found = grow(self.graph, lambda f, found: f not in self.entries.found and self._has_native(f, found))
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

    def _has_native(self, function: Function, found: set[Function]) -> bool:
        for site in self.graph.active_sites(function.scope):
            if (
                site.runs_unknown
                or self.site_decider.native(site)
                or any(t in found or t in self.draft.must for t in self.graph.through(site))
            ):
                return True
        return False

    # -- groups: relatives, and what one call may reach ---------------------------------------------------------------

    def group(self, candidates: set[Function]) -> dict[Function, set[Function]]:
        """What each of the ``candidates`` becomes together with, or not at all: itself at least."""
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
            together = {
                function,
                *self.inputs.overrides.methods(function),
                *self._called_with(function),
            }
            together |= set(self.graph.decorators.of(function).wrappers)
            together -= self.draft.must
            if together:
                join(together)
            pending += [m for m in together if m not in seen and not m.is_async]
        return defaultdict(set, {f: groups.get(f, {f}) for f in seen | candidates})

    def _called_with(self, function: Function) -> set[Function]:
        found: set[Function] = set()
        for site in self.graph.callers.get(function, ()):
            if not site.callbacks:
                found |= set(site.targets)
        return found
