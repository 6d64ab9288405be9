"""Drop the imports that nothing uses any more."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import libcst as cst

from rasa_asyncify.project.walking import suites, walk
from rasa_asyncify.rewrite.imports import dotted_text, is_import

_Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
_NAME = re.compile(r"(?<![\w.])[^\W\d]\w*")  # no attribute
_WORD = re.compile(r"[^\W\d]\w*")


def no_longer_used(before: str, after: str, aside: Iterable[str], kept: frozenset[str]) -> frozenset[str]:
    """The imported names that code mentions ``before`` and not ``after``, nor in the parts set ``aside``.

    All are texts of Python; those ``kept`` are never among them.
    """
    tree = ast.parse(before)
    imported = {name for node in _statements(tree.body) for name in _bound(node)} - kept
    counts = [Counter(_NAME.findall(text)) for text in (before, after)]
    if all(counts[1][name] >= counts[0][name] for name in imported):
        return frozenset()  # the commonest case, without a walk over all nodes
    gone = imported.intersection(_mentioned(tree)).difference(_mentioned(ast.parse(after)))
    for part in aside if gone else ():
        if not gone.isdisjoint(_WORD.findall(part)):
            gone -= _names_in(part)
    return frozenset(gone)


def _names_in(part: str) -> set[str]:
    try:
        return set(_mentioned(ast.parse(f"if True:\n{part}" if part[0].isspace() else part)))
    except SyntaxError:  # the header of a function
        return set(_WORD.findall(part))


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        for suite in suites(node):
            yield from _statements(suite)


def _bound(node: ast.AST) -> list[str]:
    if not isinstance(node, (ast.Import, ast.ImportFrom)):
        return []
    return [alias.asname or alias.name.partition(".")[0] for alias in node.names]


def _mentioned(tree: ast.Module) -> Iterator[str]:
    """The names that code (not imports) mentions, also inside string annotations."""
    for node in walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name
            yield from _quoted(node.returns)
        elif isinstance(node, ast.arg):
            yield node.arg
            yield from _quoted(node.annotation)
        elif isinstance(node, ast.AnnAssign):
            yield from _quoted(node.annotation)
        elif isinstance(node, (ast.ClassDef, ast.ExceptHandler)) and node.name:
            yield node.name
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            yield from node.names


def _quoted(annotation: ast.expr | None) -> Iterator[str]:
    for node in walk(annotation) if annotation is not None else ():
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _WORD.findall(node.value)


def drop_unused_imports(module: cst.Module, gone: frozenset[str]) -> cst.Module:
    """Remove the imports of the names that are ``gone``."""
    dropper = _Dropper(gone)
    body: list[_Statement] = []
    orphaned: list[cst.EmptyLine] = []
    opens = False
    for statement in module.body:
        kept = statement.visit(dropper)
        if isinstance(kept, (cst.SimpleStatementLine, cst.BaseCompoundStatement)):
            if orphaned or opens:
                kept = kept.with_changes(leading_lines=_inherited(orphaned, kept, opens))
            body.append(kept)
            orphaned, opens = [], False
        else:
            opens = opens or not body or not is_import(body[-1])
            orphaned += statement.leading_lines
    return module.with_changes(body=body)


def _inherited(orphaned: Sequence[cst.EmptyLine], heir: _Statement, opens: bool) -> list[cst.EmptyLine]:
    """The lines above a dropped import, which now stand above the next statement.

    ``opens``: the dropped one opened the module's imports.
    """
    own = list(heir.leading_lines)
    if not is_import(heir):
        return [line for line in orphaned if line.comment] + own
    if opens:
        return [*orphaned, *(line for line in own if line.comment)]
    if any(line.comment for line in orphaned):
        return [*orphaned, *(line for line in own if line.comment or not orphaned)]
    return own or list(orphaned)


class _Dropper(cst.CSTTransformer):
    """Drops names from import statements; the parts of ``try`` blocks that probe for a library stay."""

    def __init__(self, gone: frozenset[str]) -> None:
        super().__init__()
        self.gone = gone

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Try):
            return not any(is_import(s) for s in node.body.body if isinstance(s, cst.SimpleStatementLine))
        return not isinstance(node, (cst.SimpleStatementLine, cst.BaseExpression, cst.Parameters))

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.RemovalSentinel:
        if not is_import(original_node):
            return updated_node
        comment = updated_node.trailing_whitespace.comment
        if comment is not None and "noqa" in comment.value:
            return updated_node
        kept = [s for s in (self._shorten(s) for s in updated_node.body) if s is not None]
        if not kept:
            return cst.RemoveFromParent()
        if len(kept) == len(updated_node.body) and all(
            a is b for a, b in zip(kept, updated_node.body, strict=True)
        ):
            return updated_node
        return updated_node.with_changes(body=kept)

    def _shorten(self, statement: cst.BaseSmallStatement) -> cst.BaseSmallStatement | None:
        if not isinstance(statement, (cst.Import, cst.ImportFrom)) or isinstance(
            statement.names, cst.ImportStar
        ):
            return statement
        kept = [alias for alias in statement.names if _local_name(alias) not in self.gone]
        if len(kept) == len(statement.names):
            return statement
        if not kept:
            return None
        last = kept[-1]
        if isinstance(statement, cst.Import) or statement.lpar is None:
            kept[-1] = last.with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return statement.with_changes(names=kept)

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        if original_node.body and not updated_node.body:
            return updated_node.with_changes(body=[cst.SimpleStatementLine([cst.Pass()])])
        if not original_node.body or len(updated_node.body) == len(original_node.body):
            return updated_node
        first = updated_node.body[0]
        if is_import(original_node.body[0]) and isinstance(  # type: ignore[arg-type]
            first, (cst.SimpleStatementLine, cst.BaseCompoundStatement)
        ):
            lines = list(first.leading_lines)
            while lines and lines[0].comment is None:
                lines.pop(0)
            return updated_node.with_changes(
                body=[first.with_changes(leading_lines=lines), *updated_node.body[1:]]
            )
        return updated_node


def _local_name(alias: cst.ImportAlias) -> str:
    if alias.asname is not None:
        return dotted_text(alias.asname.name)
    return dotted_text(alias.name).partition(".")[0]
