"""What `-v` tells beside the findings: calls that aren't known, and loops that could wait for all at once."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from rasa_asyncify.call_graph.effects import effects_of
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.catalogue import is_known
from rasa_asyncify.deciding.solver import Solver
from rasa_asyncify.flow.dataflow import bound_names, flow, own_nodes
from rasa_asyncify.flow.positions import enclosing
from rasa_asyncify.plan import Finding
from rasa_asyncify.project.model import Assigned, Function, Imported, Parameter, Scope, last_name
from rasa_asyncify.project.values import External
from rasa_asyncify.threads.offload import Offload, TooTangled

# Their objects are the action's own, or are awaited; what blocks in them is in the catalogue.
_KNOWN = frozenset({"rasa_sdk", "rasa_core_sdk", "rasa", "rasa_core", "aiohttp", "typing_extensions"})
# What these do is done in memory, in no time worth a thread.
_BRIEF = frozenset("""
    Levenshtein arrow attr attrs babel benedict bson colorama cryptography dateparser dateutil emoji hashids humanize
    inflect isodate jwt loguru markdown markdownify marshmallow num2words orjson packaging pendulum phonenumbers
    prometheus_client pydantic pytz rapidfuzz shortuuid simplejson slugify structlog tabulate thefuzz transitions
    tzlocal ujson unidecode word2number
    """.split())
_DEPTH = 8
_OF_DATABASES = frozenset(
    {"commit", "execute", "executemany", "fetchall", "fetchmany", "fetchone", "rollback"}
)
_LEAVES = (ast.Break, ast.Return, ast.Raise, ast.Yield, ast.YieldFrom, ast.Try)
_COLLECTS = frozenset({"append", "add", "update", "extend"})
_LOGS = frozenset({"debug", "info", "warning", "error", "print"})


@dataclass(frozen=True)
class _Called:
    """What an unknown call is to be named by; ``rest`` is what was called on what that gave: ".query()"."""

    name: str
    rest: str = ""


def unknown_calls(solver: Solver, threaded: Collection[Function] = ()) -> Iterator[Finding]:
    """One note for each function and method of a library that is neither known nor awaited, where it is first called.

    What runs in a thread anyway, as the ``threaded`` functions do, is passed over.
    """
    first: dict[str, tuple[Function, int]] = {}
    more: dict[str, dict[str, None]] = {}
    for function in sorted(solver.graph.reached, key=_order):
        if not solver.writable(function.module) or function.module.is_test:
            continue
        if function in threaded or function in solver.colours.moved:
            continue
        for call in sorted(function.facts.calls, key=lambda c: (c.lineno, c.col_offset)):
            called = _unknown(call, function, solver)
            if called is not None:
                first.setdefault(called.name, (function, call.lineno))
                more.setdefault(called.name, {}).update({called.rest: None} if called.rest else {})
    for name, (function, line) in first.items():
        rest = ["a call of it" if each == "()" else each for each in more[name]]
        others = f" and {len(rest) - 2} more" if len(rest) > 2 else ""
        given = f", nor is what it gives ({', '.join(rest[:2])}{others})" if rest else ""
        message = (
            f"{name}() isn't known{given}, and stays as it is: name it in the setting `blocking` if it blocks, "
            "else in `non-blocking`"
        )
        yield Finding("RA106", function.module.path, line, message)


def _unknown(call: ast.Call, function: Function, solver: Solver) -> _Called | None:
    """What an unknown call is named by; None for one that is known, awaited or in a thread."""
    found = _library_call(call.func, function.scope, solver)
    if found is None or _is_awaited(call, function) or solver.blocks.around(call, function) is not None:
        return None
    catalogue = solver.graph.finder.catalogue
    named = [found.name, f"{found.name}.{found.rest.strip('.()')}"]
    if is_known(found.name) or any(catalogue.own_says(name) is not None for name in named):
        return None
    if catalogue.cls(found.name) is not None:
        return None  # making an instance takes no time, unless the settings say so
    return found


def _is_awaited(call: ast.Call, function: Function) -> bool:
    """Whether the call is awaited, is handed to asyncio, makes what `async with` enters, or an exception."""
    if call in function.facts.awaited:
        return True
    child: ast.AST = call
    for parent in enclosing(call, function.scope):
        if isinstance(parent, (ast.Raise, ast.AsyncFor)):
            return True
        if isinstance(parent, ast.withitem):
            return isinstance(function.facts.parents.get(parent), ast.AsyncWith)
        if isinstance(parent, ast.Call) and child is not parent.func:
            if ast.unparse(parent.func).startswith("asyncio."):
                return True
        if isinstance(parent, ast.stmt):
            return False
        child = parent
    return False


def unknown_databases(solver: Solver, threaded: Collection[Function]) -> Iterator[Finding]:
    """Calls on the event loop that look like those of a database, on objects that reading can't tell."""
    for function in solver.graph.reached:
        if function in threaded or function in solver.colours.moved or not solver.writable(function.module):
            continue
        for call in function.facts.calls:
            func = call.func
            if not isinstance(func, ast.Attribute) or func.attr not in _OF_DATABASES:
                continue
            awaited = call in function.facts.awaited or solver.blocks.around(call, function) is not None
            if awaited or solver.graph.inference.infer(func.value, function.scope):
                continue
            message = (
                f"{ast.unparse(func)}() looks like a call of a database; what it is called on isn't known"
            )
            yield Finding("RA108", function.module.path, call.lineno, message)


