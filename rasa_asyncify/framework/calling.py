"""What calls of actions look like, where reading can't tell what is called."""

from __future__ import annotations

import ast

from rasa_asyncify.project.bindings import last_name

# What the SDK hands to an action, by the names that people give it.
HANDED = frozenset({"dispatcher", "domain", "tracker"})


def looks_like_entry(call: ast.Call) -> bool:
    """Whether a call has the arguments of an action's ``run``, or of a method such as ``validate_size``."""
    given = [*call.args, *(k.value for k in call.keywords)]
    if len(given) < 3:
        return False
    names = {last_name(argument) for argument in given}
    if names >= HANDED:
        return True
    return len(given) == 3 and last_name(call.func) == "run" and bool(names & HANDED)


def looks_like_run(call: ast.Call) -> bool:
    """Whether a call is one of a method ``run`` with three arguments, as tests call actions from fixtures."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "run":
        return False
    return len(call.args) + len(call.keywords) == 3 and not any(isinstance(a, ast.Starred) for a in call.args)
