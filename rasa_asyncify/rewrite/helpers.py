"""The helpers as source text: a private module of their own, or statements in the module that calls them."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import cast

import libcst as cst

from rasa_asyncify.emitted import HELPERS, imported, parts_of, source
from rasa_asyncify.plan import ModulePlan
from rasa_asyncify.rewrite.imports import after_imports, import_text, insert_import, is_import

_Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement


def module_text(helpers: Iterable[str], workers: int | None = None) -> str:
    """The text of a private module that holds the ``helpers``, with a pool of so many ``workers``."""
    parts = parts_of(helpers)
    first = cst.parse_module(source(parts[0], workers))
    body: list[_Statement] = list(first.body)
    for part in parts[1:]:
        for module, name in imported(part):
            body = insert_import(body, import_text(module, name, name or module))
        body += _statements(part, workers)
    return first.with_changes(body=body).code


def inline_helpers(module: cst.Module, plan: ModulePlan, there: Container[str]) -> cst.Module:
    """Put the helpers under the imports of a module that belongs to no package, but for the functions ``there``."""
    own = [h for h, home in plan.homes.items() if not home]
    missing = [h for h in own if plan.names[h] not in there]
    parts = parts_of(missing)
    body = list(module.body)
    added: list[_Statement] = []
    for part in parts:
        added += _statements(part, plan.workers)
    if not added:
        return module
    local = {HELPERS[h].function: plan.names[h] for h in own}
    renaming = _Renaming({**plan.names, **local})
    added = [cast("_Statement", statement.visit(renaming)) for statement in added]
    at = after_imports(body)
    added[0] = added[0].with_changes(leading_lines=[cst.EmptyLine(indent=False)])
    rest = body[at:]
    if rest:
        comments = [line for line in rest[0].leading_lines if line.comment]
        blank = cst.EmptyLine(indent=False)
        rest[0] = rest[0].with_changes(leading_lines=[blank, blank, *comments])
    return module.with_changes(body=[*body[:at], *added, *rest])


def _statements(part: str, workers: int | None) -> list[_Statement]:
    """What stands below the imports of a part."""
    body = cst.parse_module(source(part, workers)).body
    last = max((i for i, s in enumerate(body) if is_import(s)), default=0)  # else the docstring
    return list(body[last + 1 :])


class _Renaming(cst.CSTTransformer):
    """Gives the names of a part those that they go by in a module."""

    def __init__(self, names: dict[str, str]) -> None:
        super().__init__()
        self.names = names

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.Attribute:
        return updated_node.with_changes(attr=original_node.attr)

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        return updated_node.with_changes(keyword=original_node.keyword)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        local = self.names.get(original_node.value)
        return updated_node if local is None else updated_node.with_changes(value=local)
