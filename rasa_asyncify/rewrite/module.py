"""Rewrite one module as its plan says."""

from __future__ import annotations

import ast
from dataclasses import dataclass

import libcst as cst

from rasa_asyncify.edits import Edit
from rasa_asyncify.plan import IN_MODULE, ModulePlan
from rasa_asyncify.rewrite.folding import Folded, fold
from rasa_asyncify.rewrite.helpers import inline_helpers
from rasa_asyncify.rewrite.imports import add_imports
from rasa_asyncify.rewrite.places import Places
from rasa_asyncify.rewrite.transformer import Transformer
from rasa_asyncify.rewrite.unused_imports import drop_unused_imports, no_longer_used


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


def rewrite(text: str, plan: ModulePlan) -> Rewritten:
    """Change a module as its plan says.

    Raises:
        RewriteError: where an edit's place holds no such node.
        libcst.ParserSyntaxError: where LibCST can't read the text.
    """
    lines = sorted({line for edit in plan.edits for line in edit.lines})
    tree = ast.parse(text)
    folded = fold(text, tree, lines)
    places = Places(ast.parse(folded.text) if folded.aside else tree, folded, plan.edits)
    transformer = Transformer(plan, places)
    module = cst.parse_module(folded.text).visit(transformer)
    left = [edit for edit in plan.edits if id(edit) not in transformer.done]
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


def _describe(edit: Edit) -> str:
    return f"no place for {type(edit).__name__} at line {edit.span.line}"
