"""What may go wrong now that other actions run while one waits: found, and left to the maintainer."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from rasa_asyncify.call_graph.effects import without_uncommitted
from rasa_asyncify.findings.running import Running, Wait
from rasa_asyncify.findings.thread_hazards import find_in_process
from rasa_asyncify.flow.order import in_handler_of, may_follow, repeats
from rasa_asyncify.flow.state_uses import (
    Gap,
    Kind,
    StateUse,
    by_name,
    find_gap,
    find_race,
    instance_state,
    shared_state,
)
from rasa_asyncify.framework.sdk import EntryKind
from rasa_asyncify.plan import Finding
from rasa_asyncify.project.model import COMPREHENSIONS, Class, Function

_DEPTH = 3


class Hazards:
    """The hazards that a migration brings, in the functions that it changes."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.graph = running.graph

    def find(self) -> Iterator[Finding]:
        """All of them, RA112 to RA117."""
        running = self.running
        for function in running.inline:
            yield from self._half_done(function)
            yield from self._state_across(function)
        for function in running.pooled:
            yield from self._state_in_threads(function)
        for function in dict.fromkeys([*running.waiting, *running.threaded]):
            yield from self._action_state(function)
        yield from self._interrupted()
        yield from find_in_process(running)

    # -- cancelled half-way ---------------------------------------------------------------

    def _half_done(self, function: Function) -> Iterator[Finding]:
        effects = {wait.effect for wait in self.running.waits(function) if wait.effect is not None}
        wanted = without_uncommitted(effects)
        waits = [wait for wait in self.running.waits(function) if wait.effect in wanted]
        for first in waits:
            second = next((w for w in waits if w is not first and _goes_on(first, w, function)), None)
            loop = _turns(first, function)
            message = f"{function.qualname}() can be cancelled from now on between "
            if second is not None:
                message += f"{_said(first)} and {_said(second)}: the first is done then, the second isn't"
            elif loop is not None:
                where = f"the loop at line {getattr(loop, 'lineno', first.line)}"
                message += f"two turns of {where}: {_said(first)} is done for some then, not for all"
            else:
                continue
            yield self.running.finding("RA112", function, first.line, message)
            return

    # -- state ---------------------------------------------------------------

    def _state_across(self, function: Function) -> Iterator[Finding]:
        waits = self.running.waits(function)
        for name, uses in by_name(self._uses(function)).items() if waits else ():
            gap = find_gap(uses, waits, function)
            if gap is not None:
                yield self._gap(name, gap, function)
        for wait in waits:
            if wait.alone is False and isinstance(wait.node, ast.stmt):
                yield from self._races(function, [u for u in self._uses(function) if wait.holds(u.node)])

    def _state_in_threads(self, function: Function) -> Iterator[Finding]:
        yield from self._races(function, list(shared_state(function, self.graph.inference)))

    def _races(self, function: Function, found: list[StateUse]) -> Iterator[Finding]:
        for name, uses in by_name(found).items():
            gap = find_race(uses, function)
            if gap is not None:
                yield self._gap(name, gap, function)

    def _uses(self, function: Function, depth: int = 0) -> Iterator[StateUse]:
        """The uses of shared state in the function, and in what it calls without waiting."""
        yield from shared_state(function, self.graph.inference)
        for site in self.graph.active_sites(function.scope) if depth < _DEPTH else ():
            for target in site.targets:
                if (
                    not isinstance(site.node, ast.expr)
                    or target.is_async
                    or self.running.decisions.awaitable(target)
                ):
                    continue
                if target.module is function.module:
                    for use in self._uses(target, depth + 1):
                        yield replace(use, node=site.node)

    def _gap(self, name: str, gap: Gap, function: Function) -> Finding:
        first, second = gap.first.node.lineno, gap.second.node.lineno
        if gap.wait is None:
            between = f"{function.qualname}(), which runs in worker threads from now on, two at once"
        else:
            between = f"{function.qualname}(), which waits at line {gap.wait.line} in between"
        if gap.kind is Kind.CHECKED:
            what = f"is looked at (line {first}) and then changed (line {second}) by {between}"
            effect = "two actions may both decide by what it was before"
        elif gap.kind is Kind.LOST:
            what = f"is read (line {first}) and then written (line {second}) by {between}"
            effect = "what another action makes of it meanwhile is lost"
        else:
            what = f"is set (line {first}) and then read (line {second}) by {between}"
            effect = "it may be another action's by then"
        line = second if gap.wait is None else gap.wait.line
        return self.running.finding("RA113", function, line, f"{name} {what}: {effect}")

    def _interrupted(self) -> Iterator[Finding]:
        for function, nodes in self.running.decisions.interrupted.items():
            inside = {id(inner) for node in nodes for inner in ast.walk(node)}
            sites = [s for s in self.graph.active_sites(function.scope) if id(s.node) in inside]
            sites = sorted((s for s in sites if self.graph.site_blocks(s)), key=lambda s: s.line)
            names = list(dict.fromkeys(n for s in sites for n in self.graph.reasons(s)[:1]))
            if not names or all(map(self.graph.finder.catalogue.computes, names)):
                continue  # one computation leaves nothing to the next
            lines = sorted({s.line for s in sites})
            message = (
                f"{function.qualname}() awaits between {', '.join(f'{n}()' for n in names[:3])} "
                f"({_lines(lines)}), which only one action at a time may use: another can get in between"
            )
            yield self.running.finding("RA113", function, lines[0], message)

    # -- state of actions ---------------------------------------------------------------

    def _action_state(self, function: Function) -> Iterator[Finding]:
        """``self.x = ...`` in an action: there is one instance for all conversations."""
        owner = function.owner
        if owner is None or function.name == "__init__" or not self._is_action(owner):
            return
        found: dict[str, tuple[StateUse, str, int]] = {}
        for name, uses in by_name(instance_state(function)).items():
            set_here = next((use for use in uses if use.writes), None)
            read = self._read_later(name, uses, function) if set_here is not None else None
            if set_here is not None and read is not None:
                found[name] = (set_here, *read)
        if not found:
            return
        places = [f"{n} (set at line {u.node.lineno}, read at line {at})" for n, (u, _, at) in found.items()]
        readers = sorted({f"{name}()" for _, name, _ in found.values()})
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""
        them = "it" if len(places) == 1 else "them"
        message = (
            f"{', '.join(places[:3])}{more}: there is one {owner.name} for all conversations, and another may set "
            f"{them} before {' and '.join(readers)} reads {them}, now that {function.qualname}() "
            f"{'waits' if function in self.running.inline else 'runs in worker threads'}"
        )
        yield self.running.finding(
            "RA114", function, min(u.node.lineno for u, _, _ in found.values()), message
        )

    def _read_later(self, name: str, uses: list[StateUse], function: Function) -> tuple[str, int] | None:
        """The method and line where an attribute that ``function`` sets is read after another may have set it."""
        inline = function in self.running.inline
        gap = find_gap(uses, self.running.waits(function), function) if inline else None
        gap = gap or (find_race(uses, function) if function in self.running.pooled else None)
        if gap is not None:
            return function.qualname, (gap.second if gap.second.reads else gap.first).node.lineno
        attribute = name.partition(".")[2]
        called = {t for s in self.graph.active_sites(function.scope) for t in s.targets}
        for method in _methods(function.owner):
            if method is function or method.name == "__init__":
                continue
            reads = [u for u in instance_state(method) if u.reads and u.name.partition(".")[2] == attribute]
            if reads and (method not in called or not inline or self._waits_before(method, uses, function)):
                return method.qualname, reads[0].node.lineno
        return None

    def _waits_before(self, method: Function, uses: list[StateUse], function: Function) -> bool:
        """Whether ``function`` waits after setting an attribute and before it calls ``method``, or that waits too."""
        if self.running.decisions.awaitable(method) or method in self.running.threaded:
            return True
        calls = [s.node for s in self.graph.active_sites(function.scope) if method in s.targets]
        reads = [StateUse(uses[0].name, n, True, False) for n in calls if isinstance(n, ast.expr)]
        return find_gap([*uses, *reads], self.running.waits(function), function) is not None

    def _is_action(self, owner: Class) -> bool:
        return not self._actions.isdisjoint(owner.relatives())

    @cached_property
    def _actions(self) -> set[Class | None]:
        """The classes whose methods the SDK awaits."""
        found = self.running.inputs.entries.found
        return {f.owner for f, entry in found.items() if entry.kind is not EntryKind.PLAIN}


