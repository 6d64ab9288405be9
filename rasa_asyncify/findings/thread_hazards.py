"""Hazards of what a thread or the process has only one of: `threading.local`, the folder, the random generator."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from rasa_asyncify.catalogue.files import beside
from rasa_asyncify.findings.running import Running
from rasa_asyncify.flow.dataflow import own_nodes_of
from rasa_asyncify.flow.state_uses import Kind, StateUse, by_name, find_gap
from rasa_asyncify.plan import Finding
from rasa_asyncify.project.bindings import Imported, last_name
from rasa_asyncify.project.expressions import assigned
from rasa_asyncify.project.model import Function, Module, by_place
from rasa_asyncify.project.values import External, ExternalMethod

_MEMORY_DATABASE = re.compile(r"""["']sqlite://["']|["']sqlite:///:memory:|SqliteDatabase\(["']:memory:""")


def find_in_process(running: Running) -> Iterator[Finding]:
    """RA115 to RA117."""
    changed = [*running.waiting, *running.threaded]
    for function in sorted(running.run_by(changed), key=by_place):
        if running.inputs.writable(function.module) and not function.module.is_test:
            yield from _calls(function, running)
    yield from _Locals(running).find()
    yield from _memory_databases(running)


# -- the process ---------------------------------------------------------------


def _calls(function: Function, running: Running) -> Iterator[Finding]:
    told: set[tuple[str, str]] = set()
    for call in sorted(function.facts.calls, key=lambda call: call.lineno):
        for value in running.graph.inference.infer(call.func, function.scope):
            found = None
            if isinstance(value, External):
                found = _external(value.name, call, function, running)
            elif value == ExternalMethod("multiprocessing.Process", "start") and _moves(
                call, function, running
            ):
                found = "RA116", (
                    "a process that is forked in a worker thread ends with exit code 1: start it on the event "
                    'loop\'s thread, or use the start method "spawn"'
                )
            if found is not None and found not in told:
                told.add(found)
                yield running.finding(found[0], function, call.lineno, found[1])


def _external(name: str, call: ast.Call, function: Function, running: Running) -> tuple[str, str] | None:
    """The rule and the message for a call of a library's function."""
    if name in beside().seeds and not _is_left_to_chance(call):
        return "RA117", (
            f"{name}() in {function.qualname}() seeds the one generator that all draw from: what another action "
            "draws or seeds in between changes the numbers that follow"
        )
    if name in beside().signals:
        if _moves(call, function, running):
            return (
                "RA116",
                f"{name}() runs in a worker thread now, where signals can't be handled: it fails there",
            )
        return "RA116", (
            f"{name}() in {function.qualname}() is about the event loop's thread: a handler interrupts whatever runs "
            "there by then, and no longer what this function waits for"
        )
    if name in beside().process_wide and not _only_asks(name, call):
        return "RA116", (
            f"{name}() in {function.qualname}() sets {beside().process_wide[name]} for the whole process: the actions "
            "that run meanwhile get it as well, and may set it to something else"
        )
    return None


def _is_left_to_chance(call: ast.Call) -> bool:
    """Whether a generator is seeded anew from nowhere: ``random.seed()``."""
    given = [*call.args, *(k.value for k in call.keywords)]
    return not given or (isinstance(given[0], ast.Constant) and given[0].value is None)


def _only_asks(name: str, call: ast.Call) -> bool:
    """``locale.setlocale(locale.LC_ALL)`` gives the locale and sets nothing."""
    return name == "locale.setlocale" and len(call.args) + len(call.keywords) < 2


def _moves(node: ast.AST, function: Function, running: Running) -> bool:
    return function in running.threaded or running.decisions.around(node, function) is not None


# -- threading.local ---------------------------------------------------------------


