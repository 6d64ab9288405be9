"""What an expression may evaluate to, as far as reading tells."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from rasa_asyncify.project.index import Folder
from rasa_asyncify.project.model import Class, Function, Module, Scope


@dataclass(frozen=True)
class External:
    """A function, class or module outside the project, by dotted name."""

    name: str


@dataclass(frozen=True)
class ExternalInstance:
    """An instance of a class of the catalogue."""

    cls: str


@dataclass(frozen=True)
class ExternalMethod:
    """A method of an instance of a class outside the project."""

    cls: str
    name: str


@dataclass(frozen=True)
class OwnModule:
    """A module or package of the project."""

    module: Module | Folder


@dataclass(frozen=True)
class OwnClass:
    """A class of the project; ``exact`` where no subclass can stand in for it."""

    cls: Class
    exact: bool = True


@dataclass(frozen=True)
class Instance:
    """An instance of a project's class; ``exact`` where it can't be one of a subclass."""

    cls: Class
    exact: bool = True


@dataclass(frozen=True)
class OwnFunction:
    """A function of the project; ``bound`` where its first parameter is filled already."""

    function: Function
    bound: bool = False


@dataclass(frozen=True)
class Super:
    """``super()`` inside a method of ``cls``."""

    cls: Class
    instance: bool


@dataclass(frozen=True)
class LambdaValue:
    """A lambda expression and the scope it stands in."""

    node: ast.Lambda
    scope: Scope


@dataclass(frozen=True)
class Container:
    """A list, tuple, set or dict that holds any of these; ``named`` where they are attributes instead."""

    items: tuple[Value, ...]
    named: bool = False


@dataclass(frozen=True)
class ContainerMethod:
    """A method of a container."""

    container: Container
    name: str


Value: TypeAlias = (
    External
    | ExternalInstance
    | ExternalMethod
    | OwnModule
    | OwnClass
    | Instance
    | OwnFunction
    | Super
    | LambdaValue
    | Container
    | ContainerMethod
)
Values: TypeAlias = tuple[Value, ...]


def union(parts: Iterable[Values]) -> Values:
    """All values of ``parts``, once each."""
    full = [part for part in parts if part]
    if len(full) < 2:
        return full[0] if full else ()
    return tuple(dict.fromkeys(value for part in full for value in part))
