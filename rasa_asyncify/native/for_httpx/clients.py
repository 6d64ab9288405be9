"""Which ``httpx`` calls are made on an ``AsyncClient``: one of their own, or the one that a local client becomes.

Requests, responses and exceptions are of the same classes there, so what is refused is what an ``AsyncClient`` doesn't
take (bodies to iterate over, custom transports and authentication), and clients that aren't made and used in one place.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.call_graph.test_doubles import Patches
from rasa_asyncify.calls.definite import is_function
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.edits import CloseAsyncClient, Edit, MakeAsyncClient, UseAsyncClient
from rasa_asyncify.flow.positions import can_await_at, enclosing, statement_of
from rasa_asyncify.native.for_httpx.arguments import ArgumentChecker
from rasa_asyncify.native.statements import check_alone, fresh_name
from rasa_asyncify.native.strategy import Held, Plans, Refused, Strategy, check_answers
from rasa_asyncify.project.bindings import Assigned, Entered, last_name
from rasa_asyncify.project.model import COMPREHENSIONS, Binding, Parameter, Scope
from rasa_asyncify.project.spans import span
from rasa_asyncify.project.values import External, ExternalInstance, ExternalMethod

HTTPX = "httpx"
_CLIENT = "httpx.Client"
_REQUESTS = frozenset({"delete", "get", "head", "options", "patch", "post", "put", "request", "send"})
_SAME = frozenset({"auth", "base_url", "cookies", "headers", "is_closed", "params", "timeout", "trust_env"})
# What `httpx.get` and the like hand to their client; the rest goes with the request.
_OF_THE_CLIENT = frozenset({"cert", "cookies", "proxies", "proxy", "timeout", "trust_env", "verify"})
_SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Expr)
_KEPT = "its client is kept, and an AsyncClient belongs to one event loop"


@dataclass(frozen=True)
class OwnClient:
    """``httpx.get(...)``: the ``statement`` goes into a block with a client by the name of ``client``.

    ``moved`` are the keyword arguments that go to the client.
    """

    statement: ast.stmt
    client: str
    moved: tuple[str, ...]


@dataclass(frozen=True)
class LocalClient:
    """A client of the function: ``made`` by these calls, each with its block if it has one; ``closed`` by those."""

    made: tuple[tuple[ast.Call, ast.With | None], ...]
    closed: tuple[ast.Call, ...]


HttpxPlan: TypeAlias = OwnClient | LocalClient


class AsyncHttpx(Strategy):
    """``await client.get(...)`` on an ``AsyncClient``. The calls on one local client are taken all or none."""

    native = HTTPX

    def __init__(self, graph: Graph, patches: Patches) -> None:
        self.graph = graph
        self.patches = patches
        self.arguments = ArgumentChecker(graph.inference)
        self._plans = Plans(self._plan)
        self._clients = Plans(self._read_client)
        self._closes: bool | None = None

    def offer(self, site: Site, held: Held) -> None:
        module = site.scope.module
        check_answers(self.patches.answering_httpx(module))
        if any(name.partition(".")[0] == "httpx" for name in self.patches.replaced_in(module)):
            raise Refused("a test replaces parts of httpx")
        if any(s.native == HTTPX and held(s) for s in self.graph.active_sites(site.scope)):
            raise Refused("a thread may use its client as well")
        self.plan(site)

    def edits(self, site: Site) -> Iterator[Edit]:
        module, plan = site.scope.module, self.plan(site)
        assert isinstance(site.node, ast.Call)
        at, reason = span(site.node, module), f"{site.blockers[0]}() holds the event loop"
        if isinstance(plan, OwnClient):
            block, tls = span(plan.statement, module), _loads_tls(plan.moved)
            yield UseAsyncClient(at, "RA022", reason, plan.client, block, plan.moved, tls)
            return
        if all(site.node is not call for call, _ in plan.made):
            yield UseAsyncClient(at, "RA022", reason)
        reason = "the client's requests are awaited"
        for call, with_block in plan.made:
            tls = _loads_tls(k.arg for k in call.keywords)
            yield MakeAsyncClient(span(call, module), "RA022", reason, with_block is not None, tls)
        for call in plan.closed:
            yield CloseAsyncClient(span(call, module), "RA022", reason)

    def plan(self, site: Site) -> HttpxPlan:
        """The plan for a site whose native replacement is httpx's own client.

        Raises:
            Refused: where an ``AsyncClient`` might do something else.
        """
        return self._plans.of(site)

    def _plan(self, site: Site) -> HttpxPlan:
        call, scope = site.node, site.scope
        assert isinstance(call, ast.Call)
        if scope.function is None or scope.function.is_generator:
            raise Refused("it stands outside of a function, or in a generator")
        if len(site.blockers) > 1 or not isinstance(call.func, ast.Attribute):
            raise Refused("it isn't called by way of `httpx` or a client")
        if self._closes_responses():
            raise Refused("a response of httpx is closed by hand, which one of an AsyncClient can't be")
        if site.blockers[0] == _CLIENT:
            return self._local_client(_bound_to(call, scope), scope)
        if site.blockers[0].startswith(f"{_CLIENT}."):
            return self._local_client(call.func.value, scope)
        if not is_function(call.func, site.blockers[0], scope, self.graph.inference):
            raise Refused("it's called through a variable")
        return self._own_client(call, scope)

    def _closes_responses(self) -> bool:
        """Whether something within reach calls ``response.close()``."""
        if self._closes is None:
            found = {ExternalMethod("httpx.Response", "close"), ExternalInstance("httpx.Response")}
            infer = self.graph.inference.infer
            self._closes = any(
                last_name(call.func) in ("close", "closing")
                and any(found & set(infer(node, f.scope)) for node in (call.func, *call.args))
                for f in self.graph.reached
                for call in f.facts.calls
            )
        return self._closes

    # -- a client of its own ---------------------------------------------------------------

    def _own_client(self, call: ast.Call, scope: Scope) -> OwnClient:
        moved = [k for k in call.keywords if k.arg in _OF_THE_CLIENT]
        self.arguments.check_request(call, scope, more=_OF_THE_CLIENT)
        for keyword in moved:
            if not self.arguments.is_still(keyword.value, scope):
                raise Refused(f"`{keyword.arg}=` would be evaluated before the other arguments")
        statement = statement_of(call, scope)
        if not isinstance(statement, _SIMPLE):
            raise Refused("it stands in the head of a block, or a statement of another kind")
        inside = list(ast.walk(statement))
        if any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in inside):
            raise Refused("its statement yields")
        if moved and any(isinstance(n, ast.NamedExpr) for n in inside):
            raise Refused("its statement binds names on its way")
        _check_once(call, scope)
        check_alone(statement, scope)
        self._check_neighbours(call, scope)
        before = sum(
            isinstance(n, ast.Call) and _start(n) < _start(call) and self._is_request(n, scope)
            for n in inside
        )
        name = fresh_name(f"client_{before + 1}" if before else "client", scope)
        return OwnClient(statement, name, tuple(k.arg or "" for k in moved))

    def _is_request(self, call: ast.Call, scope: Scope) -> bool:
        inference = self.graph.inference
        values = inference.infer(call.func, scope)
        return any(isinstance(v, External) and inference.catalogue.native(v.name) == HTTPX for v in values)

    # -- a client of the function ---------------------------------------------------------------

    def _local_client(self, receiver: ast.AST | None, scope: Scope) -> LocalClient:
        if isinstance(receiver, ast.Attribute):
            raise Refused(_KEPT)
        if not isinstance(receiver, ast.Name):
            raise Refused("its client has no name")
        return self._clients.of((receiver.id, scope))

    def _read_client(self, key: tuple[str, Scope]) -> LocalClient:
        name, scope = key
        found = scope.lookup(name)
        if found is None or found[1] is not scope or name in scope.facts.outer:
            raise Refused(_KEPT)
        made = tuple(self._made(binding, scope) for binding in found[0])
        blocks = [block for _, block in made if block is not None]
        if blocks and len(blocks) < len(made):
            raise Refused(f"`{name}` is made in two ways")
        if any(n.id == name for f in scope.functions() for n in f.facts.names):
            raise Refused(f"`{name}` is used in a nested function")
        closed: list[ast.Call] = []
        for node in scope.facts.names:
            if node.id != name or isinstance(node.ctx, ast.Store):
                continue
            if blocks and not any(b in enclosing(node, scope) for b in blocks):
                raise Refused(f"`{name}` is used outside of its block")
            closed += self._check_use(node, scope)
        if not blocks and not closed:
            raise Refused(f"`{name}` is never closed")
        return LocalClient(made, tuple(closed))

    def _made(self, binding: Binding, scope: Scope) -> tuple[ast.Call, ast.With | None]:
        """The call of ``httpx.Client`` behind a binding, and its block."""
        if isinstance(binding, Parameter):
            raise Refused("its client is handed in")
        value = binding.value if isinstance(binding, (Assigned, Entered)) else None
        if not isinstance(value, ast.Call) or not is_function(
            value.func, _CLIENT, scope, self.graph.inference
        ):
            raise Refused("its client may be another one")
        if not isinstance(value.func, ast.Attribute):
            raise Refused("`Client` isn't reached through `httpx`")
        self.arguments.check_client(value, scope)
        parent = scope.facts.parents.get(value)
        block = scope.facts.parents.get(parent) if isinstance(parent, ast.withitem) else None
        if isinstance(block, ast.With) and len(block.items) == 1:
            return value, block
        if (
            isinstance(parent, ast.Assign)
            and isinstance(parent.targets[0], ast.Name)
            and len(parent.targets) == 1
        ):
            return value, None
        raise Refused("its client is made beside something else")

    def _check_use(self, node: ast.Name, scope: Scope) -> list[ast.Call]:
        """Refuse a use that has no equal; gives the call that closes the client, if it is one."""
        parents = scope.facts.parents
        attribute = parents.get(node)
        if any(isinstance(p, ast.Lambda) for p in enclosing(node, scope)):
            raise Refused(f"`{node.id}` is used in a lambda")
        if not isinstance(attribute, ast.Attribute):
            raise Refused(f"`{node.id}` itself is passed on")
        call = parents.get(attribute)
        if isinstance(call, ast.Call) and call.func is attribute:
            return self._check_call(node.id, attribute.attr, call, scope)
        if attribute.attr not in _SAME or isinstance(attribute.ctx, ast.Del):
            raise Refused(f"`{node.id}.{attribute.attr}` may be another on an AsyncClient")
        if attribute.attr == "auth" and isinstance(attribute.ctx, ast.Store):
            value = call.value if isinstance(call, ast.Assign) else attribute
            self.arguments.check_auth(value, scope)
        return []

    def _check_call(self, name: str, method: str, call: ast.Call, scope: Scope) -> list[ast.Call]:
        if method == "build_request":
            self.arguments.check_request(call, scope)
            return []
        if method not in _REQUESTS and method != "close":
            raise Refused(f"`{name}.{method}()` has no plain equivalent")
        if not can_await_at(call, scope):
            raise Refused(f"`{name}.{method}()` stands where nothing can be awaited")
        self._check_neighbours(call, scope, name)
        if method == "close":
            return [call]
        site = next((s for s in self.graph.active_sites(scope) if s.node is call), None)
        if site is None or site.native != HTTPX or len(site.blockers) != 1:
            raise Refused(f"`{name}.{method}()` may call something else")
        if method == "send":
            self.arguments.check_send(call, name, scope)
        else:
            self.arguments.check_request(call, scope)
        return []

    # -- what stands around ---------------------------------------------------------------

    def _check_neighbours(self, call: ast.Call, scope: Scope, client: str = "") -> None:
        """Refuse where something else of the statement may take the call along to a thread.

        What encloses it may do so where the call has a client of its own, which goes along; not if it's on a
        ``client`` that stays.
        """
        statement = statement_of(call, scope)
        for site in self.graph.active_sites(scope):
            if site.node is call or isinstance(site.node, ast.stmt) or not self.graph.site_blocks(site):
                continue
            if statement_of(site.node, scope) is not statement or _is_on(client, site.node):
                continue
            lazy = site.callbacks or any(t.is_generator for t in site.targets)
            encloses = client and site.node in enclosing(call, scope)
            if encloses or lazy or not can_await_at(site.node, scope):
                raise Refused("another blocking call of its statement may go to a thread with it")


def _bound_to(call: ast.Call, scope: Scope) -> ast.AST | None:
    """What the value of a call is bound to by its ``with`` or its assignment."""
    parent = scope.facts.parents.get(call)
    if isinstance(parent, ast.withitem):
        return parent.optional_vars
    return parent.targets[0] if isinstance(parent, ast.Assign) else None


def _is_on(client: str, node: ast.AST) -> bool:
    """Whether ``node`` calls a method of the local ``client``."""
    func = node.func if isinstance(node, ast.Call) else None
    receiver = func.value if isinstance(func, ast.Attribute) else None
    return isinstance(receiver, ast.Name) and receiver.id == client


def _start(node: ast.expr) -> tuple[int, int, int, int]:
    """For the order of calls: by their starts, the outer of two before the inner."""
    return (node.lineno, node.col_offset, -(node.end_lineno or 0), -(node.end_col_offset or 0))


def _check_once(call: ast.Call, scope: Scope) -> None:
    """Refuse where the statement may evaluate the call never, or more than once."""
    child: ast.AST = call
    for parent in enclosing(call, scope):
        conditional = (
            (isinstance(parent, ast.BoolOp) and child is not parent.values[0])
            or (isinstance(parent, ast.IfExp) and child is not parent.test)
            or (isinstance(parent, ast.Compare) and child in parent.comparators[1:])
        )
        repeated = (isinstance(parent, ast.comprehension) and child is not parent.iter) or (
            isinstance(parent, COMPREHENSIONS) and child is not parent.generators[0]
        )
        if conditional or repeated:
            raise Refused("it isn't made exactly once")
        child = parent


def _loads_tls(keywords: Iterable[str | None]) -> bool:
    """Whether a client with such keywords would load the default TLS settings."""
    return not {"cert", "http2", "transport", "trust_env", "verify", None} & set(keywords)
