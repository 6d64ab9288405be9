"""The aiohttp form of a request, and of what is done with its response."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from string import Template

import libcst as cst

from rasa_asyncify.edits import InlineRequest
from rasa_asyncify.rewrite.forms.async_client import in_block

_NAMED = re.compile(r"\$(?:\$|(\w+))")
_NAME = re.compile(r"(?<![\w.\"'])(aiohttp|query|without_none|basic_auth)\b(?=[.(])")


def request_items(edit: InlineRequest, call: cst.Call, names: Mapping[str, str]) -> list[cst.WithItem]:
    """``aiohttp.ClientSession(trust_env=True) as session, session.get(url) as response``."""
    response = cst.AsName(cst.Name(edit.response))
    args = _arguments(edit, call, names)
    if edit.shared:
        session: cst.BaseExpression = cst.Call(cst.Name(names["http_session"]))
        return [cst.WithItem(_request(session, edit, call, args), response)]
    request = _request(cst.Name(edit.session), edit, call, args)
    if not edit.makes_session:
        return [cst.WithItem(request, response)]
    made = client_session(names)
    return [cst.WithItem(made, cst.AsName(cst.Name(edit.session))), cst.WithItem(request, response)]


def client_session(names: Mapping[str, str], *, cookies: bool = False) -> cst.BaseExpression:
    """``aiohttp.ClientSession(trust_env=True)``; with ``cookies`` it keeps those of hosts without a name as well."""
    aiohttp = names["aiohttp"]
    jar = f", cookie_jar={aiohttp}.CookieJar(unsafe=True)" if cookies else ""
    return cst.parse_expression(f"{aiohttp}.ClientSession(trust_env=True{jar})")


def in_session(
    name: str, statements: Sequence[cst.BaseStatement], names: Mapping[str, str]
) -> list[cst.BaseStatement]:
    """The block in place of ``session = requests.Session()`` and around the other statements."""
    first = statements[0]
    assert isinstance(first, cst.SimpleStatementLine)
    item = cst.WithItem(client_session(names, cookies=True), cst.AsName(cst.Name(name)))
    body = cst.IndentedBlock(statements[1:], header=first.trailing_whitespace)
    leading = first.leading_lines
    return [cst.With([item], body, asynchronous=cst.Asynchronous(), leading_lines=leading)]


def _request(
    session: cst.BaseExpression, edit: InlineRequest, call: cst.Call, args: list[cst.Arg]
) -> cst.Call:
    return call.with_changes(func=cst.Attribute(session, cst.Name(edit.method)), args=args, lpar=[], rpar=[])


def request_block(
    edit: InlineRequest, items: Sequence[cst.WithItem], statement: cst.BaseStatement
) -> cst.BaseStatement:
    """The block in place of a statement, or around it."""
    if edit.standing != "assigned":
        return in_block(items, statement, [_reading(edit)] if edit.reads else [])
    assert isinstance(statement, cst.SimpleStatementLine)
    block = cst.IndentedBlock([_reading(edit)], header=statement.trailing_whitespace)
    return cst.With(items, block, asynchronous=cst.Asynchronous(), leading_lines=statement.leading_lines)


def reading_block(
    edit: InlineRequest, items: Sequence[cst.WithItem], leading: Sequence[cst.EmptyLine]
) -> cst.With:
    """The block that only reads the body."""
    block = cst.IndentedBlock([_reading(edit)])
    return cst.With(items, block, asynchronous=cst.Asynchronous(), leading_lines=leading)


def entered(edit: InlineRequest, items: Sequence[cst.WithItem], statement: cst.With) -> cst.With:
    """The block in place of ``with requests.get(...) as response:``."""
    body = statement.body
    if edit.reads and isinstance(body, cst.IndentedBlock):
        body = body.with_changes(body=[_reading(edit), *body.body])
    return statement.with_changes(items=items, body=body, asynchronous=cst.Asynchronous())


def _reading(edit: InlineRequest) -> cst.SimpleStatementLine:
    """``await response.read()``, into a variable where the bytes are looked at."""
    target = f"{edit.content} = " if edit.content else ""
    statement = cst.parse_statement(f"{target}await {edit.response}.read()\n")
    return cst.ensure_type(statement, cst.SimpleStatementLine)


def _arguments(edit: InlineRequest, call: cst.Call, names: Mapping[str, str]) -> list[cst.Arg]:
    """The new arguments, each with the comments and line breaks of the one that it stands for."""
    given = dict(zip(edit.given, call.args, strict=True))
    found = []
    for argument in edit.arguments:
        source = given.get(_first_name(argument.form))
        if source is not None and argument.form.startswith("$") and argument.form[1:].isidentifier():
            value = source.value
        else:
            value = cst.parse_expression(_filled(argument.form, given, names))
        found.append(_argument(argument.keyword, value, source))
    for index, arg in enumerate(found[:-1]):
        if not isinstance(arg.comma, cst.Comma):
            found[index] = arg.with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")))
    return found


def _first_name(form: str) -> str:
    """The first of the call's arguments that a template names."""
    return next((match[1] for match in _NAMED.finditer(form) if match[1]), "")


def _argument(keyword: str, value: cst.BaseExpression, source: cst.Arg | None) -> cst.Arg:
    """``keyword=value`` in place of ``source``, or a new one."""
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    arg = cst.Arg(value) if source is None else source.with_changes(value=value)
    if not keyword:
        return arg.with_changes(keyword=None, equal=cst.MaybeSentinel.DEFAULT)
    return arg.with_changes(keyword=cst.Name(keyword), equal=equal)


def _filled(form: str, given: Mapping[str, cst.Arg], names: Mapping[str, str]) -> str:
    form = _NAME.sub(lambda match: names.get(match[1], match[1]), form)
    code = cst.Module([]).code_for_node
    return Template(form).substitute({name: code(arg.value) for name, arg in given.items()})


def response_use(
    form: str, node: cst.BaseExpression, names: dict[str, str], *, single_quotes: bool
) -> cst.BaseExpression:
    """The new form of a use of the response, around the response as it stands there."""
    receiver = node.func if isinstance(node, cst.Call) else node
    assert isinstance(receiver, cst.Attribute)
    if "{}" not in form:  # a variable of its own
        return cst.Name(form, lpar=node.lpar, rpar=node.rpar)
    text = form.format(cst.Module([]).code_for_node(receiver.value))
    if single_quotes:
        text = text.replace('"', "'")
    if text.startswith("json.") and "json" in names:
        text = names["json"] + text[len("json") :]
    return cst.parse_expression(text).with_changes(lpar=node.lpar, rpar=node.rpar)
