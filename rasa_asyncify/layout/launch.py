"""How the project's other files start it: lines of Dockerfiles, Makefiles, Procfiles, scripts and CI.

A modest reading. What it doesn't understand it passes over, and what doesn't lead to a file of the project as well.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from rasa_asyncify.discovery import SKIPPED_FOLDERS

_DOCKER = re.compile(r"(?i)^(dockerfile.*|.*\.dockerfile)$")
_COMPOSE = re.compile(r"(?i)^(docker-)?compose.*\.ya?ml$")
_LINES = re.compile(
    r"(?i)^(gnu)?makefile$|^procfile.*|.*\.(sh|bash|bat|cmd|mk|ps1)$|^(tox|supervisord)\.(ini|conf)$"
)
_CI = re.compile(r"(?i)^\.gitlab-ci\.ya?ml$|^(action|bitbucket-pipelines)\.ya?ml$")
_LARGEST = 200_000
_RASA_FOLDER = PurePosixPath("/app")  # where its images work
_SEPARATORS = re.compile(r"&&|\|\||;|\s&\s|\s&$")
_PYTHON = re.compile(r"^(.*/)?(python[\d.]*|py|pypy3?)(\.exe)?$")
_NAME = re.compile(r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")


@dataclass(frozen=True)
class Start:
    """Actions started as the module ``name`` from where ``target`` (a file or a folder) goes by it.

    ``root`` is the folder of the project that is on ``sys.path``; None where the name is that of a copy only, in a
    container, say.
    """

    target: Path
    root: Path | None
    source: Path


@dataclass
class Launches:
    """All that was found: what is started, what is run as a script, which files are deployed one by one."""

    starts: list[Start] = field(default_factory=list)
    scripts: set[Path] = field(default_factory=set)
    copied: set[Path] = field(default_factory=set)


def read_launches(root: Path) -> Launches:
    """Read the files that start programs, in and below ``root``."""
    launches = Launches()
    for path in _files(root):
        try:
            if path.stat().st_size > _LARGEST:
                continue
            text = path.read_text("utf-8", errors="replace")
        except OSError:
            continue
        text = re.sub(r"\\\r?\n", " ", text)
        if _DOCKER.match(path.name):
            _Dockerfile(path, root, launches).read(text)
        elif _COMPOSE.match(path.name):
            _read_compose(path, root, text, launches)
        else:
            _read_lines(path, root, text, launches)
    return launches


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIPPED_FOLDERS)
        in_ci = ".github" in folder or ".circleci" in folder
        for name in sorted(names):
            if any(p.match(name) for p in (_DOCKER, _COMPOSE, _LINES, _CI)) or (
                in_ci and name.endswith((".yml", ".yaml"))
            ):
                yield Path(folder, name)


# --- commands ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Command:
    """What one command asks for: the actions' module, or a script."""

    actions: str | None = None
    script: str | None = None


def read_command(words: Sequence[str]) -> Command | None:
    """What a command line starts, if that is actions or a Python file."""
    for at, word in enumerate(words):
        if word == "--actions" and at + 1 < len(words):
            return _actions(words[at + 1])
        if word.startswith("--actions="):
            return _actions(word.partition("=")[2])
    if words[:2] == ["run", "actions"]:  # to an image whose entry point is rasa
        return Command("actions")
    for at, word in enumerate(words[:-2]):
        if words[at + 1 : at + 3] == ["run", "actions"] and word.rpartition("/")[2] in ("rasa", "rasa.exe"):
            return Command("actions")
    for at, word in enumerate(words[:-1]):
        if _PYTHON.match(word):
            if words[at + 1 : at + 5] == ["-m", "rasa", "run", "actions"]:
                return Command("actions")
            script = next((w for w in words[at + 1 :] if not w.startswith("-")), "")
            return Command(script=script) if script.endswith(".py") and words[at + 1] != "-m" else None
    return None


def _actions(name: str) -> Command | None:
    name = name.strip("\"'")
    return Command(name) if _NAME.match(name) else None


def _commands(line: str) -> Iterator[list[str]]:
    for part in _SEPARATORS.split(line):
        try:
            words = shlex.split(part, comments=True)
        except ValueError:
            words = part.split()
        if words:
            yield words


