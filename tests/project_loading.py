"""Import a project's action package anew, as often as a test needs it, and register its actions."""

from __future__ import annotations

import concurrent.futures
import contextlib
import importlib
import os
import pickle
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

from rasa_sdk import Action
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.utils import all_subclasses


class NotLoadable(Exception):
    """rasa-sdk cannot import the project's package."""


class _FreshExecutor(ActionExecutor):
    """An executor that registers only classes made since it was: not those of earlier runs, which
    stay subclasses of Action for as long as anything refers to them."""

    def __init__(self) -> None:
        super().__init__()
        self._earlier = set(all_subclasses(Action))

    def register_action(self, action: Any) -> None:
        if action not in self._earlier:
            super().register_action(action)

    def __getstate__(self) -> dict[str, Any]:
        return {"actions": self.actions}


@contextlib.contextmanager
def loaded(
    folder: Path,
    *,
    package: str = "actions",
    env: Mapping[str, str] | None = None,
    within: str = ".",
    python_path: Sequence[str] = (),
) -> Iterator[ActionExecutor]:
    """Import a package of the project in `folder` anew and register its actions.

    `within` is the folder of the project that its server is started from, `python_path` what PYTHONPATH holds.
    Inside the block the former is the working directory and the head of `sys.path`, followed by the latter, and
    `env` is added to the environment. All of it is undone at the end, and what was imported is forgotten.

    Raises:
        NotLoadable: the package, or a module in it, fails to import.
    """
    folder = folder.resolve()
    start = (folder / within).resolve()
    roots = [start, *((start / entry).resolve() for entry in python_path)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, env or {}))
        stack.enter_context(mock.patch.object(sys, "path", [*map(str, roots), *sys.path]))
        # Two versions of a file written within a second may share their bytecode otherwise.
        stack.enter_context(mock.patch.object(sys, "dont_write_bytecode", True))
        stack.callback(os.chdir, Path.cwd())
        os.chdir(start)
        stack.enter_context(_own_modules(folder, roots))
        executor = _FreshExecutor()
        try:
            executor.register_package(package)
        except SystemExit as leaving:  # how rasa-sdk answers an ImportError
            raise NotLoadable(str(leaving.__context__)) from leaving.__context__
        yield executor


@contextlib.contextmanager
def _own_modules(folder: Path, roots: Sequence[Path]) -> Iterator[None]:
    """Hide the loaded modules that share a name with one in the roots; forget the folder's."""
    paths = [path for root in roots for path in root.iterdir()]
    names = {path.stem for path in paths if path.is_dir() or path.suffix == ".py"}
    shadowed = {
        name: module
        for name, module in sys.modules.items()
        if name.partition(".")[0] in names - set(sys.stdlib_module_names)
    }
    for name in shadowed:
        del sys.modules[name]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        for name, module in list(sys.modules.items()):
            if _is_in(folder, module):
                _shut_pools(module)
                del sys.modules[name]
        kept = {name: m for name, m in shadowed.items() if not _is_in(folder, m)}
        sys.modules.update(kept)
        importlib.invalidate_caches()


def _is_in(folder: Path, module: ModuleType) -> bool:
    places = [getattr(module, "__file__", None)]
    # KeyError: a namespace package below one that is forgotten already; TypeError: torch.classes has no real path.
    with contextlib.suppress(KeyError, TypeError):
        places += getattr(module, "__path__", ())
    return any(isinstance(p, str) and p.startswith(f"{folder}{os.sep}") for p in places)


def _shut_pools(module: ModuleType) -> None:
    """Let go of the worker threads: a test session loads hundreds of projects."""
    for value in vars(module).values():
        if isinstance(value, concurrent.futures.Executor):
            value.shutdown(wait=False)
    vars(threading).pop("_one_blocking_call", None)  # which the next project would find


def pickled(folder: Path, **loading: Any) -> bytes:
    """The registered actions, pickled as rasa-sdk 3.21 sends them to its worker process.

    Raises:
        Exception: whatever pickle raises for an action instance that the server cannot send.
    """
    with loaded(folder, **loading) as executor:
        return pickle.dumps(executor)
