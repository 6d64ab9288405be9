"""Where functions read and write what outlives them: globals, attributes of classes and of instances."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import product

from rasa_asyncify.flow.dataflow import own_nodes_of
from rasa_asyncify.flow.order import Wait, holds, may_follow
from rasa_asyncify.flow.positions import enclosing
from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.project.bindings import Imported, last_name
from rasa_asyncify.project.expressions import assigned
from rasa_asyncify.project.model import Binding, Class, Function, Module
from rasa_asyncify.project.values import OwnClass, OwnModule

_CHANGES = frozenset(
    "add append appendleft clear discard extend insert pop popitem popleft remove reverse setdefault sort "
    "update".split()
)
_LOCK = re.compile(r"lock|mutex|semaphore|guard|condition", re.I)
_TAKES = frozenset({"pop", "popitem", "popleft", "setdefault"})
_CONTAINERS = frozenset({"Counter", "OrderedDict", "defaultdict", "deque", "dict", "list", "set"})


@dataclass(frozen=True)
class StateUse:
    """One use of a piece of state, such as "CACHE" or "Basket.items"."""

    name: str
    node: ast.expr
    reads: bool
    writes: bool


class Kind(Enum):
    """What goes wrong where another action changes a piece of state between two uses."""

    LOST = "what the other made of it is overwritten"
    CHECKED = "both decide by the same old value"
    LEAKED = "what is read is the other's"


@dataclass(frozen=True)
class Gap:
    """Two uses of a piece of state that another action can get between, at ``wait``; None: in another thread."""

    kind: Kind
    first: StateUse
    second: StateUse
    wait: Wait | None = None


def shared_state(function: Function, inference: Inference) -> Iterator[StateUse]:
    """The uses of variables of modules and of classes in the function's own code."""
    outer = function.facts.outer
    for node in own_nodes_of(function):
        if isinstance(node, ast.Name):
            values = _module_variable(node.id, function, inference)
            if values is not None and (isinstance(node.ctx, ast.Load) or node.id in outer):
                yield _use(node.id, node, function, values)
        elif isinstance(node, ast.Attribute):
            values = _attribute_values(node, function, inference)
            if values is not None:
                yield _use(ast.unparse(node), node, function, values)


def instance_state(function: Function) -> Iterator[StateUse]:
    """The uses of attributes of the instance in a method's own code."""
    for node in own_nodes_of(function):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == function.self_name and not function.is_class_method:
                yield _use(ast.unparse(node), node, function, _stored(node.attr, function.owner))


def by_name(uses: Iterable[StateUse]) -> dict[str, list[StateUse]]:
    """The uses of each piece of state, as they stand in the code."""
    found: dict[str, list[StateUse]] = {}
    for use in sorted(uses, key=lambda use: (use.node.lineno, use.node.col_offset)):
        found.setdefault(use.name, []).append(use)
    return found


def find_gap(uses: Sequence[StateUse], waits: Sequence[Wait], function: Function) -> Gap | None:
    """Where a piece of state is used before and after a wait in a way that another action can upset.

    A value that is read again for the writing, as in ``count += 1``, makes up for an earlier reading, unless that
    decided whether to come here at all.
    """
    for wait in waits:
        before = [use for use in uses if _comes_before(use, wait, function)]
        after = [use for use in uses if _comes_after(wait, use, function)]
        for first, second in product(before, after):
            inside = wait.holds(first.node) and wait.holds(second.node)
            if inside or _is_locked(first, second, function):
                continue
            kind = _kind(first, second, function)
            if kind is not None and not (kind is Kind.LOST and _reads_anew(second, wait, uses, function)):
                return Gap(kind, first, second, wait)
    return None


def find_race(uses: Sequence[StateUse], function: Function) -> Gap | None:
    """Where two threads that run the uses at once can upset each other."""
    for first, second in product(uses, uses):
        if _is_locked(first, second, function):
            kind = None
        elif first is second:
            kind = Kind.LOST if first.reads and first.writes else None
        else:
            kind = _kind(first, second, function) if _follows(first.node, second.node, function) else None
        if kind is not None:
            return Gap(kind, first, second)
    return None


def _kind(first: StateUse, second: StateUse, function: Function) -> Kind | None:
    if first.reads and second.writes:
        return Kind.CHECKED if _is_tested(first.node, function) else Kind.LOST
    return Kind.LEAKED if second.reads and _is_replaced(first) else None


def _is_locked(first: StateUse, second: StateUse, function: Function) -> bool:
    """Whether both uses stand in one `with` block of what is called a lock."""
    around = enclosing(second.node, function.scope)
    return any(
        isinstance(block, (ast.With, ast.AsyncWith))
        and block in around
        and any(_LOCK.search(ast.unparse(item.context_expr)) for item in block.items)
        for block in enclosing(first.node, function.scope)
    )


