"""The aiohttp form of a request, and of what is done with its response."""

from __future__ import annotations

import libcst as cst

from rasa_asyncify.edits import InlineRequest
from rasa_asyncify.rewrite.forms.arguments import keyword_argument

# requests follows 30, and fails at the next; aiohttp fails at the last of as many as it is given.
_MAX_REDIRECTS = 31


def request_statement(
    edit: InlineRequest, line: cst.SimpleStatementLine, call: cst.Call, names: dict[str, str]
) -> cst.With:
    """``async with ClientSession(...) as session, session.get(...) as response: await response.read()``."""
    aiohttp = names["aiohttp"]
    # Cookies that a redirect sets are sent on by requests, whatever the host.
    jar = f", cookie_jar={aiohttp}.CookieJar(unsafe=True)" if edit.redirects else ""
    session = cst.parse_expression(f"{aiohttp}.ClientSession(trust_env=True{jar})")
    func = cst.Attribute(cst.Name(edit.session), cst.Name(edit.method))
    request = call.with_changes(func=func, args=_arguments(edit, call, aiohttp))
    items = [
        cst.WithItem(session, cst.AsName(cst.Name(edit.session))),
        cst.WithItem(request, cst.AsName(cst.Name(edit.response))),
    ]
    target = f"{edit.content} = " if edit.content else ""
    body = cst.parse_statement(f"{target}await {edit.response}.read()\n")
    block = cst.IndentedBlock([body], header=line.trailing_whitespace)
    return cst.With(items, block, asynchronous=cst.Asynchronous(), leading_lines=line.leading_lines)


def _arguments(edit: InlineRequest, call: cst.Call, aiohttp: str) -> list[cst.Arg]:
    args = [a for a in call.args[edit.skipped :] if a.keyword is None or a.keyword.value != "method"]
    found = []
    for arg in args:
        if arg.keyword is not None and arg.keyword.value == "timeout":
            assert edit.timeout is not None
            connect, read = edit.timeout
            value = f"{aiohttp}.ClientTimeout(total=None, sock_connect={connect}, sock_read={read})"
            arg = arg.with_changes(value=cst.parse_expression(value))
        found.append(arg)
    if edit.redirects:
        found.append(keyword_argument("max_redirects", str(_MAX_REDIRECTS)))
    return found


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
