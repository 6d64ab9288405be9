"""Rewrite one module as its plan says."""

from __future__ import annotations

import libcst as cst

from rasa_asyncify.edits import Edit
from rasa_asyncify.plan import IN_MODULE, ModulePlan
from rasa_asyncify.rewrite.helpers import inline_helpers
from rasa_asyncify.rewrite.imports import add_imports, drop_unused_imports
from rasa_asyncify.rewrite.transformer import Transformer


class RewriteError(Exception):
    """An edit of the plan found no node to change."""


def rewrite(text: str, plan: ModulePlan) -> str:
    """The text of a module after its plan.

    Raises:
        RewriteError: where an edit's place holds no such node.
        libcst.ParserSyntaxError: where LibCST can't read the text.
    """
    wrapper = cst.MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
    transformer = Transformer(plan)
    module = wrapper.visit(transformer)
    left = [edit for edit in plan.edits if id(edit) not in transformer.done]
    if left:
        raise RewriteError("; ".join(_describe(edit) for edit in left[:3]))
    module = add_imports(module, plan)
    if IN_MODULE in plan.homes.values():
        module = inline_helpers(module, plan)
    module = drop_unused_imports(wrapper.module, module, plan)
    return module.code


def _describe(edit: Edit) -> str:
    return f"no place for {type(edit).__name__} at line {edit.span.line}"
