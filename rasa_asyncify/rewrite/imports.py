"""Add the imports that new code needs, where a person would."""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Sequence

import libcst as cst

from rasa_asyncify.emitted import HELPERS, MODULES
from rasa_asyncify.plan import Home, ModulePlan

_Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
_PRIVATE = re.compile(rf"(?<!\w)({'|'.join(MODULES)})(_\d+)?\b")


def add_imports(module: cst.Module, plan: ModulePlan) -> cst.Module:
    """Add ``import asyncio`` and the like, and the imports of the helpers."""
    body = list(module.body)
    froms: dict[str, list[str]] = defaultdict(list)
    for origin, name in plan.imports:
        if name:
            local = plan.names.get(f"{origin}.{name}") or plan.names[name]
            froms[origin].append(name if local == name else f"{name} as {local}")
        else:
            body = _insert(body, import_text(origin, "", plan.names[origin]), origin.partition(".")[0])
    for origin, names in froms.items():
        body = _insert(body, f"from {origin} import {', '.join(sorted(names))}", origin.partition(".")[0])
    for home in sorted(set(plan.homes.values()), key=lambda home: home.origin):
        wanted = {HELPERS[h].function: plan.names[h] for h in sorted(plan.homes) if plan.homes[h] == home}
        parts = [
            f if local == f else f"{f} as {local}" for f, local in wanted.items() if not _imports(body, f)
        ]
        if parts and home:
            body = _append(body, home, ", ".join(parts))
    return module.with_changes(body=body)


def import_text(module: str, name: str, local: str) -> str:
    """``import module`` or, with a ``name``, ``from module import name``; bound to ``local``."""
    alias = "" if local == (name or module) else f" as {local}"
    return f"from {module} import {name}{alias}" if name else f"import {module}{alias}"


def _imports(body: Sequence[_Statement], name: str) -> bool:
    """Whether a helper is imported already."""
    return any(_imports_name(statement, name) and _is_private(statement) for statement in body)


def _imports_name(statement: cst.BaseStatement, name: str) -> bool:
    """Whether the statement, or one in a ``try``, is ``from ... import name``, under whatever name."""
    if isinstance(statement, cst.Try) and isinstance(statement.body, cst.IndentedBlock):
        return any(_imports_name(inner, name) for inner in statement.body.body)
    node = _only(statement)
    if not isinstance(node, cst.ImportFrom) or isinstance(node.names, cst.ImportStar):
        return False
    return any(isinstance(alias.name, cst.Name) and alias.name.value == name for alias in node.names)


def _only(statement: cst.BaseStatement) -> cst.BaseSmallStatement | None:
    """The one statement of a line."""
    if isinstance(statement, cst.SimpleStatementLine) and len(statement.body) == 1:
        return statement.body[0]
    return None


def _is_private(statement: _Statement) -> bool:
    return bool(_PRIVATE.search(cst.Module([]).code_for_node(statement)))


def _import_positions(body: Sequence[_Statement]) -> list[int]:
    """The positions of the import statements that open the module."""
    found = []
    for index, statement in enumerate(body):
        if is_import(statement):
            found.append(index)
        elif found and not _is_prologue(statement):
            break
    return found


def is_import(statement: _Statement) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and any(
        isinstance(s, (cst.Import, cst.ImportFrom)) for s in statement.body
    )


def _is_prologue(statement: _Statement) -> bool:
    """What may stand between imports: docstrings, ``try: import``, conditions, assignments of paths."""
    node = _only(statement)
    return isinstance(statement, (cst.Try, cst.If)) or (
        isinstance(node, cst.Expr) and isinstance(node.value, (cst.Call, cst.SimpleString))
    )


def _future(statement: _Statement) -> bool:
    node = _only(statement)
    return (
        isinstance(node, cst.ImportFrom)
        and isinstance(node.module, cst.Name)
        and node.module.value == "__future__"
    )


def _root(statement: _Statement) -> tuple[str, bool]:
    """The first imported root of an import statement, and whether it is a plain ``import``."""
    assert isinstance(statement, cst.SimpleStatementLine)
    node = statement.body[0]
    if isinstance(node, cst.Import):
        return dotted_text(node.names[0].name).partition(".")[0], True
    if isinstance(node, cst.ImportFrom):
        if node.relative or node.module is None:
            return ".", False
        return dotted_text(node.module).partition(".")[0], False
    return "", False


def dotted_text(node: cst.CSTNode) -> str:
    """The text of a node."""
    return cst.Module([]).code_for_node(node)


def insert_import(body: list[_Statement], text: str) -> list[_Statement]:
    """Insert a standard library's import unless the module has the very same."""
    code = cst.Module([]).code_for_node
    if any(is_import(s) and code(s).strip() == text for s in body):
        return body
    return _insert(body, text, text.split()[1].partition(".")[0])


