"""Which local names statements read before they write them, and which they have written for sure at their end."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from rasa_asyncify.project.model import COMPREHENSIONS, FUNCTION_NODES, Function
from rasa_asyncify.project.walking import children

Swallows = Callable[[ast.withitem], bool]
_JUMPS = (ast.Return, ast.Raise, ast.Break, ast.Continue)
_CALLED = (*FUNCTION_NODES, ast.Lambda)
_LATE = (*_CALLED, ast.ClassDef, ast.GeneratorExp)
_NAMESPACES = (*_CALLED, ast.ClassDef, *COMPREHENSIONS)
# Use up what they are given, and what those below give them.
_EAGER = frozenset("all any dict frozenset join list max min set sort sorted sum tuple".split())
_HANDING_ON = frozenset({"enumerate", "filter", "map", "reversed", "zip"})


@dataclass(frozen=True)
class Flow:
    """What a run of statements does to names.

    ``reads``: names that may be read before the statements write them. ``writes``: names that are bound whenever the
    end is reached. ``leaves``: the end is never reached. ``unbinds``: names that may have been deleted since they
    were last written.
    """

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    leaves: bool = False
    unbinds: frozenset[str] = frozenset()

    def then(self, after: Flow) -> Flow:
        """This, and ``after`` behind it."""
        if self.leaves:
            return self
        return Flow(
            self.reads | (after.reads - self.writes),
            (self.writes - after.unbinds) | after.writes,
            after.leaves,
            (self.unbinds - after.writes) | after.unbinds,
        )

    def beside(self, other: Flow) -> Flow:
        """Either this or ``other``."""
        if self.leaves or other.leaves:
            writes = other.writes if self.leaves else self.writes
        else:
            writes = self.writes & other.writes
        unbinds = self.unbinds | other.unbinds
        return Flow(self.reads | other.reads, writes - unbinds, self.leaves and other.leaves, unbinds)

    def perhaps(self) -> Flow:
        """This, or nothing."""
        return Flow(self.reads, unbinds=self.unbinds)


def flow(statements: Sequence[ast.stmt], swallows: Swallows) -> Flow:
    """The flow of a suite; ``swallows`` tells which context managers may end a block early without an exception."""
    found = Flow()
    for statement in statements:
        found = found.then(_statement(statement, swallows))
    return found


def bound_names(nodes: Iterable[ast.AST]) -> set[str]:
    """The names that the nodes' own code binds or deletes: not in functions, classes and comprehensions in it."""
    found: set[str] = set()
    for node in nodes:
        for inner in own_nodes(node):
            found |= bound_by(inner)
    return found


def own_nodes(node: ast.AST) -> Iterable[ast.AST]:
    """``node`` and what is below it in the same namespace, but with the `:=` of comprehensions."""
    todo = [node]
    while todo:
        current = todo.pop()
        yield current
        if isinstance(current, COMPREHENSIONS):
            yield from (n for n in ast.walk(current) if isinstance(n, ast.NamedExpr))
            todo.append(current.generators[0].iter)
        elif isinstance(current, FUNCTION_NODES):
            todo += [*current.decorator_list, *current.args.defaults, *filter(None, current.args.kw_defaults)]
        elif isinstance(current, ast.ClassDef):
            todo += [*current.decorator_list, *current.bases]
        elif not isinstance(current, ast.Lambda):
            todo += children(current)


def own_nodes_of(function: Function) -> Iterable[ast.AST]:
    """What stands in the function's own code."""
    for statement in function.node.body:
        yield from own_nodes(statement)


def captured_names(nodes: Iterable[ast.AST]) -> set[str]:
    """The names that functions, lambdas and generators among the nodes take from around them, to use them later."""
    return {name for _, names in captures(nodes) for name in names}


def captures(nodes: Iterable[ast.AST]) -> list[tuple[ast.AST, set[str]]]:
    """The functions, lambdas and generators among the nodes, with the names that they take from around them."""
    found: list[tuple[ast.AST, set[str]]] = []
    for node in nodes:
        own = list(own_nodes(node))
        at_once = {
            id(argument) for inner in own if isinstance(inner, ast.Call) for argument in _used_up(inner)
        }
        for inner in own:
            if isinstance(inner, (ast.ListComp, ast.SetComp, ast.DictComp)):
                late = (n for n in ast.walk(inner) if isinstance(n, (ast.Lambda, ast.GeneratorExp)))
                found += [(n, _free_names(n)) for n in late]
            elif isinstance(inner, _LATE) and id(inner) not in at_once:
                found.append((inner, _free_names(inner) - _first_names(inner)))
    return found


