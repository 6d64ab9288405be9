"""What a function's own code does to names, as far as statements of it that move to a thread depend on it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property

from rasa_asyncify.flow.dataflow import (
    Swallows,
    bound_by,
    bound_names,
    captures,
    flow,
    own_nodes,
    own_nodes_of,
)
from rasa_asyncify.flow.liveness import LOOPS, live_after, live_after_failure
from rasa_asyncify.flow.positions import enclosing
from rasa_asyncify.project.model import Function

_LOOKS_AT_ALL = frozenset({"locals", "vars", "dir", "exec", "eval"})


@dataclass(frozen=True)
class Seen:
    """The names that statements bind and that are seen beyond them.

    ``bound`` are all that they bind. ``results`` are bound for sure, and not before all that may fail if that is
    looked at. Of the ``others`` those that are ``needed`` have to be variables of the function; the rest are read
    first, which fails unless they are.
    """

    bound: frozenset[str]
    results: tuple[str, ...]
    others: frozenset[str]
    needed: frozenset[str]


class FunctionNames:
    """Answers for one function. What takes a look at all of it is done once."""

    def __init__(self, function: Function, swallows: Swallows) -> None:
        self.function = function
        self.swallows = swallows

    @cached_property
    def _nodes(self) -> list[ast.AST]:
        return list(own_nodes_of(self.function))

    @cached_property
    def declared(self) -> dict[str, str]:
        """The names that the function declares, with the word for it: "global" or "nonlocal"."""
        found: dict[str, str] = {}
        for node in self._nodes:
            if isinstance(node, (ast.Global, ast.Nonlocal)):
                kind = "global" if isinstance(node, ast.Global) else "nonlocal"
                found.update(dict.fromkeys(node.names, kind))
        return found

    @cached_property
    def looks_at_all(self) -> str | None:
        """What it looks at all its variables with, if it does: a block's own would be missing."""
        for node in self._nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                name = node.func.id
                if name in _LOOKS_AT_ALL and not (node.args and name in ("vars", "dir")):
                    return name
        return None

    def bound_outside(self, inside: AbstractSet[int]) -> set[str]:
        """The names that it binds by other nodes than those ``inside`` (their ids), its parameters among them."""
        arguments = {a.arg for a in ast.walk(self.function.node.args) if isinstance(a, ast.arg)}
        return arguments.union(*(names for node, names in self._bindings if node not in inside))

    def read_outside(self, inside: AbstractSet[int]) -> set[str]:
        """The names that its own code reads by other nodes than those ``inside``."""
        return {name for node, name in self._reads if node not in inside}

    def seen(self, statements: Sequence[ast.stmt], inside: AbstractSet[int]) -> Seen:
        """What is seen of a run of statements in one suite; ``inside`` are the ids of their nodes."""
        bound = frozenset(bound_names(statements) - self.declared.keys())
        own = flow(statements, self.swallows)
        leaves = any(isinstance(n, ast.Return) for s in statements for n in own_nodes(s))
        after = frozenset() if leaves else live_after(statements, self.function, self.swallows)
        failing = live_after_failure(statements, self.function, self.swallows)
        captured = self._captured(inside, statements)
        needed = bound & (after | failing | captured)
        if any(isinstance(n, LOOPS) for n in enclosing(statements[0], self.function.scope)):
            needed |= bound & own.reads
        results = set()
        for name in (own.writes & bound & (after | failing)) - own.reads - captured:
            if _is_bound_last(name, statements) or (name in after and name not in failing):
                results.add(name)
        others = (needed | (bound & own.reads)) - results
        return Seen(bound, _in_order(results, statements), others, needed)

    # -- what is looked up once ---------------------------------------------------------------

    @cached_property
    def _bindings(self) -> list[tuple[int, set[str]]]:
        return [(id(node), names) for node in self._nodes if (names := bound_by(node))]

    @cached_property
    def _reads(self) -> list[tuple[int, str]]:
        return [(id(n), n.id) for n in self._nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]

    @cached_property
    def _captures(self) -> list[tuple[int, set[str]]]:
        return [(id(node), names) for node, names in captures(self.function.node.body)]

    @cached_property
    def _mentions(self) -> Counter[str]:
        return _mentioned(self.function.node.body)

    def _captured(self, inside: AbstractSet[int], statements: Sequence[ast.stmt]) -> set[str]:
        """The names that are used later, by what the statements made and the rest has, or the other way round."""
        mentioned = _mentioned(statements)
        found: set[str] = set()
        for node, names in self._captures:
            found |= {n for n in names if node not in inside or self._mentions[n] > mentioned[n]}
        return found


def _mentioned(statements: Iterable[ast.stmt]) -> Counter[str]:
    """How often each name stands in the statements, in whatever part of them."""
    found: Counter[str] = Counter()
    for node in (n for s in statements for n in ast.walk(s)):
        found.update([node.id] if isinstance(node, ast.Name) else bound_by(node))
    return found


def _in_order(names: Iterable[str], statements: Sequence[ast.stmt]) -> tuple[str, ...]:
    """The names in the order in which the statements bind them first."""
    first: dict[str, tuple[int, int]] = {}
    for node in (n for s in statements for n in own_nodes(s)):
        for name in bound_by(node):
            place = (getattr(node, "lineno", 0), getattr(node, "col_offset", 0))
            first[name] = min(place, first.get(name, place))
    return tuple(sorted(names, key=first.__getitem__))


def _is_bound_last(name: str, statements: Sequence[ast.stmt]) -> bool:
    """Whether nothing comes after ``name`` is bound, so that a failure leaves it as it was."""
    last = statements[-1]
    if (
        not isinstance(last, ast.Assign)
        or len(last.targets) != 1
        or not isinstance(last.targets[0], ast.Name)
    ):
        return False
    return last.targets[0].id == name and name not in bound_names([*statements[:-1], last.value])
