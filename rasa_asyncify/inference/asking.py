"""What the parts of the inference ask each other."""

from __future__ import annotations

import ast
from typing import Protocol

from rasa_asyncify.project.index import Project
from rasa_asyncify.project.model import Scope
from rasa_asyncify.project.values import Value, Values


class Infers(Protocol):
    """Answers about the values of expressions in a project."""

    project: Project

    def infer(self, node: ast.expr, scope: Scope) -> Values:
        """What ``node`` in ``scope`` may evaluate to; empty where nothing is known."""

    def name(self, name: str, scope: Scope) -> Values:
        """What ``name`` may be in ``scope``."""

    def attribute(self, value: Value, name: str) -> Values:
        """What the attribute ``name`` of a value may be."""

    def items(self, value: Value) -> Values:
        """What iterating over a value may give."""
