"""Calls that aren't known: they may block."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from rasa_asyncify.catalogue.files import beside, is_known
from rasa_asyncify.findings.running import Running
from rasa_asyncify.flow.positions import enclosing
from rasa_asyncify.plan import Finding
from rasa_asyncify.project.bindings import Assigned, Imported
from rasa_asyncify.project.model import Function, Scope, by_place
from rasa_asyncify.project.values import External

_DEPTH = 8
_OF_DATABASES = frozenset(
    {"commit", "execute", "executemany", "fetchall", "fetchmany", "fetchone", "rollback"}
)


@dataclass(frozen=True)
class _Called:
    """What an unknown call is to be named by; ``rest`` is what was called on what that gave: ".query()"."""

    name: str
    rest: str = ""


def unknown_calls(running: Running) -> Iterator[Finding]:
    """One note for each function and method of a library that is neither known nor awaited, where it is first called.

    What runs in a thread anyway is passed over.
    """
    first: dict[str, tuple[Function, int]] = {}
    more: dict[str, dict[str, None]] = {}
    for function in sorted(running.graph.reached, key=by_place):
        if not running.inputs.writable(function.module) or function.module.is_test:
            continue
        if function in running.threaded or function in running.decisions.moved:
            continue
        for call in sorted(function.facts.calls, key=lambda c: (c.lineno, c.col_offset)):
            called = _unknown(call, function, running)
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


def _unknown(call: ast.Call, function: Function, running: Running) -> _Called | None:
    """What an unknown call is named by; None for one that is known, awaited or in a thread."""
    found = _library_call(call.func, function.scope, running)
    if found is None or _is_awaited(call, function) or running.decisions.around(call, function) is not None:
        return None
    catalogue = running.graph.finder.catalogue
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


def unknown_databases(running: Running) -> Iterator[Finding]:
    """Calls on the event loop that look like those of a database, on objects that reading can't tell."""
    for function in running.graph.reached:
        if (
            function in running.threaded
            or function in running.decisions.moved
            or not running.inputs.writable(function.module)
        ):
            continue
        for call in function.facts.calls:
            func = call.func
            if not isinstance(func, ast.Attribute) or func.attr not in _OF_DATABASES:
                continue
            awaited = call in function.facts.awaited or running.decisions.around(call, function) is not None
            if awaited or running.graph.inference.infer(func.value, function.scope):
                continue
            message = (
                f"{ast.unparse(func)}() looks like a call of a database; what it is called on isn't known"
            )
            yield Finding("RA108", function.module.path, call.lineno, message)


def _library_call(node: ast.expr, scope: Scope, running: Running, depth: int = 0) -> _Called | None:
    """What of an unknown library is called: by its dotted name, or by that of what gave it.

    ``Client().find`` gives ("x.Client.find", ""), ``connect().cursor().execute`` gives ("x.connect", ".execute()").
    """
    for value in running.graph.inference.infer(node, scope):
        if isinstance(value, External) and _is_foreign(value.name):
            return _Called(value.name)
    if depth > _DEPTH:
        return None
    if isinstance(node, ast.Attribute):
        owner = _library_call(node.value, scope, running, depth + 1)
        if owner is None:
            return None
        is_method = owner.rest == "()" and owner.name.rpartition(".")[2][:1].isupper()
        return _Called(f"{owner.name}.{node.attr}") if is_method else _Called(owner.name, f".{node.attr}()")
    called = _made_by(node, scope)
    made = _library_call(*called, running, depth + 1) if called is not None else None
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
    root, known = name.partition(".")[0], beside()
    return root != "builtins" and not any(
        root in s for s in (sys.stdlib_module_names, known.awaited, known.brief)
    )
