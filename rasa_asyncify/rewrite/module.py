"""Rewrite one module as its plan says."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from rasa_asyncify.edits import Edit, MakeAsync
from rasa_asyncify.plan import IN_MODULE, ModulePlan
from rasa_asyncify.rewrite.folding import Folded, fold
from rasa_asyncify.rewrite.helpers import inline_helpers
from rasa_asyncify.rewrite.imports import add_imports
from rasa_asyncify.rewrite.places import Places
from rasa_asyncify.rewrite.transformer import Transformer
from rasa_asyncify.rewrite.unused_imports import drop_unused_imports, no_longer_used

# What black leaves as it is with an `async` in front, whatever is behind it: the lines are short, or the first of many.
_TYPE = r"[\w.]+(?:\[[\w.\[\]]+(?:, [\w.\[\]]+)*\])?"
_PARAMETER = rf"\*{{0,2}}\w+(?:: {_TYPE}(?: = [\w.]+)?|=[\w.]+)?"
_PARAMETERS = rf"(?:{_PARAMETER}(?:, {_PARAMETER})*)?"
_PLAIN_HEADER = re.compile(rf"(?=.{{,70}}$) *def \w+\((?:{_PARAMETERS}\)(?: -> {_TYPE})?:)?")


class RewriteError(Exception):
    """An edit of the plan found no node to change."""


@dataclass(frozen=True)
class Rewritten:
    """The text of a module before and after, both without what was set aside."""

    before: str
    after: str
    folded: Folded

    def whole(self, text: str) -> str:
        """A text like ``after`` with everything in its place again."""
        return self.folded.unfold(text)

    def unfolded(self) -> Rewritten:
        """The same with nothing set aside."""
        after = self.whole(self.after)
        return Rewritten(self.whole(self.before), after, Folded(after, range(1, after.count("\n") + 2), ()))


def rewrite(text: str, plan: ModulePlan) -> Rewritten:
    """Change a module as its plan says.

    Raises:
        RewriteError: where an edit's place holds no such node.
        libcst.ParserSyntaxError: where LibCST can't read the text.
    """
    text, edits = _with_plain_headers(text, plan.edits)
    tree = ast.parse(text)
    folded = fold(text, tree, {line for edit in edits for line in edit.lines})
    places = Places(ast.parse(folded.text) if folded.aside else tree, folded, edits)
    transformer = Transformer(edits, plan.names, places)
    module = cst.parse_module(folded.text).visit(transformer)
    left = [edit for edit in edits if id(edit) not in transformer.done]
    if left:
        raise RewriteError("; ".join(_describe(edit) for edit in left[:3]))
    module = add_imports(module, plan)
    if IN_MODULE in plan.homes.values():
        there = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
        module = inline_helpers(module, plan, there)
    after = module.code
    gone = no_longer_used(folded.text, after, folded.aside, plan.keep_imports)
    if gone:
        after = drop_unused_imports(module, gone).code
    return Rewritten(folded.text, after, folded)


def _with_plain_headers(text: str, edits: Sequence[Edit]) -> tuple[str, list[Edit]]:
    """The text with the headers made async that take no more than a word for it, and the edits that are left."""
    lines = text.split("\n")
    left = []
    for edit in edits:
        number, column = edit.span.line - 1, edit.span.column
        if isinstance(edit, MakeAsync) and _PLAIN_HEADER.fullmatch(lines[number]):
            lines[number] = f"{lines[number][:column]}async {lines[number][column:]}"
        else:
            left.append(edit)
    return "\n".join(lines), left


def _describe(edit: Edit) -> str:
    return f"no place for {type(edit).__name__} at line {edit.span.line}"
