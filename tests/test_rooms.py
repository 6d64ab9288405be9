"""The rooms of the house import downwards only, as the drawing in CONTRIBUTING.md shows them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rasa_asyncify"


def drawn() -> dict[str, int]:
    """The rooms of the drawing, with their storeys: 0 is the lowest."""
    drawing = re.search(r"```text\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.S)
    assert drawing is not None
    lines = drawing[1].splitlines()
    return {room: len(lines) - n for n, line in enumerate(lines) for room in line.split(", ")}


def modules() -> dict[str, Path]:
    """The package's modules by their dotted names."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(path: Path) -> Iterator[str]:
    """The package's modules that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in MODULES or node.module in MODULES:
                    yield inner if inner in MODULES else node.module


def room_of(module: str) -> str:
    """``rasa_asyncify.flow.order`` is in ``flow``."""
    return f"{module}.".split(".")[1]


IMPORTS = {module: set(imported(path)) for module, path in MODULES.items()}


@pytest.mark.parametrize("room", drawn())
def test_a_room_imports_from_below_only(room: str) -> None:
    storeys = drawn()
    wrong = [
        f"{module} imports {other}"
        for module, others in IMPORTS.items()
        if room_of(module) == room
        for other in others
        if room_of(other) != room and storeys.get(room_of(other), -1) >= storeys[room]
    ]
    assert not wrong


def test_the_drawing_is_complete() -> None:
    """Every room that imports a drawn one is drawn, and every drawn one is there."""
    rooms = {room_of(module) for module in MODULES}
    assert drawn().keys() <= rooms
    above_none = {room_of(m) for m, others in IMPORTS.items() for o in others if room_of(o) in drawn()}
    assert above_none - drawn().keys() <= {"__main__", "client_sessions", "config", "edits", "rewrite"}


def test_no_module_imports_itself_by_way_of_others() -> None:
    def reached(module: str, seen: set[str]) -> set[str]:
        for other in IMPORTS[module] - seen:
            seen.add(other)
            reached(other, seen)
        return seen

    assert [module for module in IMPORTS if module in reached(module, set())] == []


def test_each_room_says_what_is_in_it_and_stays_small() -> None:
    for room in PACKAGE.iterdir():
        if (room / "__init__.py").exists():
            assert ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8"))), room.name
            assert len(list(room.glob("*.py"))) <= 10, f"{room.name} has too many files"
