"""Whether a function could take the arguments of a call."""

from __future__ import annotations

import ast

from rasa_asyncify.project.model import Function


def fits(call: ast.Call, function: Function, *, bound: bool | None = None) -> bool:
    """Whether ``function`` could take the call's arguments; ``bound`` tells whether its first one is filled already.

    Where that isn't said, a method counts as bound to an instance.
    """
    arguments = function.node.args
    filled = (function.owner is not None and not function.is_static) if bound is None else bound
    positional = [*arguments.posonlyargs, *arguments.args][int(filled) :]
    names = {a.arg for a in [*positional, *arguments.kwonlyargs]}
    if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
        return True
    if any(k.arg not in names for k in call.keywords) and arguments.kwarg is None:
        return False
    given = len(call.args)
    if given > len(positional) and arguments.vararg is None:
        return False
    required = len(positional) - len(arguments.defaults)
    return given + len(call.keywords) >= required
