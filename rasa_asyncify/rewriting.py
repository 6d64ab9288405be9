"""Rewrite and format one module by its plan: from text to text, so that any process can do it.

Nothing is raised: whatever goes wrong in one module must not cost the others.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rasa_asyncify.plan import ModulePlan

if TYPE_CHECKING:
    from rasa_asyncify.rewrite.module import Rewritten


@dataclass(frozen=True)
class Style:
    """How black formats: by the settings of the project at ``root``, in ``mode`` ("changed", "whole-file", "off")."""

    root: Path
    mode: str


@dataclass(frozen=True)
class Failed:
    """A module that could not be migrated; ``line`` is 1-based, where it is known."""

    path: Path
    line: int | None
    cause: str


@dataclass(frozen=True)
class Unformatted:
    """A rewritten module before black has seen it: the ``text`` as a whole, and its parts that changed."""

    path: Path
    text: str
    parts: Rewritten


@dataclass(frozen=True)
class Finished:
    """The text of a module; ``skipped`` says why black left it alone."""

    path: Path
    text: str
    skipped: str | None


@dataclass(frozen=True)
class HelperModule:
    """A private module to be made, with ``helpers`` and a pool of so many ``workers``."""

    path: Path
    helpers: frozenset[str]
    workers: int | None


def rewrite_module(task: tuple[str, ModulePlan]) -> Unformatted | Failed:
    """Change the text of a module as its plan says."""
    from rasa_asyncify.rewrite.module import rewrite

    text, plan = task
    try:
        parts = rewrite(text, plan)
        return Unformatted(plan.path, parts.whole(parts.after), parts)
    except Exception as error:
        return _failed(plan.path, error)


def format_module(task: tuple[Unformatted, Style]) -> Finished | Failed:
    """Format what was changed in a module, and see that the result is Python."""
    from rasa_asyncify.formatting import format_changes

    module, style = task
    path, parts = module.path, module.parts
    try:
        if style.mode == "whole-file":
            parts = parts.unfolded()
        formatted = format_changes(parts.before, parts.after, path=path, root=style.root, mode=style.mode)
        text = parts.whole(formatted.text)
        _check_compiles(text, path)
    except Exception as error:
        return _failed(path, error)
    return Finished(path, text, formatted.skipped)


def make_helper_module(task: tuple[HelperModule, Style]) -> str:
    """The text of a private module."""
    from rasa_asyncify.formatting import format_changes
    from rasa_asyncify.rewrite.helpers import module_text

    new, style = task
    text = module_text(new.helpers, new.workers)
    return format_changes("", text, path=new.path, root=style.root, mode=style.mode).text


def import_all() -> None:
    """Import what the functions of this module will need."""
    import black

    from rasa_asyncify import formatting
    from rasa_asyncify.rewrite import helpers, module

    assert black, (formatting, helpers, module)


def _failed(path: Path, error: Exception) -> Failed:
    line = getattr(error, "lineno", None) or getattr(error, "raw_line", None)
    text = str(error).strip().split("\n")[0]
    return Failed(path, line, f"could not be migrated: {text or type(error).__name__}")


def _check_compiles(text: str, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(text, str(path), "exec", dont_inherit=True)