def _is_tested(node: ast.AST, function: Function) -> bool:
    """Whether ``node`` stands in the condition of an ``if``, a ``while`` or the like."""
    child = node
    for parent in enclosing(node, function.scope):
        if isinstance(parent, (ast.If, ast.While, ast.IfExp)) and parent.test is child:
            return True
        if isinstance(parent, ast.stmt):
            return False
        child = parent
    return False


def _is_replaced(use: StateUse) -> bool:
    """Whether the variable itself gets another value, which is more than an item of what it holds."""
    return isinstance(getattr(use.node, "ctx", None), ast.Store) and not use.reads


def _comes_before(use: StateUse, wait: Wait, function: Function) -> bool:
    if wait.holds(use.node) or _follows(use.node, wait.node, function):
        return True
    statement = _statement(use.node, function)
    # `total += await ...` has read the total before it waits.
    return use.reads and isinstance(statement, ast.AugAssign) and holds(statement.value, wait.node)


def _comes_after(wait: Wait, use: StateUse, function: Function) -> bool:
    if wait.holds(use.node):
        return isinstance(wait.node, ast.stmt)  # the arguments of a call were there before
    return _follows(wait.node, use.node, function)


def _follows(first: ast.AST, second: ast.AST, function: Function) -> bool:
    """In one turn of a loop: what one turn leaves to the next would be found in almost every loop."""
    return may_follow(first, second, function, turns=False)


def _reads_anew(write: StateUse, wait: Wait, uses: Sequence[StateUse], function: Function) -> bool:
    """Whether the statement that writes reads the state itself, with no wait in between."""
    statement = _statement(write.node, function)
    if statement is None or holds(statement, wait.node) or wait.holds(statement):
        return False
    return any(use.reads and holds(statement, use.node) for use in uses)


def _statement(node: ast.AST, function: Function) -> ast.stmt | None:
    around = [node, *enclosing(node, function.scope)]
    return next((n for n in around if isinstance(n, ast.stmt)), None)


def _module_variable(name: str, function: Function, inference: Inference) -> list[ast.expr] | None:
    """The values that modules bind a global name to; None for functions, classes, modules and local names."""
    found = function.scope.lookup(name)
    if found is None:
        return [] if name in function.facts.outer else None
    bindings, owner = found
    if owner.function is not None or owner.cls is not None:
        return None
    for binding in bindings:
        if isinstance(binding, Imported):
            target = inference.project.resolve_import(binding, owner.module)
            if isinstance(target, tuple) and isinstance(target[0], Module):
                bindings = target[0].scope.bindings.get(target[1], [])
    return _assigned(bindings)


def _attribute_values(node: ast.Attribute, function: Function, inference: Inference) -> list[ast.expr] | None:
    """The same for a variable of one of the project's classes or modules: `Basket.items`, `cls.items`, `shop.total`."""
    for value in inference.infer(node.value, function.scope):
        if isinstance(value, OwnClass) and value.cls.method(node.attr) is None:
            bound = _assigned(value.cls.scope.bindings.get(node.attr, []))
            if bound is not None or not isinstance(node.ctx, ast.Load):
                return bound or []
        if isinstance(value, OwnModule) and isinstance(value.module, Module):
            return _assigned(value.module.scope.bindings.get(node.attr, []))
    return None


def _stored(attribute: str, owner: Class | None) -> list[ast.expr]:
    """The values that a class and its bases bind an attribute of the instance to."""
    found: list[ast.expr] = []
    for cls in owner.ancestry() if owner is not None else ():
        found += [value for value, _ in cls.stored.get(attribute, ())]
        found += _assigned(cls.scope.bindings.get(attribute, [])) or []
    return found


def _assigned(bindings: Sequence[Binding]) -> list[ast.expr] | None:
    return assigned(bindings) or None


def _use(name: str, node: ast.Name | ast.Attribute, function: Function, values: list[ast.expr]) -> StateUse:
    """One use. It may start with reading the variable and then change what that holds."""
    parents = function.facts.parents
    parent = parents.get(node)
    if not isinstance(node.ctx, ast.Load):
        return StateUse(name, node, isinstance(parent, ast.AugAssign), True)
    if isinstance(parent, ast.Subscript) and parent.value is node:
        changed = not isinstance(parent.ctx, ast.Load)
        updated = isinstance(parents.get(parent), ast.AugAssign)
        return StateUse(name, node, not changed or updated, changed)
    if isinstance(parent, ast.Attribute) and parent.attr in _CHANGES and any(map(_is_container, values)):
        call = parents.get(parent)
        if isinstance(call, ast.Call) and call.func is parent:
            return StateUse(name, node, parent.attr in _TAKES, True)
    return StateUse(name, node, True, False)


def _is_container(value: ast.expr) -> bool:
    """Whether the value is a list, dict or the like, by the way it is made."""
    if isinstance(value, ast.Call):
        return last_name(value.func) in _CONTAINERS
    return isinstance(value, (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp))