def after_imports(body: Sequence[_Statement]) -> int:
    """The position after the imports that open the module."""
    positions = _import_positions(body)
    return positions[-1] + 1 if positions else _top(body)


def _insert(body: list[_Statement], text: str, name: str) -> list[_Statement]:
    """Insert an import in its section, in alphabetical order among the imports of its kind there."""
    statement = cst.parse_statement(text + "\n")
    positions = [i for i in _import_positions(body) if not _future(body[i])]
    standard = name in sys.stdlib_module_names
    same = [i for i in positions if (_root(body[i])[0] in sys.stdlib_module_names) == standard]
    kind = [i for i in same if _root(body[i])[1] == text.startswith("import ")]
    before = [i for i in kind if _root(body[i])[0] < name]
    if before:
        return _after(body, before[-1], statement)
    if kind:
        return _place(body, kind[0], statement)
    if same and text.startswith("import "):
        return _place(body, same[0], statement)
    if same:
        return _after(body, same[-1], statement)
    if standard or not positions:
        return _place(body, positions[0] if positions else _top(body), statement, new_section=True)
    return _after(body, positions[-1], statement)


def _append(body: list[_Statement], home: Home, names: str) -> list[_Statement]:
    """Insert the project's own ``from`` import among its like, in alphabetical order, or after all others."""
    text = f"from {home.origin} import {names}\n"
    if home.otherwise:
        text = f"try:\n    {text}except ImportError:\n    from {home.otherwise} import {names}\n"
    statement = cst.parse_statement(text)
    opening = _import_positions(body)
    like = [i for i in opening if _is_like(body[i], home.origin)]
    after = [i for i in like if _origin(body[i]) > home.origin]
    earliest = _position_below(body, home.after)
    if home.otherwise or earliest > after_imports(body):
        like = after = []
    if after and after[0] >= earliest:
        return _place(body, after[0], statement)
    if like and like[-1] + 1 >= earliest:
        return _after(body, like[-1], statement)
    at = max(after_imports(body), earliest)
    if at and at != earliest:
        statement = statement.with_changes(leading_lines=[cst.EmptyLine(indent=False)])
    return [*body[:at], statement, *body[at:]]


def _position_below(body: Sequence[_Statement], text: str) -> int:
    """The position below the import statement of that text, the first where nothing has to stand above."""
    if not text:
        return 0
    for index, statement in enumerate(body):
        if is_import(statement) and _same_import(statement, text):
            return index + 1
    return 0


def _same_import(statement: _Statement, text: str) -> bool:
    """Whether a line has an import statement of that (normalized) text."""
    return any(ast.unparse(node) == text for node in ast.parse(dotted_text(statement).strip()).body)


def _origin(statement: _Statement) -> str:
    """What an import statement imports from, as text."""
    return dotted_text(statement).split()[1] if is_import(statement) else ""


def _is_like(statement: _Statement, origin: str) -> bool:
    own = _origin(statement)
    if origin.startswith("."):
        return own.startswith(".")
    return own.partition(".")[0] == origin.partition(".")[0] and dotted_text(statement).lstrip().startswith(
        "from"
    )


def _top(body: Sequence[_Statement]) -> int:
    """After the docstring and ``__future__`` imports."""
    at = 0
    for index, statement in enumerate(body):
        node = _only(statement)
        docstring = isinstance(node, cst.Expr) and isinstance(
            node.value, (cst.SimpleString, cst.ConcatenatedString)
        )
        if (index == 0 and docstring) or _future(statement):
            at = index + 1
        elif not is_import(statement):
            break
    return at


def _after(body: list[_Statement], index: int, statement: cst.BaseStatement) -> list[_Statement]:
    """Put ``statement`` below the one at ``index``, in the same section."""
    assert isinstance(statement, (cst.SimpleStatementLine, cst.BaseCompoundStatement))
    return [*body[: index + 1], statement, *body[index + 1 :]]


def _place(
    body: list[_Statement], at: int, statement: cst.BaseStatement, *, new_section: bool = False
) -> list[_Statement]:
    """Put ``statement`` at ``at``; blank lines and comments above what opened a section stay above."""
    assert isinstance(statement, (cst.SimpleStatementLine, cst.BaseCompoundStatement))
    if at < len(body) and is_import(body[at]):
        first = body[at]
        statement = statement.with_changes(leading_lines=first.leading_lines)
        below = [cst.EmptyLine(indent=False)] if new_section else []
        body = [*body[:at], first.with_changes(leading_lines=below), *body[at + 1 :]]
    return [*body[:at], statement, *body[at:]]
