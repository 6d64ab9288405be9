"""Which uses of a local name belong together: those that the same bindings may reach.

`with open(a) as f: ...` and, later, `with open(b) as f: ...` have one name for two files. In a compiler's words they
are two webs: the second binding ends the life of the first.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from rasa_asyncify.flow.dataflow import bound_by, bound_names, captured_names, own_nodes
from rasa_asyncify.project.model import FUNCTION_NODES

# The bindings that may have given each name its value; None where nothing gets to.
_Env: TypeAlias = "dict[str, frozenset[ast.AST]] | None"
_LEAVING = (ast.Return, ast.Raise, ast.Break, ast.Continue)


@lru_cache(maxsize=64)
def webs(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Mapping[ast.Name, ast.AST]:
    """For each name in the function's own code a node that all of its web have in common.

    Names that functions, lambdas or generators in it use as well have one web, since those run at any time; so have the
    names that the function doesn't bind itself.
    """
    return _Webs(function).found()


class _Webs:
    def __init__(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.body = function.body
        self.arguments = function.args
        self.parents: dict[ast.AST, ast.AST] = {}
        self.names = [n for s in self.body for n in ast.walk(s) if isinstance(n, ast.Name)]

    def found(self) -> dict[ast.Name, ast.AST]:
        arguments = {a.arg: frozenset([a]) for a in ast.walk(self.arguments) if isinstance(a, ast.arg)}
        self._suite(self.body, dict(arguments))
        shared = captured_names(self.body) | _declared(self.body)
        by_name: dict[str, list[ast.Name]] = defaultdict(list)
        for name in self.names:
            by_name[name.id].append(name)
        own = bound_names(self.body) | arguments.keys()
        for text, names in by_name.items():
            if text in shared or text not in own:
                self._join(names)
        return {name: self._root(name) for name in self.names}

    # -- unions ---------------------------------------------------------------

    def _root(self, node: ast.AST) -> ast.AST:
        while node in self.parents:
            node = self.parents[node]
        return node

    def _join(self, nodes: Iterable[ast.AST]) -> None:
        roots = list(dict.fromkeys(map(self._root, nodes)))
        for other in roots[1:]:
            self.parents[other] = roots[0]

    def _use(self, nodes: Iterable[ast.AST], env: _Env) -> _Env:
        """Join the names that the nodes read with what may have bound them; a ``:=`` in them adds to that."""
        inner = [n for node in nodes for n in ast.walk(node)]
        for walrus in inner:
            if isinstance(walrus, ast.NamedExpr) and env is not None:
                env = {**env, walrus.target.id: env.get(walrus.target.id, frozenset()) | {walrus.target}}
        for name in inner:
            if isinstance(name, ast.Name) and not isinstance(name.ctx, ast.Store) and env is not None:
                self._join([name, *env.get(name.id, ())])
        return env

    def _bind(self, nodes: Iterable[ast.AST], env: _Env) -> _Env:
        """What the nodes bind; the names read in ``x[i] = ...`` are used."""
        for node in nodes:
            env = self._use([node], env)
            for inner in own_nodes(node):
                for text in bound_by(inner) if env is not None else ():
                    env = {**(env or {}), text: frozenset([inner])}
        return env

    # -- statements ---------------------------------------------------------------

    def _suite(self, statements: Sequence[ast.stmt], env: _Env) -> _Env:
        for statement in statements:
            env = self._statement(statement, env)
        return env

    def _statement(self, node: ast.stmt, env: _Env) -> _Env:
        if env is None:
            env = {}  # what can't be reached may be anything
        if isinstance(node, ast.If):
            env = self._use([node.test], env)
            return _either(self._suite(node.body, env), self._suite(node.orelse, env))
        if isinstance(node, (ast.For, ast.AsyncFor)):
            env = _with_all(self._use([node.iter], env), [*node.body, node.target])
            after = self._suite(node.body, self._bind([node.target], env))
            return _either(self._suite(node.orelse, env), env, after)
        if isinstance(node, ast.While):
            env = self._use([node.test], _with_all(env, node.body))
            return _either(self._suite(node.orelse, env), env, self._suite(node.body, env))
        if isinstance(node, (ast.With, ast.AsyncWith)):
            return self._with(node, env)
        if isinstance(node, ast.Match):
            return self._match(node, self._use([node.subject], env))
        if hasattr(node, "handlers"):
            assert isinstance(node, ast.Try)
            return self._try(node, env)
        return self._simple(node, env)

    def _simple(self, node: ast.stmt, env: _Env) -> _Env:
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            env = self._use([node.value], env)
            self._join([node.target, *(env or {}).get(node.target.id, ())])
            return env
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            if node.value is None:
                return env
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            return self._bind(targets, self._use([node.value], env))
        env = self._use([node], env)
        if isinstance(node, (*FUNCTION_NODES, ast.ClassDef, ast.Import, ast.ImportFrom)):
            return {**(env or {}), **{text: frozenset([node]) for text in bound_by(node)}}
        return None if isinstance(node, _LEAVING) else env

    def _with(self, node: ast.With | ast.AsyncWith, env: _Env) -> _Env:
        for item in node.items:
            env = self._use([item.context_expr], env)
            env = self._bind([item.optional_vars] if item.optional_vars else [], env)
        # An exception may end the block early, and be swallowed.
        return _either(self._suite(node.body, env), _with_all(env, node.body))

    def _match(self, node: ast.Match, env: _Env) -> _Env:
        ends = []
        for case in node.cases:
            bound = self._use([case.guard] if case.guard else [], self._bind([case.pattern], env))
            ends.append(self._suite(case.body, bound))
            env = _either(env, bound)  # a guard may turn down what is bound by then
        return _either(env, *ends)

    def _try(self, node: ast.Try, env: _Env) -> _Env:
        ends = [self._suite(node.orelse, self._suite(node.body, env))]
        failed = _with_all(env, node.body)
        for handler in node.handlers:
            caught = self._use([handler.type] if handler.type else [], failed)
            if handler.name and caught is not None:
                caught = {**caught, handler.name: frozenset([handler])}
            ends.append(self._suite(handler.body, caught))
        if not node.finalbody:
            return _either(*ends)
        self._suite(node.finalbody, _with_all(env, [*node.body, *node.orelse, *node.handlers]))
        return self._suite(node.finalbody, _either(*ends))


def _either(*envs: _Env) -> _Env:
    """What has come by one of several ways; None where none of them is open."""
    found: dict[str, frozenset[ast.AST]] = {}
    known = [env for env in envs if env is not None]
    for env in known:
        for text, bindings in env.items():
            found[text] = found.get(text, frozenset()) | bindings
    return found if known else None


def _with_all(env: _Env, nodes: Iterable[ast.AST]) -> _Env:
    """What may be bound once any part of the nodes has been run, any number of times."""
    found = dict(env or {})
    for node in nodes:
        for inner in own_nodes(node):
            for text in bound_by(inner):
                found[text] = found.get(text, frozenset()) | {inner}
    return found


def _declared(statements: Iterable[ast.stmt]) -> set[str]:
    return {
        text
        for statement in statements
        for node in ast.walk(statement)
        if isinstance(node, (ast.Global, ast.Nonlocal))
        for text in node.names
    }
