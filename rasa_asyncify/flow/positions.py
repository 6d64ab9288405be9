"""Where a node stands: whether ``await`` may stand there, and whether its code runs there at all."""

from __future__ import annotations

import ast

from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.project.bindings import last_name
from rasa_asyncify.project.model import COMPREHENSIONS, FUNCTION_NODES, Function, Scope
from rasa_asyncify.project.values import OwnFunction

# Call what they are given later, elsewhere, or in a thread: not on the loop, and they don't await it.
DEFERRED = frozenset(
    {
        "in_thread",
        "in_one_thread",
        "_in_thread",
        "_in_one_thread",
        "run_in_executor",
        "to_thread",
        "submit",
        "Thread",
        "Timer",
        "Process",
        "start_new_thread",
        "add_job",
        "add_periodic_task",
        "scheduled_job",
        "register",
        "run_sync",
        "sync_to_async",
        "signal",
        "add_done_callback",
    }
)
# Functions and methods that ask for the exception that is being handled, by their last names.
CURRENT_EXCEPTION = frozenset({"exc_info", "exception", "format_exc", "print_exc"})


def enclosing(node: ast.AST, scope: Scope) -> list[ast.AST]:
    """The nodes around ``node``, innermost first, up to the scope's own."""
    parents = scope.facts.parents
    found: list[ast.AST] = []
    current = parents.get(node)
    while current is not None and current is not scope.node:
        found.append(current)
        current = parents.get(current)
    return found


def statement_of(node: ast.AST, scope: Scope) -> ast.stmt | None:
    """The innermost statement around an expression."""
    return next((p for p in enclosing(node, scope) if isinstance(p, ast.stmt)), None)


def is_within(node: ast.AST, block: list[ast.stmt]) -> bool:
    """Whether ``node`` stands in one of the statements, or is one."""
    return any(node is inner for statement in block for inner in ast.walk(statement))


def can_await_at(node: ast.AST, scope: Scope) -> bool:
    """Whether ``await`` may stand at ``node``, in a coroutine function and on Python 3.9."""
    depth = 0
    child: ast.AST = node
    for parent in enclosing(node, scope):
        if isinstance(parent, (ast.Lambda, ast.ClassDef, *FUNCTION_NODES)):
            return False
        if isinstance(parent, COMPREHENSIONS):
            first = parent.generators[0]
            if child is first and _inside(node, first.iter, scope):
                child = parent
                continue
            if isinstance(parent, ast.GeneratorExp):
                return False
            depth += 1
            if depth > 1:
                return False
        child = parent
    return True


def _inside(node: ast.AST, ancestor: ast.AST, scope: Scope) -> bool:
    return node is ancestor or ancestor in enclosing(node, scope)


def is_deferred(node: ast.AST, scope: Scope, runners: frozenset[Function], inference: Inference) -> bool:
    """Whether ``node`` stands in a lambda that something else will call: a thread, a scheduler."""
    if not scope.facts.lambdas:
        return False
    child: ast.AST = node
    for parent in [*enclosing(node, scope)]:
        if isinstance(child, ast.Lambda):
            call = scope.facts.parents.get(parent) if isinstance(parent, ast.keyword) else parent
            if isinstance(call, ast.Call) and call.func is not child:
                if is_deferring_call(call, scope, runners, inference):
                    return True
        child = parent
    return False


def is_deferring_call(
    call: ast.Call, scope: Scope, runners: frozenset[Function], inference: Inference
) -> bool:
    """Whether ``call`` hands its arguments on to be called in a thread or later."""
    func = call.func
    if last_name(func) in DEFERRED:
        return True
    return any(isinstance(v, OwnFunction) and v.function in runners for v in inference.infer(func, scope))
