"""How the users of a project start it: a command, typed in one of its folders."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.action_server import ActionServer


@dataclass(frozen=True)
class Start:
    """One way in which a project is started, or its tests are.

    `command` begins with `python` or `pytest`; what isn't pytest is an action server, and gets its `--port`.
    It is typed in `folder`, with `env` added to the environment. `copy` says what a Dockerfile copies where
    before that, both relative to the project. `only` names the actions that this server has, if not all.
    """

    command: str = "python -m rasa_sdk --actions actions"
    folder: str = "."
    env: Mapping[str, str] = field(default_factory=dict)
    copy: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()

    def __str__(self) -> str:
        settings = [f"{name}={value}" for name, value in self.env.items()]
        within = [] if self.folder == "." else ["cd", self.folder, "&&"]
        return " ".join([*within, *settings, self.command])

    @property
    def arguments(self) -> list[str]:
        """What follows `python`."""
        program, *arguments = shlex.split(self.command)
        return arguments if program == "python" else ["-m", program, *arguments]

    @property
    def runs_tests(self) -> bool:
        """Whether it runs the project's own tests."""
        return "pytest" in shlex.split(self.command)

    @property
    def package(self) -> str | None:
        """What rasa-sdk is told to import; None where something else is started."""
        arguments = shlex.split(self.command)
        return arguments[arguments.index("--actions") + 1] if "rasa_sdk" in arguments else None

    @property
    def python_path(self) -> tuple[str, ...]:
        """The entries of PYTHONPATH."""
        return tuple(filter(None, self.env.get("PYTHONPATH", "").split(":")))

    @property
    def path(self) -> tuple[str, ...]:
        """The folders that it puts on the path: its own or the script's, then what PYTHONPATH names."""
        first = Path(self.arguments[0])
        own = Path(self.folder) / first.parent if first.suffix == ".py" else Path(self.folder)
        return (own.as_posix(), *((Path(self.folder) / entry).as_posix() for entry in self.python_path))

    def lay_out(self, project: Path) -> None:
        """Copy what is to be copied in the project, which is a copy itself."""
        for source, target in self.copy.items():
            shutil.copytree(project / source, project / target, dirs_exist_ok=True)

    def runs(self, action: str) -> bool:
        """Whether this server has the action."""
        return not self.only or action in self.only

    def server(self, project: Path, python: str, env: Mapping[str, str]) -> ActionServer:
        """The action server, to be entered."""
        path = {"PYTHONPATH": os.pathsep.join(self.python_path)}
        folder = project / self.folder
        return ActionServer(folder, python=python, arguments=self.arguments, env={**env, **path})

    def tests(self, project: Path, python: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run the project's tests to their end, without the plugins of this repository's."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}
        without = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            [*self._program(python), "-q", "-p", "no:cacheprovider"],
            cwd=project / self.folder,
            env={**kept, **without, **env, "PYTHONPATH": os.pathsep.join(self.python_path)},
            capture_output=True,
            text=True,
            timeout=120,
        )

    def _program(self, python: str) -> list[str]:
        """`pytest` by itself doesn't put the folder on the path, `python -m pytest` does."""
        if not self.command.startswith("pytest"):
            return [python, *self.arguments]
        script = shutil.which("pytest", path=str(Path(python).parent))
        assert script is not None, f"no pytest beside {python}"
        return [script, *self.arguments[2:]]


def read_start(**given: Any) -> Start:
    """A start as `[[start]]` in a case.toml says it. Raises TypeError for a key that it can't have."""
    return Start(**{**given, "only": tuple(given.get("only", ()))})
