"""What a name may be bound by, apart from functions, classes and their parameters."""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(eq=False, slots=True)
class Imported:
    """A name bound by an import: ``module`` as written, ``name`` where it is ``from module import name``."""

    module: str
    name: str | None
    level: int
    node: ast.Import | ast.ImportFrom


@dataclass(eq=False, slots=True)
class Assigned:
    """A name bound to the value of an expression."""

    value: ast.expr


@dataclass(eq=False, slots=True)
class Annotated:
    """A name that only an annotation tells about: a field of a dataclass."""

    annotation: ast.expr


@dataclass(eq=False, slots=True)
class Entered:
    """A name bound by ``with value as name``."""

    value: ast.expr


@dataclass(eq=False, slots=True)
class Item:
    """A name bound to the items of an iterable, or to a part of an unpacked value; ``depth`` counts such steps."""

    value: ast.expr
    depth: int = 1


@dataclass(eq=False, slots=True)
class Addition:
    """What is put into a container after it was made: ``x.append(y)``, ``x[k] = y``, ``x.update(y)``.

    ``container`` is a name or an attribute; ``depth`` counts the containers within it that lie between
    (``x[k].append(y)``), and ``spread`` tells that the items of ``value`` are put in.
    """

    container: ast.Name | ast.Attribute
    value: ast.expr
    depth: int = 0
    spread: bool = False

    @property
    def name(self) -> str:
        return last_name(self.container)


@dataclass(eq=False, slots=True)
class Opaque:
    """A name bound by something that tells nothing about its value."""


def last_name(node: ast.expr) -> str:
    """``c`` for ``a.b.c`` and for ``c`` itself; empty for other expressions."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def dotted(node: ast.AST) -> str | None:
    """``a.b.c`` for an expression of names and attributes, else None."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    parts.append(node.id)
    return ".".join(reversed(parts))
