"""Which names are read after a run of statements in one suite of a function: at its end, or where it fails."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from rasa_asyncify.flow.dataflow import Swallows, flow
from rasa_asyncify.flow.positions import enclosing
from rasa_asyncify.project.model import Function

LOOPS = (ast.For, ast.AsyncFor, ast.While)


def suite_of(statement: ast.stmt, function: Function) -> list[ast.stmt]:
    """The list of statements that ``statement`` is one of."""
    parent = function.facts.parents.get(statement, function.node)
    for _, value in ast.iter_fields(parent):
        if isinstance(value, list) and statement in value:
            return value
    raise AssertionError("a statement in no suite")


def live_after(statements: Sequence[ast.stmt], function: Function, swallows: Swallows) -> frozenset[str]:
    """The names that may be read once the statements' end is reached."""
    suite = suite_of(statements[0], function)
    rest = suite[suite.index(statements[-1]) + 1 :]
    return _live_from(rest, statements[0], function, swallows)


def _live_from(
    rest: Sequence[ast.stmt], child: ast.AST, function: Function, swallows: Swallows
) -> frozenset[str]:
    """The names read by ``rest``, which ends the suite of ``child``, and by what runs after that suite."""
    own = flow(rest, swallows)
    jump = next((i for i, s in enumerate(rest) if _may_jump(s)), len(rest))
    if own.leaves and jump == len(rest):
        return own.reads
    parent = function.facts.parents.get(child, function.node)
    written = flow(rest[:jump], swallows).writes
    return own.reads | (_live_after_suite(child, parent, function, swallows) - written)


def _may_jump(statement: ast.stmt) -> bool:
    return any(isinstance(n, (ast.Break, ast.Continue)) for n in ast.walk(statement))


def _live_after_suite(
    child: ast.AST, parent: ast.AST, function: Function, swallows: Swallows
) -> frozenset[str]:
    """The names that may be read after the suite of ``child``, which is a part of ``parent``."""
    if parent is function.node:
        return frozenset()
    if not isinstance(parent, ast.stmt):  # a clause of `except` or `case`
        return _live_after_suite(
            parent, function.facts.parents.get(parent, function.node), function, swallows
        )
    suite = suite_of(parent, function)
    live = _live_from(suite[suite.index(parent) + 1 :], parent, function, swallows)
    if isinstance(parent, LOOPS):
        live |= flow([parent], swallows).reads | flow(parent.orelse, swallows).reads
    elif isinstance(parent, ast.Try):
        last = flow(parent.finalbody, swallows)
        live = last.reads | live
        if child in parent.body:
            live |= flow(parent.orelse, swallows).reads
    return live


def live_after_failure(
    statements: Sequence[ast.stmt], function: Function, swallows: Swallows
) -> frozenset[str]:
    """The names that something may read after an exception has left the statements."""
    found: frozenset[str] = frozenset()
    child: ast.AST = statements[0]
    for parent in enclosing(child, function.scope):
        if isinstance(parent, ast.Try):
            found |= flow(parent.finalbody, swallows).reads
            handlers = parent.handlers if child in parent.body else []
            for handler in handlers:
                found |= _live_from(handler.body, handler.body[0], function, swallows)
        elif isinstance(parent, ast.With) and any(map(swallows, parent.items)):
            found |= _live_after_suite(child, parent, function, swallows)
        child = parent
    return found
