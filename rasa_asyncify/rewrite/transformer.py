"""The LibCST transformer: finds the node of each edit by its place, and changes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import libcst as cst

from rasa_asyncify import edits
from rasa_asyncify.framework.sdk import CALL_EITHER
from rasa_asyncify.rewrite.forms.arguments import keyword_argument
from rasa_asyncify.rewrite.forms.async_client import async_client, closing, in_block, request_on_client
from rasa_asyncify.rewrite.forms.offloaded_block import offloaded
from rasa_asyncify.rewrite.forms.request_statement import (
    client_session,
    entered,
    in_session,
    reading_block,
    request_block,
    request_items,
    response_use,
)
from rasa_asyncify.rewrite.places import Places

_ON_BOTH = frozenset({"staticmethod", "classmethod"})
_ON_NEW = frozenset({"override", "final", "abstractmethod"})
_E = TypeVar("_E")


class Transformer(cst.CSTTransformer):
    """Applies the ``planned`` edits, to nodes as ``places`` tells. ``done`` holds the ids of those that found theirs.

    ``names`` are those that new code uses.
    """

    def __init__(self, planned: Sequence[edits.Edit], names: dict[str, str], places: Places) -> None:
        super().__init__()
        self.places = places
        self.names = names
        self.done: set[int] = set()
        self._stack: list[cst.CSTNode] = []
        self._expressions: dict[edits.Span, list[edits.Edit]] = defaultdict(list)
        self._starts: dict[tuple[int, int], list[edits.Edit]] = defaultdict(list)
        self._requests: dict[edits.Span, edits.InlineRequest] = {}
        self._blocks_at: dict[tuple[int, int], list[tuple[edits.InlineRequest, list[cst.WithItem]]]] = (
            defaultdict(list)
        )
        self._grouped: dict[tuple[int, int], edits.OffloadBlock | edits.EnterClientSession] = {}
        self._clients: dict[tuple[int, int], list[tuple[edits.UseAsyncClient, cst.WithItem]]] = defaultdict(
            list
        )
        self._blocks: set[edits.Span] = set()
        for edit in planned:
            if isinstance(edit, (edits.MakeAsync, edits.MoveBody, edits.MapHandler)):
                self._starts[edit.span.start].append(edit)
            elif isinstance(edit, edits.InlineRequest):
                self._requests[edit.call] = edit
            elif isinstance(edit, (edits.OffloadBlock, edits.EnterClientSession)):
                self._grouped[edit.span.start] = edit
            else:
                self._expressions[edit.span].append(edit)
                if isinstance(edit, edits.MakeClientSession) or (
                    isinstance(edit, edits.MakeAsyncClient) and edit.block
                ):
                    self._blocks.add(edit.span)

    # -- walking ---------------------------------------------------------------

    def on_visit(self, node: cst.CSTNode) -> bool:
        self._stack.append(node)
        return self.places.enter(node)

    def on_leave(self, original_node: cst.CSTNode, updated_node: Any) -> Any:
        self._stack.pop()
        self.places.leave(original_node)
        if isinstance(original_node, cst.BaseExpression):
            return self._expression(original_node, cast(cst.BaseExpression, updated_node))
        return super().on_leave(original_node, updated_node)

    # -- expressions ---------------------------------------------------------------

    def _expression(self, original: cst.BaseExpression, updated: cst.BaseExpression) -> cst.BaseExpression:
        if not self._expressions and not self._requests:
            return updated
        place = self.places.of(original)
        if place is None:
            return updated
        if isinstance(updated, cst.Call) and place in self._requests:
            return self._request(self._requests[place], updated)
        for edit in sorted(self._expressions.get(place, ()), key=_inner_first):
            handler = _EXPRESSIONS[type(edit)]
            changed = handler(self, edit, updated)
            if changed is not None:
                updated = changed
                self.done.add(id(edit))
        return updated

    def _request(self, edit: edits.InlineRequest, call: cst.Call) -> cst.BaseExpression:
        """Keep the request for the block that its statement gets; its response stands for the call."""
        self._blocks_at[edit.span.start].append((edit, request_items(edit, call, self.names)))
        self.done.add(id(edit))
        return cst.Name(edit.response)

    def _await(self, node: cst.BaseExpression) -> cst.BaseExpression:
        """``await node``, in parentheses where the place needs them."""
        lpar, rpar = list(node.lpar), list(node.rpar)
        if not lpar and self._binds_tighter():
            lpar, rpar = [cst.LeftParen()], [cst.RightParen()]
        return cst.Await(expression=node.with_changes(lpar=[], rpar=[]), lpar=lpar, rpar=rpar)

    def _binds_tighter(self) -> bool:
        parent = self._stack[-1]
        if isinstance(parent, (cst.Attribute, cst.Subscript, cst.Await)):
            return True
        # Inside a call's arguments the parent is an Arg; directly below a Call it is the called thing.
        return isinstance(parent, cst.Call) or (
            isinstance(parent, cst.BinaryOperation) and isinstance(parent.operator, cst.Power)
        )

    def _await_call(self, edit: edits.AwaitCall, node: cst.BaseExpression) -> cst.BaseExpression | None:
        if not isinstance(node, cst.Call):
            return None
        if not edit.either:
            return self._await(node)
        inner = node.with_changes(lpar=[], rpar=[])
        called = cst.Call(cst.Name(self.names[CALL_EITHER]), [cst.Arg(inner)], lpar=node.lpar, rpar=node.rpar)
        return self._await(called)

    def _run_call(self, edit: edits.RunCall, node: cst.BaseExpression) -> cst.BaseExpression | None:
        if not isinstance(node, cst.Call):
            return None
        func = cst.Attribute(cst.Name(self.names["asyncio"]), cst.Name("run"))
        inner = node.with_changes(lpar=[], rpar=[])
        return cst.Call(func, [cst.Arg(inner)], lpar=node.lpar, rpar=node.rpar)

    def _sleep(self, edit: edits.Sleep, node: cst.BaseExpression) -> cst.BaseExpression | None:
        if not isinstance(node, cst.Call):
            return None
        func = cst.Attribute(cst.Name(self.names["asyncio"]), cst.Name("sleep"))
        return self._await(node.with_changes(func=func))

    def _offload_call(self, edit: edits.OffloadCall, node: cst.BaseExpression) -> cst.BaseExpression | None:
        if not isinstance(node, cst.Call):
            return None
        return self._handed_to(self._thread(edit.alone), node)

    def _handed_to(self, name: str, node: cst.Call) -> cst.BaseExpression:
        """``await name(f, x)`` for ``f(x)``."""
        args = [_parenthesized(arg) for arg in node.args]
        # In a call over several lines the new argument gets one of its own, as the first one has.
        own_line = isinstance(node.whitespace_before_args, cst.ParenthesizedWhitespace)
        after = node.whitespace_before_args if own_line else cst.SimpleWhitespace(" ")
        comma = cst.Comma(whitespace_after=after) if args else cst.MaybeSentinel.DEFAULT
        first = cst.Arg(node.func, comma=comma)
        return self._await(node.with_changes(func=cst.Name(name), args=[first, *args]))

    def _native_call(self, edit: edits.NativeCall, node: cst.BaseExpression) -> cst.BaseExpression | None:
        if not isinstance(node, cst.Call):
            return None
        if "." in edit.name:
            return self._await(node.with_changes(func=cst.Name(self.names[edit.name])))
        if not isinstance(node.func, cst.Attribute):
            return None
        return self._await(node.with_changes(func=node.func.with_changes(attr=cst.Name(edit.name))))

    def _use_async_client(
        self, edit: edits.UseAsyncClient, node: cst.BaseExpression
    ) -> cst.BaseExpression | None:
        if not isinstance(node, cst.Call) or edit.statement is None:
            return self._await(node) if isinstance(node, cst.Call) else None
        made = request_on_client(edit, node, self.names.get("tls_context", ""))
        if made is None:
            return None
        self._clients[edit.statement.start].append((edit, made[1]))
        return self._await(made[0])

    def _make_async_client(
        self, edit: edits.MakeAsyncClient, node: cst.BaseExpression
    ) -> cst.BaseExpression | None:
        return (
            async_client(edit, node, self.names.get("tls_context", ""))
            if isinstance(node, cst.Call)
            else None
        )

    def _close_async_client(
        self, edit: edits.CloseAsyncClient, node: cst.BaseExpression
    ) -> cst.BaseExpression | None:
        closed = closing(node) if isinstance(node, cst.Call) else None
        return self._await(closed) if closed is not None else None

    def _offload_expression(
        self, edit: edits.OffloadExpression, node: cst.BaseExpression
    ) -> cst.BaseExpression | None:
        body = node if _spans_lines(node) else node.with_changes(lpar=[], rpar=[])
        call = cst.Call(
            cst.Name(self._thread(edit.alone)),
            [cst.Arg(cst.Lambda(params=cst.Parameters(), body=body))],
        )
        lpar = [] if body is node else list(node.lpar)
        rpar = [] if body is node else list(node.rpar)
        return self._await(call.with_changes(lpar=lpar, rpar=rpar))

    def _thread(self, alone: bool) -> str:
        return self.names["in_one_thread" if alone else "in_thread"]

    def _use_response(self, edit: edits.UseResponse, node: cst.BaseExpression) -> cst.BaseExpression | None:
        quote = next((n.start for n in reversed(self._stack) if isinstance(n, cst.FormattedString)), "")
        changed = response_use(edit.form, node, self.names, single_quotes='"' in quote)
        return (
            self._await(changed.expression.with_changes(lpar=changed.lpar, rpar=changed.rpar))
            if isinstance(changed, cst.Await)
            else changed
        )

    def _make_client_session(
        self, edit: edits.MakeClientSession, node: cst.BaseExpression
    ) -> cst.BaseExpression:
        return client_session(self.names, cookies=True)

    def _replace(self, edit: edits.ReplaceExpression, node: cst.BaseExpression) -> cst.BaseExpression:
        return cst.parse_expression(edit.text).with_changes(lpar=node.lpar, rpar=node.rpar)

    def _add_keyword(self, edit: edits.AddKeyword, node: cst.BaseExpression) -> cst.BaseExpression | None:
        if not isinstance(node, cst.Call):
            return None
        added = keyword_argument(edit.keyword, edit.value)
        args = list(node.args)
        if args and not isinstance(args[-1].comma, cst.Comma):
            args[-1] = args[-1].with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")))
        return node.with_changes(args=[*args, added])

    # -- statements ---------------------------------------------------------------

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.BaseStatement:
        if not self._blocks_at and not self._clients:
            return updated_node
        place = self.places.of(original_node.body[0])
        assert place is not None
        start = place.start
        statement: cst.BaseStatement = updated_node
        blocks = self._blocks_at.get(start, [])
        if all(edit.standing != "before" for edit, _ in blocks):  # those are put above it, in its suite
            for edit, items in self._blocks_at.pop(start, []):
                statement = request_block(edit, items, statement)
        clients = sorted(self._clients.pop(start, ()), key=lambda client: client[0].span)
        return in_block([item for _, item in clients], statement) if clients else statement

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        if not (self._grouped or self._blocks_at) or len(original_node.body) != len(updated_node.body):
            return updated_node
        body: list[cst.BaseStatement] = []
        block: list[cst.BaseStatement] = []
        edit: edits.OffloadBlock | edits.EnterClientSession | None = None
        for original, updated in zip(original_node.body, updated_node.body, strict=True):
            first, last = self.places.of(_first_of(original)), self.places.of(_last_of(original))
            assert first is not None
            assert last is not None
            edit = edit or self._grouped.get(first.start)
            if edit is None:
                body += self._with_requests(first.start, updated)
                continue
            block += self._with_requests(first.start, updated)
            if last.end_line >= edit.span.end_line:
                if isinstance(edit, edits.OffloadBlock):
                    body += offloaded(edit, block, self._thread(edit.alone), is_first=not body)
                else:
                    body += in_session(edit.name, block, self.names)
                self.done.add(id(edit))
                edit, block = None, []
        return updated_node.with_changes(body=[*body, *block])

    def _with_requests(self, start: tuple[int, int], statement: cst.BaseStatement) -> list[cst.BaseStatement]:
        """A statement with suites, below the blocks of the requests in its head."""
        body: list[cst.BaseStatement] = []
        for edit, items in self._blocks_at.pop(start, []):
            assert isinstance(statement, (cst.SimpleStatementLine, cst.With, cst.If, cst.For))
            if edit.standing == "entered":
                assert isinstance(statement, cst.With)
                return [entered(edit, items, statement)]
            body.append(reading_block(edit, items, statement.leading_lines))
            statement = statement.with_changes(leading_lines=[])
        return [*body, statement]

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        self.done -= {id(edit) for clients in self._clients.values() for edit, _ in clients}
        self.done -= {id(edit) for blocks in self._blocks_at.values() for edit, _ in blocks}
        return updated_node

    def leave_With(self, original_node: cst.With, updated_node: cst.With) -> cst.With:
        if self._blocks and any(self.places.of(i.item) in self._blocks for i in original_node.items):
            return updated_node.with_changes(asynchronous=cst.Asynchronous())
        return updated_node

    def leave_ExceptHandler(
        self, original_node: cst.ExceptHandler, updated_node: cst.ExceptHandler
    ) -> cst.ExceptHandler:
        for edit in self._at(original_node, edits.MapHandler):
            types = [_renamed(name, self.names) for name in edit.types]
            text = types[0] if len(types) == 1 else f"({', '.join(types)})"
            updated_node = updated_node.with_changes(
                type=cst.parse_expression(text), whitespace_after_except=cst.SimpleWhitespace(" ")
            )
        return updated_node

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef | cst.FlattenSentinel[cst.BaseStatement]:
        for _ in self._at(original_node, edits.MakeAsync):
            updated_node = updated_node.with_changes(asynchronous=cst.Asynchronous())
        for edit in self._at(original_node, edits.MoveBody):
            return self._move(edit, updated_node)
        return updated_node

    def _at(self, node: cst.CSTNode, kind: type[_E]) -> list[_E]:
        if not self._starts:
            return []
        place = self.places.of(node)
        found = [e for e in self._starts.get(place.start, ()) if isinstance(e, kind)] if place else []
        self.done.update(id(e) for e in found)
        return cast("list[_E]", found)

    def _move(self, edit: edits.MoveBody, node: cst.FunctionDef) -> cst.FlattenSentinel[cst.BaseStatement]:
        target = f"{edit.through}.{edit.name}" if edit.through else edit.name
        skip = 1 if edit.through and not _is_static(node) else 0
        arguments = ", ".join([target, *_forwarded(node.params, skip)])
        thread = self._thread(edit.alone)
        statement = cst.parse_statement(f"return await {thread}({arguments})\n")
        new = node.with_changes(
            asynchronous=cst.Asynchronous(),
            decorators=[
                d for d in node.decorators if not edit.decorated or _decorator_name(d) in _ON_BOTH | _ON_NEW
            ],
            body=cst.IndentedBlock([statement]),
        )
        moved = node.with_changes(
            asynchronous=None,
            name=cst.Name(edit.name),
            decorators=[
                d
                for d in node.decorators
                if _decorator_name(d) in _ON_BOTH or (edit.decorated and _decorator_name(d) not in _ON_NEW)
            ],
            leading_lines=[cst.EmptyLine(indent=False)],
            lines_after_decorators=[],
        )
        if edit.through:
            return cst.FlattenSentinel([new, moved])
        return cst.FlattenSentinel([moved, new])


def _first_of(statement: cst.BaseStatement) -> cst.CSTNode:
    return statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else statement


def _last_of(statement: cst.BaseStatement) -> cst.CSTNode:
    return statement.body[-1] if isinstance(statement, cst.SimpleStatementLine) else statement


def _inner_first(edit: edits.Edit) -> int:
    return list(_EXPRESSIONS).index(type(edit))


def _parenthesized(arg: cst.Arg) -> cst.Arg:
    """A generator expression that was a call's only argument needs parentheses beside another."""
    if isinstance(arg.value, cst.GeneratorExp) and not arg.value.lpar:
        return arg.with_changes(value=arg.value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()]))
    return arg