def _library_call(node: ast.expr, scope: Scope, solver: Solver, depth: int = 0) -> _Called | None:
    """What of an unknown library is called: by its dotted name, or by that of what gave it.

    ``Client().find`` gives ("x.Client.find", ""), ``connect().cursor().execute`` gives ("x.connect", ".execute()").
    """
    for value in solver.graph.inference.infer(node, scope):
        if isinstance(value, External) and _is_foreign(value.name):
            return _Called(value.name)
    if depth > _DEPTH:
        return None
    if isinstance(node, ast.Attribute):
        owner = _library_call(node.value, scope, solver, depth + 1)
        if owner is None:
            return None
        is_method = owner.rest == "()" and owner.name.rpartition(".")[2][:1].isupper()
        return _Called(f"{owner.name}.{node.attr}") if is_method else _Called(owner.name, f".{node.attr}()")
    called = _made_by(node, scope)
    made = _library_call(*called, solver, depth + 1) if called is not None else None
    return _Called(made.name, "()") if made is not None else None


def _made_by(node: ast.expr, scope: Scope) -> tuple[ast.expr, Scope] | None:
    """The function whose call an expression is, or whose call a name is bound to."""
    if isinstance(node, ast.Call):
        return node.func, scope
    found = scope.lookup(node.id) if isinstance(node, ast.Name) else None
    for binding in found[0] if found else ():
        if isinstance(binding, Imported):
            return None
        if isinstance(binding, Assigned) and isinstance(binding.value, ast.Call):
            assert found is not None
            return binding.value.func, found[1].module.bound_in.get(binding, found[1])
    return None


def _is_foreign(name: str) -> bool:
    root = name.partition(".")[0]
    return root not in sys.stdlib_module_names | _KNOWN | _BRIEF | {"builtins"}


# -- loops ---------------------------------------------------------------


def gatherable_loops(solver: Solver) -> Iterator[Finding]:
    """The loops of coroutine functions whose turns ask something, each for itself."""
    for function in sorted(solver.graph.reached, key=_order):
        if (
            not solver.colours.inline(function)
            or not solver.writable(function.module)
            or function.module.is_test
        ):
            continue
        told: set[Site] = set()
        for loop in sorted(function.facts.loops, key=lambda loop: -loop.target.lineno):  # the inner one first
            site = _only_wait(loop, function, solver)
            if site is not None and site not in told and _is_independent(loop, function):
                told.add(site)
                message = (
                    f"{_called(site, solver)}() is called for one item after the other, and no call needs another's "
                    "result: `asyncio.gather` could start them together, if what they ask can take it"
                )
                yield Finding("RA107", function.module.path, loop.target.lineno, message)


def _called(site: Site, solver: Solver) -> str:
    return site.targets[0].qualname if site.targets else solver.graph.reasons(site)[0]


def _only_wait(loop: ast.For | ast.comprehension, function: Function, solver: Solver) -> Site | None:
    """The one site in the loop's turns at which it waits, if it only asks."""
    inside = {id(n) for part in _turn(loop, function) for n in ast.walk(part)}
    waits = []
    for site in solver.graph.active_sites(function.scope):
        if id(site.node) not in inside or site in solver.colours.stuck:
            continue
        if solver.blocks.hold(site):
            return None
        try:
            treatment = solver.treatment(site)
        except TooTangled:
            return None
        if treatment == "asyncio.sleep" or (isinstance(treatment, Offload) and treatment.alone):
            return None
        if treatment is not None:
            waits.append(site)
    if len(waits) != 1 or effects_of(waits[0], solver.graph):
        return None
    names = solver.graph.reasons(waits[0])
    return waits[0] if names and not all(map(solver.graph.finder.catalogue.computes, names)) else None


def _turn(loop: ast.For | ast.comprehension, function: Function) -> list[ast.AST]:
    """What runs in each turn of the loop."""
    if isinstance(loop, ast.For):
        return list(loop.body)
    around = function.facts.parents[loop]
    return [n for n in (getattr(around, f, None) for f in ("elt", "key", "value")) if n is not None]


def _is_independent(loop: ast.For | ast.comprehension, function: Function) -> bool:
    """Whether no turn uses what another left, and what it leaves is only collected."""
    if not isinstance(loop, ast.For):
        return True
    nodes = [n for statement in loop.body for n in own_nodes(statement)]
    if any(isinstance(n, _LEAVES) for n in nodes) or loop.orelse:
        return False
    bound = bound_names(loop.body)
    if flow(loop.body, lambda item: True).reads & bound:
        return False
    bindings = function.scope.bindings.items()
    made = {name for name, known in bindings if not any(isinstance(b, Parameter) for b in known)}
    own = bound | made - function.facts.outer
    collected = [_collects_in(n) for n in nodes if isinstance(n, ast.Expr) and not _is_idle(n)]
    collected += [_root(n) for n in nodes if isinstance(n, (ast.Subscript, ast.Attribute)) and _is_stored(n)]
    names = {holder.id for holder in collected if holder is not None}
    if None in collected or not names <= own:
        return False
    holders = set(map(id, collected))
    return not any(isinstance(n, ast.Name) and n.id in names - bound and id(n) not in holders for n in nodes)


def _is_idle(statement: ast.Expr) -> bool:
    """Whether a statement is a text, or tells a log something."""
    call = statement.value
    return isinstance(call, ast.Constant) or (isinstance(call, ast.Call) and last_name(call.func) in _LOGS)


def _collects_in(statement: ast.Expr) -> ast.Name | None:
    """The name of the list or the like that a statement adds to, if that is all it does."""
    call = statement.value
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _COLLECTS:
        return _root(call.func.value)
    return None


def _is_stored(node: ast.Subscript | ast.Attribute) -> bool:
    return not isinstance(node.ctx, ast.Load)


def _root(node: ast.expr) -> ast.Name | None:
    """The name that ``a.b["c"]`` starts with."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node if isinstance(node, ast.Name) else None


def _order(function: Function) -> tuple[str, int]:
    return (str(function.module.path), function.node.lineno)
