"""Plan a small project in memory: what is decided, without rewriting a line."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Collection
from pathlib import Path

from rasa_asyncify.call_graph.analysis import begin
from rasa_asyncify.call_graph.entries import SdkLimits
from rasa_asyncify.catalogue.own import OwnEntries
from rasa_asyncify.plan import Plan
from rasa_asyncify.planner import make_plan
from rasa_asyncify.project.index import Project
from rasa_asyncify.project.model import Function
from rasa_asyncify.source import decode

ROOT = Path("/bot")
# An action whose body the `{code}` is; it is at line 10 of its module.
ACTION = """\
import sqlite3
import subprocess
import time

import requests
from rasa_sdk import Action

class ActionIt(Action):
    def run(self, dispatcher, tracker, domain):
{code}
"""


def in_action(code: str) -> str:
    """A module with an action that runs ``code``."""
    return ACTION.format(code=textwrap.indent(textwrap.dedent(code).strip("\n"), " " * 8))


def project_of(files: dict[str, str]) -> Project:
    """The project that consists of ``files``, by their paths."""
    project = Project(ROOT)
    for name, text in files.items():
        project.add(decode(ROOT / name, text.encode()), ast.parse(text))
    return project


def plan_of(
    files: dict[str, str], *, given: Collection[str] | None = None, own: OwnEntries | None = None
) -> Plan:
    """The plan for ``files``; those ``given`` (all, if None) may be changed, and ``own`` is what the settings say."""
    paths = {ROOT / name for name in (files if given is None else given)}
    analysis = begin(project_of(files), lambda module: SdkLimits(), own).follow()
    return make_plan(analysis, lambda module: module.path in paths)


def edits_of(plan: Plan, name: str = "actions.py") -> list[tuple[str, int]]:
    """The edits of a module: their rules and lines, in order."""
    module = plan.modules.get(ROOT / name)
    return sorted({(edit.rule, edit.span.line) for edit in module.edits}) if module is not None else []


def function_of(code: str) -> Function:
    """The first function that ``code`` defines."""
    project = project_of({"code.py": textwrap.dedent(code)})
    return next(project.modules[ROOT / "code.py"].scope.functions())