def _spans_lines(node: cst.BaseExpression) -> bool:
    return bool(node.lpar) and "\n" in cst.Module([]).code_for_node(node)


def _renamed(dotted: str, names: dict[str, str]) -> str:
    head, dot, rest = dotted.partition(".")
    return f"{names.get(head, head)}{dot}{rest}"


def _decorator_name(decorator: cst.Decorator) -> str:
    node = decorator.decorator
    while isinstance(node, cst.Call):
        node = node.func
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def _is_static(node: cst.FunctionDef) -> bool:
    return any(_decorator_name(d) == "staticmethod" for d in node.decorators)


def _forwarded(parameters: cst.Parameters, skip: int) -> list[str]:
    """The arguments that hand every parameter on."""
    positional = [*parameters.posonly_params, *parameters.params][skip:]
    found = [p.name.value for p in positional]
    star: Any = parameters.star_arg
    if isinstance(star, cst.Param):
        found.append(f"*{star.name.value}")
    found += [f"{p.name.value}={p.name.value}" for p in parameters.kwonly_params]
    if parameters.star_kwarg is not None:
        found.append(f"**{parameters.star_kwarg.name.value}")
    return found


_Handler = Callable[[Transformer, Any, cst.BaseExpression], "cst.BaseExpression | None"]
_EXPRESSIONS: dict[type, _Handler] = {  # in the order in which they go around one expression
    edits.AddKeyword: Transformer._add_keyword,
    edits.UseResponse: Transformer._use_response,
    edits.Sleep: Transformer._sleep,
    edits.ReplaceExpression: Transformer._replace,
    edits.MakeClientSession: Transformer._make_client_session,
    edits.NativeCall: Transformer._native_call,
    edits.MakeAsyncClient: Transformer._make_async_client,
    edits.UseAsyncClient: Transformer._use_async_client,
    edits.CloseAsyncClient: Transformer._close_async_client,
    edits.OffloadCall: Transformer._offload_call,
    edits.OffloadExpression: Transformer._offload_expression,
    edits.AwaitCall: Transformer._await_call,
    edits.RunCall: Transformer._run_call,
}
__all__: Sequence[str] = ("Transformer",)
