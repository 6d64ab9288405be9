"""Where LibCST's nodes stand, found by walking its tree beside that of ``ast``.

LibCST's own positions take longer than everything else about a rewrite: they come from writing out the module. Both
trees have the same statements in the same order, and each statement has as many calls, attributes and so on.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache

import libcst as cst

from rasa_asyncify.edits import Edit, Span
from rasa_asyncify.project.spans import Spans
from rasa_asyncify.project.walking import suites
from rasa_asyncify.rewrite.folding import Folded, any_between, first_line, last_line

_KINDS: dict[type[cst.CSTNode], type[ast.AST]] = {
    cst.Call: ast.Call,
    cst.Attribute: ast.Attribute,
    cst.Subscript: ast.Subscript,
    cst.Await: ast.Await,
    cst.Lambda: ast.Lambda,
    cst.IfExp: ast.IfExp,
    cst.ListComp: ast.ListComp,
    cst.SetComp: ast.SetComp,
    cst.DictComp: ast.DictComp,
    cst.GeneratorExp: ast.GeneratorExp,
    cst.List: ast.List,
    cst.Set: ast.Set,
    cst.Dict: ast.Dict,
    cst.Comparison: ast.Compare,
    cst.BinaryOperation: ast.BinOp,
    cst.UnaryOperation: ast.UnaryOp,
    cst.BooleanOperation: ast.BoolOp,
    cst.NamedExpr: ast.NamedExpr,
    cst.ExceptHandler: ast.ExceptHandler,
}


class _Role(Enum):
    """What a kind of node is to the walk. Asked once a kind: the base classes are slow to ask."""

    STATEMENT = "statement"
    CLAUSE = "clause"
    IN_STATEMENT = "in a statement"
    WITHOUT_CODE = "without code"
    OTHER = "other"


@cache
def _role(kind: type[cst.CSTNode]) -> _Role:
    if issubclass(kind, (cst.BaseSmallStatement, cst.BaseCompoundStatement)):
        return _Role.STATEMENT
    if issubclass(kind, cst.ExceptHandler):
        return _Role.CLAUSE
    if issubclass(kind, (cst.BaseExpression, cst.Parameters, cst.Annotation, cst.Decorator, cst.Arg)):
        return _Role.IN_STATEMENT
    if issubclass(
        kind, (cst.BaseParenthesizableWhitespace, cst.TrailingWhitespace, cst.EmptyLine, cst.Comma)
    ):
        return _Role.WITHOUT_CODE
    return _Role.OTHER


@dataclass
class _Statement:
    """A statement, how many there are in it (itself included), and its own expressions by kind, in their order."""

    node: ast.stmt
    size: int
    expressions: dict[type[ast.AST], list[Span]] = field(default_factory=dict)
    passed: dict[type[ast.AST], int] = field(default_factory=lambda: defaultdict(int))


class Places:
    """Tells the place of the nodes that a visitor enters, as far as ``wanted`` edits have to do with them.

    ``tree`` is that of the folded module.
    """

    def __init__(self, tree: ast.Module, folded: Folded, wanted: Iterable[Edit]) -> None:
        self.spans = Spans(folded.text.split("\n"), folded.lines)
        self._starts = {span.start for edit in wanted for span in edit.spans}
        self._lines = sorted(line for line, _ in self._starts)
        self._numbers = folded.lines
        self._known: dict[int, Span] = {}
        self._statements = list(_statements(tree.body))
        self._next = 0
        self._stack: list[_Statement] = []

    def enter(self, node: cst.CSTNode) -> bool:
        """Note the place of a node; whether to go on to its children."""
        role = _role(type(node))
        if role is _Role.STATEMENT:
            return self._enter_statement(node)
        if role is _Role.WITHOUT_CODE:
            return False
        if role is _Role.CLAUSE:
            self._enter_expression(node)
        elif role is _Role.IN_STATEMENT:
            if not self._stack[-1].expressions:
                return False
            self._enter_expression(node)
        return True

    def leave(self, node: cst.CSTNode) -> None:
        """Note that a node was left whose children were visited."""
        if _role(type(node)) is _Role.STATEMENT:
            self._stack.pop()

    def of(self, node: cst.CSTNode) -> Span | None:
        """The place of a node that was entered; None for one that has nothing to do with the lines."""
        return self._known.get(id(node))

    def _enter_statement(self, node: cst.CSTNode) -> bool:
        statement = self._statements[self._next]
        self._known[id(node)] = self.spans.of(statement.node)
        self._stack.append(statement)
        if not self._is_touched(statement.node):
            self._next += statement.size
            return False
        self._next += 1
        places = {kind: [self.spans.of(n) for n in found] for kind, found in _by_kind(statement.node).items()}
        if any(span.start in self._starts for spans in places.values() for span in spans):
            statement.expressions = places
        return True

    def _enter_expression(self, node: cst.CSTNode) -> None:
        kind = _KINDS.get(type(node))
        if kind is None:
            return
        statement = self._stack[-1]
        position = statement.passed[kind]
        statement.passed[kind] += 1
        spans = statement.expressions.get(kind, ())
        if position < len(spans):
            self._known[id(node)] = spans[position]

    def _is_touched(self, node: ast.stmt) -> bool:
        first, last = self._numbers[first_line(node) - 1], self._numbers[last_line(node) - 1]
        return any_between(self._lines, first, last)


def _statements(body: Sequence[ast.stmt]) -> Iterator[_Statement]:
    for node in body:
        inner = [found for suite in suites(node) for found in _statements(suite)]
        yield _Statement(node, 1 + len(inner))
        yield from inner


def _by_kind(node: ast.stmt) -> dict[type[ast.AST], list[ast.expr | ast.ExceptHandler]]:
    """A statement's own expressions and handlers, as they follow each other in its text."""
    found: dict[type[ast.AST], list[ast.expr | ast.ExceptHandler]] = defaultdict(list)
    todo: list[ast.AST] = _children(node)[::-1]
    while todo:
        inner = todo.pop()
        if isinstance(inner, ast.stmt):
            continue
        if isinstance(inner, (ast.expr, ast.ExceptHandler)):
            # `a and b and c` is one operation, and two of LibCST, of which the first is the whole.
            found[type(inner)] += [inner] * (len(inner.values) - 1 if isinstance(inner, ast.BoolOp) else 1)
        todo += _children(inner)[::-1]
    return found


def _children(node: ast.AST) -> list[ast.AST]:
    """The children in the order in which LibCST visits theirs."""
    if isinstance(node, ast.IfExp):
        return [node.body, node.test, node.orelse]
    if isinstance(node, ast.Call):
        return [node.func, *sorted([*node.args, *node.keywords], key=_start)]
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return [part for pair in pairs for part in pair if part is not None]
    if isinstance(node, ast.arguments):
        return sorted((n for n in ast.iter_child_nodes(node) if hasattr(n, "lineno")), key=_start)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [
            *node.decorator_list,
            *(n for n in ast.iter_child_nodes(node) if n not in node.decorator_list),
        ]
    return list(ast.iter_child_nodes(node))


def _start(node: ast.AST) -> tuple[int, int]:
    return (getattr(node, "lineno", 0), getattr(node, "col_offset", 0))