def _goes_on(first: Wait, second: Wait, function: Function) -> bool:
    """Whether the second is still to be done once the first is, unless that failed."""
    if in_handler_of(first.node, second.node, function):
        return False
    return may_follow(first.node, second.node, function)


def _turns(wait: Wait, function: Function) -> ast.AST | None:
    """The loop that does for each item what is waited for; not one that tries until it succeeds."""
    loop = repeats(wait.node, function)
    if isinstance(loop, (ast.For, ast.AsyncFor)):
        counts = isinstance(loop.iter, ast.Call) and ast.unparse(loop.iter.func) == "range"
        ends = any(isinstance(n, (ast.Break, ast.Return)) for n in ast.walk(loop))
        return None if counts and ends else loop
    return loop if isinstance(loop, COMPREHENSIONS) else None


def _said(wait: Wait) -> str:
    """The call that changes something, with its line."""
    assert wait.effect is not None
    if wait.effect.by:
        return f"{wait.effect.by}() at line {wait.line} ({wait.effect.name}())"
    return f"{wait.effect.name}() at line {wait.line}"


def _lines(lines: list[int]) -> str:
    return f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines[:4]))}"


def _methods(owner: Class | None) -> Iterator[Function]:
    """The methods of a class, its bases and what derives from it, in the project."""
    for cls in owner.relatives() if owner is not None else ():
        yield from (n for n in cls.scope.facts.nested if isinstance(n, Function))
