"""Decorators: which take coroutine functions, which are the project's own, which are neither.

Sources: functools (lru_cache would cache the coroutine object), tenacity and backoff (both choose an asynchronous
wrapper for a coroutine function), abc, typing, pytest-asyncio.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.project.model import Function
from rasa_asyncify.project.values import External, OwnFunction

_TRANSPARENT = frozenset(
    {
        "builtins.staticmethod",
        "builtins.classmethod",
        "abc.abstractmethod",
        "typing.override",
        "typing.final",
        "typing.no_type_check",
        "typing_extensions.override",
        "typing_extensions.final",
        "functools.wraps",
        "tenacity.retry",
        "backoff.on_exception",
        "backoff.on_predicate",
    }
)


@dataclass(frozen=True)
class Decoration:
    """What stands on a function: ``wrappers`` are the project's own inner functions that call it.

    ``opaque`` names the first decorator that isn't known to take a coroutine function.
    """

    wrappers: tuple[Function, ...] = ()
    opaque: str | None = None


class Decorators:
    """Reads the decorators of functions, once each."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self._known: dict[Function, Decoration] = {}

    def of(self, function: Function) -> Decoration:
        """How ``function`` is decorated."""
        known = self._known.get(function)
        if known is None:
            known = self._known[function] = self._read(function)
        return known

    def _read(self, function: Function) -> Decoration:
        wrappers: list[Function] = []
        opaque: str | None = None
        for node in function.node.decorator_list:
            func = node.func if isinstance(node, ast.Call) else node
            values = self.inference.infer(func, function.parent)
            if any(isinstance(v, External) and v.name in _TRANSPARENT for v in values):
                continue
            own = [v.function for v in values if isinstance(v, OwnFunction)]
            inner = [wrapper_of(f, called=isinstance(node, ast.Call)) for f in own]
            if not own or any(i is None for i in inner):
                opaque = opaque or ast.unparse(func)
            wrappers += [i for i in inner if i is not None]
        return Decoration(tuple(wrappers), opaque)


def wrapper_of(decorator: Function, *, called: bool) -> Function | None:
    """The inner function that ``decorator`` (``called`` as ``@d(...)``) puts in a function's place.

    None where the decorator doesn't have the plain form: one inner ``def``, returned, that calls the function.
    """
    if called:
        middle = _returned_inner(decorator)
        return wrapper_of(middle, called=False) if middle is not None else None
    wrapper = _returned_inner(decorator)
    parameters = decorator.node.args.args
    if wrapper is None or not parameters:
        return None
    name = parameters[0].arg
    calls = [c for c in wrapper.facts.calls if isinstance(c.func, ast.Name) and c.func.id == name]
    uses = [n for n in wrapper.facts.names if n.id == name]
    if not calls or len(uses) != len(calls) or wrapper.is_generator:
        return None
    return wrapper


def _returned_inner(function: Function) -> Function | None:
    inner = [f for f in function.facts.nested if isinstance(f, Function)]
    returned = {r.value.id for r in function.facts.returns if isinstance(r.value, ast.Name)}
    if len(inner) != 1 or returned != {inner[0].name} or len(function.facts.returns) != 1:
        return None
    others = [d for d in inner[0].decorator_names if d != "wraps"]
    return None if others else inner[0]
