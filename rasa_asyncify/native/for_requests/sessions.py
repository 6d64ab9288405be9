"""A ``requests.Session`` that lives in one function, which becomes a client session around its requests."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from rasa_asyncify.calls.definite import is_function
from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.native.statements import check_alone
from rasa_asyncify.native.strategy import Plans, Refused
from rasa_asyncify.project.bindings import Assigned, Entered
from rasa_asyncify.project.model import Scope
from rasa_asyncify.project.walking import suites

_MAKERS = ("requests.Session", "requests.session", "requests.sessions.Session", "requests.sessions.session")


@dataclass(frozen=True, eq=False)
class LocalSession:
    """A session ``name``, made by the call ``made``, and its requests.

    ``statement`` is the ``with`` statement that enters it, or the assignment; then ``last`` is the last of the
    statements beside it that use the session.
    """

    name: str
    made: ast.Call
    statement: ast.stmt
    last: ast.stmt | None
    requests: tuple[ast.Call, ...]


class LocalSessions:
    """Finds the session that a request is made on."""

    def __init__(self, inference: Inference, is_request: Callable[[ast.Call, Scope], bool]) -> None:
        self.inference = inference
        self.is_request = is_request
        self._plans = Plans(self._read)

    def of(self, call: ast.Call, scope: Scope) -> LocalSession:
        """The session of ``session.get(...)``.

        Raises:
            Refused: where it may be used in a way that a client session has no equal for, or outlives the function.
        """
        receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
        if not isinstance(receiver, ast.Name) or scope.function is None or scope.function.is_generator:
            raise Refused("its session outlives the function")
        return self._plans.of((receiver.id, scope))

    def _read(self, key: tuple[str, Scope]) -> LocalSession:
        name, scope = key
        bindings = scope.bindings.get(name, [])
        binding = bindings[0] if len(bindings) == 1 else None
        if not isinstance(binding, (Assigned, Entered)) or not self._makes_session(binding.value, scope):
            raise Refused("its session outlives the function, or is one of several")
        if any(n.id == name for nested in scope.functions() for n in nested.facts.names):
            raise Refused("its session is used in a nested function")
        made = binding.value
        assert isinstance(made, ast.Call)
        parents = scope.facts.parents
        uses = [n for n in scope.facts.names if n.id == name and not isinstance(n.ctx, ast.Store)]
        requests = tuple(r for use in uses if (r := self._request(use, scope)) is not None)
        parent = parents[made]
        if isinstance(parent, ast.withitem):
            return self._entered(name, made, parents[parent], uses, requests)
        return self._assigned(name, made, parent, uses, requests, scope)

    def _makes_session(self, node: ast.expr, scope: Scope) -> bool:
        return (
            isinstance(node, ast.Call)
            and not node.args
            and not node.keywords
            and any(is_function(node.func, name, scope, self.inference) for name in _MAKERS)
        )

    def _request(self, use: ast.Name, scope: Scope) -> ast.Call | None:
        """The request that a use of the session is; None where it sets headers."""
        parents = scope.facts.parents
        attribute = parents.get(use)
        outer = parents.get(attribute) if attribute is not None else None
        if isinstance(attribute, ast.Attribute) and isinstance(outer, ast.Call) and outer.func is attribute:
            if self.is_request(outer, scope):
                return outer
        if isinstance(attribute, ast.Attribute) and attribute.attr == "headers":
            if isinstance(outer, ast.Subscript) or (
                isinstance(outer, ast.Attribute) and outer.attr == "update"
            ):
                return None
        raise Refused("its session is used in a way that a client session has no equal for")

    @staticmethod
    def _entered(
        name: str, made: ast.Call, block: ast.AST, uses: list[ast.Name], requests: tuple[ast.Call, ...]
    ) -> LocalSession:
        assert isinstance(block, ast.With)
        inside = {node for statement in block.body for node in ast.walk(statement)}
        if len(block.items) != 1 or not inside.issuperset(uses):
            raise Refused("its session is used below its `with` block")
        return LocalSession(name, made, block, None, requests)

    def _assigned(
        self,
        name: str,
        made: ast.Call,
        statement: ast.AST,
        uses: list[ast.Name],
        requests: tuple[ast.Call, ...],
        scope: Scope,
    ) -> LocalSession:
        if not isinstance(statement, ast.Assign) or len(statement.targets) != 1 or not uses:
            raise Refused("its session is made in an expression")
        check_alone(statement, scope)
        others = [n for n in ast.walk(scope.node) if isinstance(n, ast.Assign) and n is not statement]
        if any(self._makes_session(n.value, scope) for n in others):
            raise Refused("another session is made beside its own")
        parent = scope.facts.parents.get(statement, scope.node)
        suite = next(body for body in suites(parent) if statement in body)
        after = suite[suite.index(statement) + 1 :]
        inside = {node: s for s in after for node in ast.walk(s)}
        if not all(use in inside for use in uses):
            raise Refused("its session is used in other branches")
        last = max((inside[use] for use in uses), key=suite.index)
        return LocalSession(name, made, statement, last, requests)
