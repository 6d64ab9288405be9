"""httpx's requests on an ``AsyncClient``: the calls, the clients, and the blocks around them."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from rasa_asyncify.edits import MakeAsyncClient, UseAsyncClient
from rasa_asyncify.rewrite.forms.arguments import keyword_argument


def request_on_client(edit: UseAsyncClient, call: cst.Call, tls: str) -> tuple[cst.Call, cst.WithItem] | None:
    """``client.get(url)`` for ``httpx.get(url)``, and ``httpx.AsyncClient() as client``; None for another call."""
    func = call.func
    if not isinstance(func, cst.Attribute):
        return None
    moved = [arg for arg in call.args if arg.keyword is not None and arg.keyword.value in edit.moved]
    stay = [arg for arg in call.args if arg not in moved]
    request = call.with_changes(
        func=cst.Attribute(cst.Name(edit.client), func.attr), args=_closed(stay, call.args)
    )
    made = cst.Call(
        cst.Attribute(func.value.deep_clone(), cst.Name("AsyncClient")),
        [*(_loose(arg) for arg in moved), *([_verify(tls)] if edit.tls else [])],
    )
    return request, cst.WithItem(made, cst.AsName(cst.Name(edit.client)))


def in_block(
    items: Sequence[cst.WithItem], statement: cst.BaseStatement, first: Sequence[cst.BaseStatement] = ()
) -> cst.With:
    """``async with`` around ``first`` and a statement, with the comments that stood above it above."""
    assert isinstance(statement, (cst.SimpleStatementLine, cst.With))
    body = cst.IndentedBlock([*first, statement.with_changes(leading_lines=[])])
    return cst.With(items, body, asynchronous=cst.Asynchronous(), leading_lines=statement.leading_lines)


def async_client(edit: MakeAsyncClient, call: cst.Call, tls: str) -> cst.Call | None:
    """``httpx.AsyncClient(...)`` for ``httpx.Client(...)``."""
    func = call.func
    if not isinstance(func, cst.Attribute):
        return None
    args = [*call.args, *([_verify(tls)] if edit.tls else [])]
    return call.with_changes(func=func.with_changes(attr=cst.Name("AsyncClient")), args=args)


def _verify(tls: str) -> cst.Arg:
    """``verify=tls_context()``"""
    return keyword_argument("verify", f"{tls}()")


def closing(call: cst.Call) -> cst.Call | None:
    """``client.aclose()`` for ``client.close()``."""
    func = call.func
    if not isinstance(func, cst.Attribute):
        return None
    return call.with_changes(func=func.with_changes(attr=cst.Name("aclose")))


def _closed(stay: Sequence[cst.Arg], before: Sequence[cst.Arg]) -> list[cst.Arg]:
    """The arguments that stay, the last one ending as the last one did before."""
    if not stay or stay[-1] is before[-1] or _has_comment(stay[-1]):
        return list(stay)
    last = before[-1]
    if _has_comment(last):  # which goes with it
        return [*stay[:-1], _loose(stay[-1])]
    end = stay[-1].with_changes(comma=last.comma, whitespace_after_arg=last.whitespace_after_arg)
    return [*stay[:-1], end]


def _loose(arg: cst.Arg) -> cst.Arg:
    """The argument without what separated it from the next one, unless that holds a comment."""
    if _has_comment(arg):
        return arg
    return arg.with_changes(comma=cst.MaybeSentinel.DEFAULT, whitespace_after_arg=cst.SimpleWhitespace(""))


def _has_comment(arg: cst.Arg) -> bool:
    after = arg.with_changes(keyword=None, equal=cst.MaybeSentinel.DEFAULT, value=cst.Name("x"), star="")
    return "#" in cst.Module([]).code_for_node(after)