class _Locals:
    """Finds readings of a `threading.local` that no longer see what was set for them."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.inference = running.graph.inference
        self._told: set[tuple[str, Function]] = set()

    def find(self) -> Iterator[Finding]:
        running = self.running
        if not any("threading" in m.source.text for m in self.inference.project.modules.values()):
            return
        on_loop = running.run_by(running.waiting) - set(running.threaded)
        yield from self._unset(on_loop, "on the event loop's thread")
        for function in running.waiting:
            yield from self._across_waits(function)
        for hop in self._hops():
            yield from self._unset(hop, "in a worker thread")

    def _hops(self) -> Iterator[set[Function]]:
        """The functions that run together in a thread: each time it may be another one."""
        running = self.running
        yield from (running.run_by([f]) for f in running.threaded if f in running.decisions.moved)
        for function in running.waiting:
            for place in running.waiting_sites(function):
                if place.alone is not None:
                    yield running.run_by(running.graph.through(place.site))

    def _unset(self, together: set[Function], where: str) -> Iterator[Finding]:
        """What the functions read and don't set, though others do."""
        uses = [(f, use) for f in sorted(together, key=by_place) for use in self._uses(f)]
        set_here = {use.name for _, use in uses if use.writes}
        for function, use in uses:
            if (
                use.name in set_here
                or (use.name, function) in self._told
                or not self._is_set(use.name, together)
            ):
                continue
            self._told.add((use.name, function))
            message = (
                f"{use.name} has a value of its own in every thread: {function.qualname}() reads it {where} from now "
                "on, and doesn't see what is set in another"
            )
            yield self.running.finding("RA115", function, use.node.lineno, message)

    def _across_waits(self, function: Function) -> Iterator[Finding]:
        """What is set, and read after a wait: on the event loop all actions share one value."""
        for name, uses in by_name(self._uses(function)).items():
            gap = find_gap(uses, self.running.waits(function), function)
            if gap is not None and gap.kind is Kind.LEAKED:
                message = (
                    f"{name} is one for all that runs on the event loop's thread: {function.qualname}() sets it (line "
                    f"{gap.first.node.lineno}), waits, and reads what another action may have set by then (line "
                    f"{gap.second.node.lineno})"
                )
                yield self.running.finding("RA115", function, gap.first.node.lineno, message)

    def _is_set(self, name: str, outside: set[Function]) -> bool:
        """Whether anything but the functions ``outside`` sets the attribute: other functions, or the import."""
        modules = self.inference.project.connected
        scopes = [m.scope for m in modules]
        scopes += [f.scope for m in modules for f in m.scope.functions() if f not in outside]
        return any(
            isinstance(target, ast.Attribute) and ast.unparse(target) == name
            for scope in scopes
            for target, _ in scope.facts.stores
        )

    def _uses(self, function: Function) -> Iterator[StateUse]:
        """The uses of attributes of a `threading.local` in the function's own code."""
        for node in own_nodes_of(function):
            if isinstance(node, ast.Attribute) and self._is_local(node.value, function):
                read = isinstance(node.ctx, ast.Load)
                yield StateUse(ast.unparse(node), node, read, not read)
            elif isinstance(node, ast.Call) and last_name(node.func) == "getattr" and len(node.args) > 1:
                holder, name = node.args[:2]
                if (
                    isinstance(name, ast.Constant)
                    and isinstance(name.value, str)
                    and self._is_local(holder, function)
                ):
                    yield StateUse(f"{ast.unparse(holder)}.{name.value}", node, True, False)

    def _is_local(self, node: ast.expr, function: Function) -> bool:
        found = function.scope.lookup(node.id) if isinstance(node, ast.Name) else None
        if found is None or found[1].function is not None:
            return False
        bindings, scope = found
        for binding in bindings:
            if isinstance(binding, Imported):
                target = self.inference.project.resolve_import(binding, scope.module)
                if isinstance(target, tuple) and isinstance(target[0], Module):
                    bindings, scope = target[0].scope.bindings.get(target[1], []), target[0].scope
        made = [value.func for value in assigned(bindings) if isinstance(value, ast.Call)]
        return any(External("threading.local") in self.inference.infer(func, scope) for func in made)


# -- databases in memory ---------------------------------------------------------------


def _memory_databases(running: Running) -> Iterator[Finding]:
    """A database in memory that SQLAlchemy or peewee make anew for each thread."""
    if not any(_asks_orm(f, running) for f in [*running.waiting, *running.threaded]):
        return
    for module in running.graph.inference.project.connected:
        for found in _MEMORY_DATABASE.finditer(module.source.text):
            line = module.source.text.count("\n", 0, found.start()) + 1
            message = (
                "a database in memory is another one in every thread: worker threads use it from now on, and don't "
                "see the tables and rows that were made elsewhere"
            )
            yield Finding("RA115", module.path, line, message)


def _asks_orm(function: Function, running: Running) -> bool:
    names = (n for s in running.graph.active_sites(function.scope) for n in s.blockers)
    return any(n.startswith(("sqlalchemy.", "peewee.")) for n in names)