# --- shell lines ---------------------------------------------------------------------------------


def _read_lines(path: Path, root: Path, text: str, launches: Launches) -> None:
    """Lines of a shell: ``cd`` lasts for a line, in a script to its end."""
    lasting = path.suffix.lower() in (".sh", ".bash", ".bat", ".cmd", ".ps1")
    starts = [path.parent] + [folder for folder in path.parents if _is_within(folder, root)]
    folders = starts
    for line in text.splitlines():
        line = re.sub(r"^\s*(?:[@+-]+\s*)?(?:[\w.-]+:\s+(?![/\\]))?(?:command=|- )?", "", line)
        if not lasting:
            folders = starts
        for words in _commands(line):
            folders = _after_cd(words, folders, path)
            command = read_command(words)
            if command is not None:
                _take(command, folders, path, launches)


def _after_cd(words: Sequence[str], folders: list[Path], path: Path) -> list[Path]:
    """The folders that the shell may be in after a command."""
    if words[0] in ("cd", "pushd", "chdir") and len(words) > 1:
        where = words[-1].replace("\\", "/")
        if "dirname" in where or "~dp0" in where:
            return [path.parent]
        found = [_inside(folder, where) for folder in folders]
        return [f for f in found if f.is_dir()] if "$" not in where else folders
    return folders


def _inside(folder: Path, relative: str) -> Path:
    return Path(os.path.normpath(folder / relative))


def _is_within(folder: Path, root: Path) -> bool:
    return folder == root or root in folder.parents


def _take(command: Command, folders: Iterable[Path], source: Path, launches: Launches) -> None:
    """Note what a command starts from the first of the ``folders`` where that is there."""
    for folder in dict.fromkeys(folders):
        if command.script is not None:
            script = _inside(folder, command.script)
            if script.is_file():
                launches.scripts.add(script)
                return
        elif command.actions is not None:
            target = _module_at(folder, command.actions.split("."))
            if target is not None:
                launches.starts.append(Start(target, folder, source))
                return


def _module_at(folder: Path, parts: Sequence[str]) -> Path | None:
    """The package's folder, or the file, that goes by a dotted name from ``folder``."""
    path = folder.joinpath(*parts)
    file = path.with_name(path.name + ".py")
    if (path / "__init__.py").is_file() or (path.is_dir() and not file.is_file()):
        return path
    return file if file.is_file() else None


# --- containers ----------------------------------------------------------------------------------


@dataclass
class _Container:
    """What lies where in a container: places in it, and the project's files or folders that were put there."""

    working: PurePosixPath = _RASA_FOLDER
    placed: list[tuple[PurePosixPath, Path]] = field(default_factory=list)

    def put(self, source: Path, target: str) -> None:
        place = self.place(target)
        if source.is_file() and (target.endswith("/") or source.name != place.name):
            place = place / source.name if not place.suffix else place
        self.placed.append((place, source))

    def place(self, text: str) -> PurePosixPath:
        return PurePosixPath(os.path.normpath(self.working / text).replace(os.sep, "/"))

    def source(self, place: PurePosixPath) -> Path | None:
        """The project's file or folder at a place, by what was last put there."""
        for above in (place, *place.parents):
            for target, source in reversed(self.placed):
                found = source.joinpath(*place.relative_to(above).parts)
                if target == above and found.exists():
                    return found
        return None

    def start(self, name: str, source: Path) -> Start | None:
        """What is started by a dotted name from the working folder."""
        place = self.working.joinpath(*name.split("."))
        found = self.source(place.with_name(place.name + ".py")) or self.source(place)
        package = self.source(place / "__init__.py")
        target = package.parent if package is not None else found
        if target is None:
            return None
        parts = name.split(".")
        own = (target.with_suffix("") if target.is_file() else target).parts[-len(parts) :]
        root = target
        for _ in parts:
            root = root.parent
        return Start(target, root if list(own) == parts else None, source)

    def take(self, words: Sequence[str], source: Path, launches: Launches) -> None:
        """Note what a command starts, and follow its ``cd``."""
        if words[0] == "cd" and len(words) > 1:
            self.working = self.place(words[1])
            return
        command = read_command(words)
        if command is None:
            return
        if command.script is not None:
            script = self.source(self.place(command.script))
            if script is not None and script.is_file():
                launches.scripts.add(script)
        elif command.actions is not None:
            start = self.start(command.actions, source)
            if start is not None:
                launches.starts.append(start)


