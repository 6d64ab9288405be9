"""What the parts of the inference ask each other."""

from __future__ import annotations

import ast
from typing import Protocol

from rasa_asyncify.catalogue import Catalogue
from rasa_asyncify.project.index import Project
from rasa_asyncify.project.model import Binding, Class, Function, Module, Scope
from rasa_asyncify.project.values import External, Value, Values


class Infers(Protocol):
    """Answers about the values of expressions in a project."""

    project: Project
    catalogue: Catalogue
    # What is given to parameters of functions, and to the fields of classes; and which of them were asked for.
    flows: dict[tuple[Function | Class, str], list[tuple[ast.expr, Scope]]]
    asked: set[tuple[Function | Class, str]]
    # How often an answer was empty because the question was asked in the midst of finding it.
    unfinished: int

    def infer(self, node: ast.expr, scope: Scope) -> Values:
        """What ``node`` in ``scope`` may evaluate to; empty where nothing is known."""

    def name(self, name: str, scope: Scope) -> Values:
        """What ``name`` may be in ``scope``."""

    def attribute(self, value: Value, name: str) -> Values:
        """What the attribute ``name`` of a value may be."""

    def items(self, value: Value) -> Values:
        """What iterating over a value may give."""

    def annotation(self, node: ast.expr, scope: Scope) -> Values:
        """What something annotated by ``node`` may be."""

    def external(self, name: str) -> External:
        """What the dotted ``name`` of a library stands for."""

    def global_name(self, module: Module, name: str) -> Values:
        """What a module's ``name`` may be, for other modules."""

    def bound(self, binding: Binding, scope: Scope) -> Values:
        """What one of a name's bindings gives it."""

    def items_of(self, node: ast.expr, scope: Scope) -> Values:
        """What iterating over ``node`` may give."""

    def parts(self, values: Values, depth: int) -> Values:
        """The values, and what is in those that are containers, ``depth`` times over."""

    def returned(self, function: Function) -> Values:
        """What a function returns."""
