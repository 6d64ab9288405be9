"""Statements that become a function of their own, which is called in a thread where they stood."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from rasa_asyncify.edits import OffloadBlock

_BLANK = cst.EmptyLine(indent=False)


def offloaded(
    edit: OffloadBlock, statements: Sequence[cst.BaseStatement], thread: str, *, is_first: bool
) -> list[cst.BaseStatement]:
    """The function that holds the ``statements``, and the statement that has it called in a thread.

    ``is_first``: nothing stands before them in their suite.
    """
    first = statements[0]
    assert isinstance(first, (cst.SimpleStatementLine, cst.BaseCompoundStatement))
    leading = list(first.leading_lines)
    if not is_first and (not leading or leading[0].comment):
        leading.insert(0, _BLANK)
    body = [*_declarations(edit), first.with_changes(leading_lines=[]), *statements[1:]]
    if edit.results:
        body = _returning(edit.results, body)
    function = cst.FunctionDef(
        cst.Name(edit.name), cst.Parameters(), cst.IndentedBlock(body), leading_lines=leading
    )
    call = f"await {thread}({edit.name})"
    if edit.leaves:
        call = f"return {call}"
    elif edit.results:
        call = f"{', '.join(edit.results)} = {call}"
    statement = cst.ensure_type(cst.parse_statement(f"{call}\n"), cst.SimpleStatementLine)
    return [function, statement.with_changes(leading_lines=[_BLANK])]


def _declarations(edit: OffloadBlock) -> list[cst.BaseStatement]:
    found: list[cst.BaseStatement] = []
    for word, names in (("nonlocal", edit.outer), ("global", edit.outermost)):
        if names:
            found.append(cst.parse_statement(f"{word} {', '.join(names)}\n"))
    return found


def _returning(results: Sequence[str], body: Sequence[cst.BaseStatement]) -> list[cst.BaseStatement]:
    """The statements with a ``return`` of the results: in place of a last assignment, else behind them."""
    if len(results) == 1:
        changed = _return_last(results[0], body[-1])
        if changed is not None:
            return [*body[:-1], changed]
    return [*body, cst.parse_statement(f"return {', '.join(results)}\n")]


def _return_last(name: str, statement: cst.BaseStatement) -> cst.BaseStatement | None:
    """``return value`` for ``name = value``, also as the last statement of a ``with`` block."""
    if isinstance(statement, cst.With) and isinstance(statement.body, cst.IndentedBlock):
        inner = statement.body.body
        changed = _return_last(name, inner[-1])
        if changed is None:
            return None
        return statement.with_changes(body=statement.body.with_changes(body=[*inner[:-1], changed]))
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return None
    assign = statement.body[0]
    if not isinstance(assign, cst.Assign) or len(assign.targets) != 1:
        return None
    target = assign.targets[0].target
    if not isinstance(target, cst.Name) or target.value != name:
        return None
    return statement.with_changes(body=[cst.Return(assign.value)])