class _Dockerfile:
    def __init__(self, path: Path, root: Path, launches: Launches) -> None:
        self.path = path
        self.contexts = [path.parent, *(f for f in path.parents if _is_within(f, root))]
        self.launches = launches
        self.container = _Container()
        self.is_sdk = self.is_started = False

    def read(self, text: str) -> None:
        for line in text.splitlines():
            instruction, _, rest = line.strip().partition(" ")
            handle = getattr(self, f"_{instruction.lower()}", None) if instruction.isalpha() else None
            if handle is not None:
                handle(rest.strip())
        self._finish()

    def _finish(self) -> None:
        if self.is_sdk and not self.is_started:  # the image's own command
            self.container.take(["start", "--actions", "actions"], self.path, self.launches)

    def _from(self, rest: str) -> None:
        self._finish()
        self.container = _Container(_RASA_FOLDER if "rasa" in rest else PurePosixPath("/"))
        self.is_sdk, self.is_started = "rasa-sdk" in rest or "rasa_sdk" in rest, False

    def _workdir(self, rest: str) -> None:
        self.container.working = self.container.place(rest.strip("\"'"))

    def _copy(self, rest: str) -> None:
        words = [w for w in _words(rest) if not w.startswith("--")]
        if "--from" in rest or len(words) < 2:
            return
        *sources, target = words
        context = next((c for c in self.contexts if any(_matching(c, s) for s in sources)), None)
        if context is None:
            return
        for source in sources:
            for found in _matching(context, source):
                if found.suffix == ".py" and "*" not in source:
                    self.launches.copied.add(found)
                self.container.put(found, target)

    _add = _copy

    def _cmd(self, rest: str) -> None:
        self.is_started = True
        words = _words(rest)
        inner = words[-1] if len(words) == 3 and words[1] == "-c" and rest.startswith("[") else None
        if rest.startswith("[") and inner is None:
            if words:
                self.container.take(words, self.path, self.launches)
            return
        for command in _commands(inner or rest):
            self.container.take(command, self.path, self.launches)

    _entrypoint = _cmd


def _matching(context: Path, source: str) -> list[Path]:
    source = source.lstrip("/")
    if any(mark in source for mark in "*?["):
        try:
            return sorted(context.glob(source))
        except (ValueError, NotImplementedError):
            return []
    found = _inside(context, source)
    return [found] if found.exists() else []


def _words(rest: str) -> list[str]:
    """The words of an instruction, in either form."""
    if rest.startswith("["):
        try:
            given = json.loads(rest)
        except ValueError:
            return []
        return [str(word) for word in given] if isinstance(given, list) else []
    try:
        return shlex.split(rest)
    except ValueError:
        return rest.split()


def _read_compose(path: Path, root: Path, text: str, launches: Launches) -> None:
    """The services of a compose file: volumes, working folder, command."""
    for service in _services(text):
        container = _Container()
        working = re.search(r"(?m)^\s*working_dir:\s*[\"']?([^\s\"']+)", service)
        if working:
            container.working = container.place(working[1])
        for source, target in re.findall(r"(?m)^\s*-\s*[\"']?(\.{1,2}[^:\s]*):(/[^:\s\"']*)", service):
            container.put(_inside(path.parent, source), target)
        commands = re.findall(r"(?m)^\s*(?:command|entrypoint):[ \t]*(\S.*|(?:\n\s*-.*)+)", service)
        if not commands and "rasa-sdk" in service:
            commands = ["start --actions actions"]
        for command in commands:
            words = re.findall(r"[^\s\[\],\"']+", re.sub(r"(?m)^\s*-\s", " ", command))
            if words and container.placed:
                container.take(words, path, launches)
            elif (own := read_command(words)) is not None:
                _take(own, [path.parent, root], path, launches)


def _services(text: str) -> list[str]:
    """The text of each service, told by the indent of the first."""
    _, _, body = text.partition("services:")
    indent = re.search(r"(?m)^( +)[\w.-]+:", body)
    return re.split(rf"(?m)^(?={indent[1]}[\w.-])", body) if indent else []
