"""The requirements in the text of one file, by the kind of file: what each of the formats says.

A reader yields normalised name, PEP 440 specifier ("" for any) and line (from 1). What it doesn't
understand it passes over; for a file that is broken as a whole it raises one of `UNREADABLE`.
"""

from __future__ import annotations

import ast
import configparser
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

Found = tuple[str, str, int]  # name, specifier, line
Reader = Callable[[str], Iterator[Found]]
UNREADABLE = (OSError, ValueError, SyntaxError, RecursionError, MemoryError, configparser.Error)

_CLAUSE = r"(?:===?|~=|!=|<=|>=|<|>)\s*[\w.*+!-]+"
_REQUIREMENT = re.compile(
    r"\s*(?P<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*"
    rf"(?:\(?\s*(?P<specifier>{_CLAUSE}(?:\s*,\s*{_CLAUSE})*)?\s*,?\s*\)?|@\s*\S+)\s*(?:;.*)?$"
)
_POETRY_CLAUSE = re.compile(r"(\^|~=|~|===?|!=|<=|>=|<|>)?\s*([\w.*+!-]+)")
_IMAGE = re.compile(r"(?:\S+/)?rasa/(?P<name>rasa|rasa[-_]sdk|rasa_core_sdk)(?::(?P<tag>[\w.-]+))?(?:@\S+)?$")
_TAG = re.compile(r"v?(?P<version>\d+(?:\.\d+)*(?:(?:a|b|rc)\d+)?)(?:-.*)?$")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?-([^}]*))?\})")
_COMPOSE_IMAGE = re.compile(r"\s*image:\s*[\"']?([^\s\"']+)")
_PIP_INSTALL = re.compile(r"\bpip[\d.]*\s+install\s+([^&;|]*)")
_PIP_OPTION = re.compile(
    r"(?:^|\s)(?:-[cefirt]|--(?:constraint|editable|extra-index-url|find-links|index-url|prefix"
    r"|proxy|requirement|target|timeout|trusted-host))(?:\s+|=)\S+"
)
_INCLUDED = re.compile(r"^[ \t]*(?:-r|--requirement)[ \t=]*([^\s#]+)", re.M)


def reader_for(name: str, parent: str) -> Reader | None:
    """What reads a file of this name, in a folder of that name; None: it holds no requirements."""
    name = name.lower()
    if name.endswith(".txt"):
        return _requirements_txt if "requirements" in name or parent == "requirements" else None
    if name.startswith("dockerfile") or name.endswith(".dockerfile"):
        return read_dockerfile
    if "compose" in name and name.endswith((".yml", ".yaml")):
        return read_compose_file
    return _READERS.get(name)


def _parsed(text: str, line: int) -> Iterator[Found]:
    """The requirement in a text such as `rasa-sdk[x]>=2,<3; python_version < "3.9"`, if any."""
    if match := _REQUIREMENT.match(text):
        specifier = re.sub(r"\s", "", match["specifier"] or "")
        yield _normalised(match["name"]), specifier, line


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _logical_lines(text: str) -> Iterator[tuple[str, int]]:
    """Lines joined where they end in a backslash, with the number of the first."""
    joined, first = "", 0
    for number, line in enumerate(text.split("\n"), start=1):
        first = first or number
        if line.rstrip().endswith("\\"):
            joined += line.rstrip()[:-1] + " "
        elif not (joined and line.lstrip().startswith("#")):  # a comment inside, in a Dockerfile
            yield joined + line, first
            joined, first = "", 0
    if joined:
        yield joined, first


def _requirements_txt(text: str) -> Iterator[Found]:
    for line, number in _logical_lines(text):
        line = re.sub(r"(?:^|\s)#.*", "", line)
        line = re.split(r"\s--?\w", line)[0].strip()  # --hash=...
        if line and not line.startswith("-"):
            yield from _parsed(line, number)