def _used_up(call: ast.Call) -> list[ast.expr]:
    """The arguments that nothing uses once the call has returned: ``sum(x for x in rows)``."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name not in _EAGER:
        return []
    found = [*call.args, *(k.value for k in call.keywords)]
    for argument in found:
        if isinstance(argument, ast.Call) and getattr(argument.func, "id", "") in _HANDING_ON:
            found += argument.args
    return found


def _first_names(node: ast.AST) -> set[str]:
    """The names that a generator reads when it is made, and not later as well."""
    if not isinstance(node, ast.GeneratorExp):
        return set()
    first = list(ast.walk(node.generators[0].iter))
    later = (n for n in ast.walk(node) if n not in first)
    names = {n.id for n in first if isinstance(n, ast.Name)}
    return names - {n.id for n in later if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def read_names(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """All names that the nodes read, in whatever order, with those that functions in them take from around."""
    found: set[str] = set()
    for node in nodes:
        for inner in own_nodes(node):
            if isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Store):
                found.add(inner.id)
            elif isinstance(inner, ast.AugAssign) and isinstance(inner.target, ast.Name):
                found.add(inner.target.id)
            elif isinstance(inner, (*FUNCTION_NODES, ast.Lambda, ast.ClassDef, *COMPREHENSIONS)):
                found |= _free_names(inner)
    return frozenset(found)


def _free_names(node: ast.AST) -> set[str]:
    """The names that a function, lambda, class or comprehension takes from around it."""
    own = (
        {n.arg for n in ast.walk(node.args) if isinstance(n, ast.arg)} if isinstance(node, _CALLED) else set()
    )
    loaded: set[str] = set()
    outer: set[str] = set()
    inner: set[str] = set()
    for part in (n for child in ast.iter_child_nodes(node) for n in own_nodes(child)):
        if isinstance(part, _NAMESPACES):
            inner |= _free_names(part)
        if isinstance(part, ast.Nonlocal):
            outer |= set(part.names)
        elif isinstance(part, ast.Global):
            own |= set(part.names)
        elif isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Store):
            loaded.add(part.id)
        else:
            own |= bound_by(part)
    if isinstance(node, ast.ClassDef):  # whose own names are none for the functions in it
        return (loaded - own) | inner | outer
    return ((loaded | inner) - own) | outer


def bound_by(node: ast.AST) -> set[str]:
    """The names that the node by itself binds or deletes."""
    if isinstance(node, ast.Name):
        return set() if isinstance(node.ctx, ast.Load) else {node.id}
    if isinstance(node, (*FUNCTION_NODES, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        return {node.name} if node.name else set()
    if isinstance(node, ast.MatchMapping):
        return {node.rest} if node.rest else set()
    return {node.target.id} if isinstance(node, ast.NamedExpr) else set()


def _statement(node: ast.stmt, swallows: Swallows) -> Flow:
    if isinstance(node, ast.If):
        branches = flow(node.body, swallows).beside(flow(node.orelse, swallows))
        return _plain([node.test]).then(branches)
    if isinstance(node, (ast.For, ast.AsyncFor)):
        body = _plain([], [node.target]).then(flow(node.body, swallows)).perhaps()
        return _plain([node.iter]).then(body).then(flow(node.orelse, swallows).perhaps())
    if isinstance(node, ast.While):
        body = flow(node.body, swallows).perhaps()
        return _plain([node.test]).then(body).then(flow(node.orelse, swallows).perhaps())
    if isinstance(node, (ast.With, ast.AsyncWith)):
        targets = [i.optional_vars for i in node.items if i.optional_vars is not None]
        body = flow(node.body, swallows)
        if any(map(swallows, node.items)):
            body = body.perhaps()
        return _plain([i.context_expr for i in node.items], targets).then(body)
    if isinstance(node, ast.Match):
        return _plain([node.subject]).then(_cases(node, swallows))
    if hasattr(node, "handlers"):
        assert isinstance(node, ast.Try)
        return _try(node, swallows)
    leaves = isinstance(node, _JUMPS)
    return Flow(read_names([node]), frozenset(_surely_bound(node)), leaves, frozenset(_deleted(node)))


def _cases(node: ast.Match, swallows: Swallows) -> Flow:
    found = Flow()
    for case in node.cases:
        guard = [case.guard] if case.guard else []
        found = found.beside(_plain(guard, [case.pattern]).then(flow(case.body, swallows)))
    return found


def _try(node: ast.Try, swallows: Swallows) -> Flow:
    body = flow(node.body, swallows)
    found = body.then(flow(node.orelse, swallows))
    for handler in node.handlers:
        names = frozenset({handler.name} if handler.name else ())
        caught = Flow(writes=names).then(flow(handler.body, swallows)).then(Flow(unbinds=names))
        types = read_names([handler.type]) if handler.type else frozenset()
        found = found.beside(Flow(body.reads | types, unbinds=body.unbinds).then(caught))
    last = flow(node.finalbody, swallows)
    # What stands in `finally` runs all the same where the rest leaves, and reads what may not be written yet.
    whole = replace(found, leaves=False).then(last)
    return replace(whole, reads=found.reads | last.reads, leaves=found.leaves or last.leaves)


def _plain(read: Iterable[ast.AST], written: Iterable[ast.AST] = ()) -> Flow:
    read, written = list(read), list(written)
    targets = [n for node in written for n in own_nodes(node)]
    inner = [n for n in targets if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
    surely = {name for node in [*written, *read] for name in _surely_bound(node)}
    return Flow(read_names([*read, *inner]), frozenset(surely))


def _deleted(node: ast.stmt) -> set[str]:
    return bound_names([node]) if isinstance(node, ast.Delete) else set()


def _surely_bound(node: ast.AST) -> set[str]:
    """The names that ``node`` binds whenever it is run to its end: not those of a ``:=`` that it may pass over."""
    found: set[str] = set()
    todo = [node]
    while todo:
        current = todo.pop()
        found |= bound_by(current)
        if isinstance(current, ast.BoolOp):
            todo.append(current.values[0])
        elif isinstance(current, ast.IfExp):
            todo.append(current.test)
        elif isinstance(current, ast.Compare):
            todo += [current.left, current.comparators[0]]
        elif isinstance(current, COMPREHENSIONS):
            todo.append(current.generators[0].iter)
        elif isinstance(current, (*FUNCTION_NODES, ast.ClassDef)):
            todo += current.decorator_list
        elif not isinstance(current, (ast.Lambda, ast.Assert, ast.Delete)) and not _is_declaration(current):
            todo += children(current)
    return found


def _is_declaration(node: ast.AST) -> bool:
    return isinstance(node, ast.AnnAssign) and node.value is None