def _toml(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    return tomllib.loads(text)


def _pyproject(text: str) -> Iterator[Found]:
    document = _toml(text)
    project = _table(document, "project")
    lists = [project.get("dependencies"), *_table(project, "optional-dependencies").values()]
    lists += _table(document, "dependency-groups").values()
    for items in lists:
        for item in items if isinstance(items, list) else ():
            if isinstance(item, str):
                yield from _parsed(item, _line_of(text, re.escape(item)))
    poetry = _table(_table(document, "tool"), "poetry")
    groups = [poetry, *_table(poetry, "group").values()]
    for group in groups:
        for key in ("dependencies", "dev-dependencies"):
            yield from _named(_table(group, key), text)


def _pipfile(text: str) -> Iterator[Found]:
    for key, table in _toml(text).items():
        if key not in ("source", "requires", "scripts", "pipenv") and isinstance(table, dict):
            yield from _named(table, text)


def _table(value: object, key: str) -> dict[str, Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _named(table: dict[str, Any], text: str) -> Iterator[Found]:
    """Requirements as a table of names, with a version, a table or a list of tables each."""
    for name, values in table.items():
        if name == "python":
            continue
        key = re.escape(name)
        line = _line_of(text, rf"""^\s*(?:\[.*\.)?["']?{key}["']?\s*(?:\]|=|\.\s*version)""")
        for value in values if isinstance(values, list) else [values]:
            version = value.get("version", "*") if isinstance(value, dict) else value
            for alternative in str(version).split("||"):
                yield _normalised(name), _poetry_specifier(alternative), line


def _poetry_specifier(text: str) -> str:
    """A version as Poetry and Pipenv have it (`^2.8`, `~1.4`, `1.4.*`, `*`), by PEP 440."""
    clauses = []
    for operator, version in _POETRY_CLAUSE.findall(text):
        if version == "*":
            continue
        if operator in ("^", "~"):
            clauses += [f">={version}", f"<{_upper_bound(operator, version)}"]
        else:
            clauses.append(f"{operator or '=='}{version}")
    return ",".join(clauses)


def _upper_bound(operator: str, version: str) -> str:
    match = re.match(r"\d+(?:\.\d+)*", version)
    parts = [int(part) for part in match[0].split(".")] if match else [0]
    if operator == "~":
        last = min(1, len(parts) - 1)
    else:
        last = next((index for index, part in enumerate(parts) if part), len(parts) - 1)
    return ".".join(map(str, [*parts[:last], parts[last] + 1]))


def _line_of(text: str, pattern: str) -> int:
    match = re.search(pattern, text, re.MULTILINE)
    return text.count("\n", 0, match.end()) + 1 if match else 1


def _setup_cfg(text: str) -> Iterator[Found]:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    values = []
    if parser.has_section("options"):
        values += [parser.get("options", "install_requires", fallback="")]
    if parser.has_section("options.extras_require"):
        values += [value for _, value in parser.items("options.extras_require")]
    for item in "\n".join(values).split("\n"):
        if item.strip():
            yield from _parsed(item, _line_of(text, re.escape(item.strip())))


def _setup_py(text: str) -> Iterator[Found]:
    tree = ast.parse(text)
    names = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "setup":
            for keyword in node.keywords:
                if keyword.arg in ("install_requires", "extras_require", "tests_require"):
                    yield from _literals(keyword.value, names)


def _literals(node: ast.expr, names: dict[str, ast.expr]) -> Iterator[Found]:
    """The strings in a list, in the lists of a dictionary, in a sum of lists."""
    if isinstance(node, ast.Name) and node.id in names:
        rest = {name: value for name, value in names.items() if name != node.id}
        yield from _literals(names[node.id], rest)
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from _literals(value, names)
    elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        for value in node.elts:
            yield from _literals(value, names)
    elif isinstance(node, ast.BinOp):
        yield from _literals(node.left, names)
        yield from _literals(node.right, names)
    elif isinstance(node, ast.Starred):
        yield from _literals(node.value, names)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        for offset, line in enumerate(node.value.split("\n")):
            yield from _parsed(line, node.lineno + offset)


def included_files(text: str) -> list[str]:
    """The files that a requirements file names by `-r`, as written."""
    return _INCLUDED.findall(text)


def read_dockerfile(text: str) -> Iterator[Found]:
    variables: dict[str, str] = {}
    for line, number in _logical_lines(text):
        words = line.split()
        keyword = words[0].upper() if words else ""
        if keyword in ("ARG", "ENV") and (match := re.match(r"\s*\w+\s+(\w+)[=\s]\s*(.*)", line)):
            variables[match[1]] = match[2].strip().strip("\"'")
        elif keyword == "FROM":
            images = [word for word in words[1:] if not word.startswith("--")]
            yield from _image(_substituted(images[0] if images else "", variables), number)
        elif keyword == "RUN":
            for command in _PIP_INSTALL.findall(_substituted(line, variables)):
                for word in _PIP_OPTION.sub(" ", command).split():
                    yield from _parsed(word.strip("\"'"), number)


def read_compose_file(text: str) -> Iterator[Found]:
    for number, line in enumerate(text.split("\n"), start=1):
        if match := _COMPOSE_IMAGE.match(line):
            yield from _image(_substituted(match[1], {}), number)


def _substituted(text: str, variables: dict[str, str]) -> str:
    """The text with `$NAME` and `${NAME:-default}` replaced, as far as known."""
    return _VARIABLE.sub(lambda match: variables.get(match[1] or match[2]) or match[3] or "", text)


def _image(image: str, line: int) -> Iterator[Found]:
    if match := _IMAGE.match(image):
        tag = _TAG.match(match["tag"] or "")
        version = tag["version"] if tag else ""
        if version and version.count(".") < 2:
            version += ".*"
        yield _normalised(match["name"]), f"=={version}" if version else "", line


_READERS: dict[str, Reader] = {
    "pyproject.toml": _pyproject,
    "setup.cfg": _setup_cfg,
    "setup.py": _setup_py,
    "pipfile": _pipfile,
}
