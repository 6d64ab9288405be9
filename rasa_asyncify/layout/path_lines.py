"""The folders that a module puts on ``sys.path``."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rasa_asyncify.project.bindings import dotted
from rasa_asyncify.project.model import Module

_SAME_NAMES = frozenset(
    {
        "abspath",
        "realpath",
        "normpath",
        "normcase",
        "resolve",
        "absolute",
        "str",
        "fspath",
        "expanduser",
        "as_posix",
    }
)


@dataclass(frozen=True)
class PathLine:
    """A statement that changes ``sys.path``: the ``folders`` that it may add; none where reading can't tell.

    ``surely``: it stands at the top of the module, outside of any condition.
    """

    folders: tuple[Path, ...]
    surely: bool


def path_lines(module: Module, working: Sequence[Path]) -> list[PathLine]:
    """What ``module`` adds; the ``working`` folders are those that the process may have been started from."""
    if "path" not in module.source.text or "sys" not in module.source.text:
        return []
    surely = {id(statement.value) for statement in module.tree.body if isinstance(statement, ast.Expr)}
    surely |= {id(s) for s in module.tree.body if isinstance(s, (ast.Assign, ast.AugAssign))}
    reader = _Reader(module, working)
    found = []
    for node in ast.walk(module.tree):
        added = _added(node)
        if added:
            folders = [f for e in added for f in reader.folders(e)]
            found.append(PathLine(tuple(dict.fromkeys(folders)), id(node) in surely))
    return found


def _added(node: ast.AST) -> list[ast.expr]:
    """The expressions that a call or an assignment adds to ``sys.path``."""
    if isinstance(node, ast.Call):
        name = dotted(node.func) or ""
        if name in ("sys.path.append", "path.append"):
            return node.args[:1]
        if name in ("sys.path.insert", "path.insert"):
            return node.args[1:2]
        if name in ("sys.path.extend", "path.extend"):
            return _elements(node.args[0]) if node.args else []
        return node.args[:1] if name in ("site.addsitedir", "addsitedir") else []
    if isinstance(node, (ast.Assign, ast.AugAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(_is_path(target) for target in targets):
            return _elements(node.value)
    return []


def _is_path(target: ast.expr) -> bool:
    inner = target.value if isinstance(target, ast.Subscript) else target
    return dotted(inner) == "sys.path"


def _elements(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, (ast.List, ast.Tuple)):
        return [e.value if isinstance(e, ast.Starred) else e for e in node.elts if not _is_path(e)]
    if isinstance(node, ast.BinOp):
        return [*_elements(node.left), *_elements(node.right)]
    return [] if _is_path(node) else [node]


class _Reader:
    """Folds expressions that make paths, as far as they are constants and ``__file__``."""

    def __init__(self, module: Module, working: Sequence[Path]) -> None:
        self.module = module
        self.working = working
        self.following: set[str] = set()
        self.assigned: dict[str, ast.expr] = {}
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                target = node.targets[0]
                if isinstance(target, ast.Name):
                    self.assigned.setdefault(target.id, node.value)

    def folders(self, node: ast.expr) -> list[Path]:
        """The existing folders that an expression may stand for: several where it depends on the working one."""
        text = self._text(node)
        if text is None:
            return []
        starts = [Path("/")] if Path(text).is_absolute() else self.working
        found = [_plain(start / text) for start in starts]
        return [folder for folder in dict.fromkeys(found) if folder.is_dir()]

    def _text(self, node: ast.expr) -> str | None:
        """The path as text; relative to the working folder where it isn't absolute."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.Add)):
            left, right = self._text(node.left), self._text(node.right)
            if left is None or right is None:
                return None
            return str(Path(left, right)) if isinstance(node.op, ast.Div) else left + right
        if isinstance(node, ast.Subscript):
            return self._parent(node)
        return self._call(node) if isinstance(node, ast.Call) else None

    def _name(self, name: str) -> str | None:
        if name == "__file__":
            return str(self.module.path)
        if name not in self.assigned or name in self.following:
            return None
        self.following.add(name)
        try:
            return self._text(self.assigned[name])
        finally:
            self.following.discard(name)

    def _attribute(self, node: ast.Attribute) -> str | None:
        if node.attr == "parent":
            inner = self._text(node.value)
            return None if inner is None else str(Path(inner).parent)
        return {"curdir": ".", "pardir": "..", "sep": "/"}.get(node.attr)

    def _parent(self, node: ast.Subscript) -> str | None:
        """``path.parents[1]``."""
        number = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if not isinstance(node.value, ast.Attribute) or node.value.attr != "parents":
            return None
        inner = self._text(node.value.value)
        if inner is None or not isinstance(number, int) or not 0 <= number < len(Path(inner).parents):
            return None
        return str(Path(inner).parents[number])

    def _call(self, call: ast.Call) -> str | None:
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        name = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        if name in ("getcwd", "cwd", "getcwdu"):
            return "."
        if name in ("join", "joinpath"):
            return self._joined([*([owner] if name == "joinpath" and owner else []), *call.args] or None)
        if name in ("Path", "PurePath", "PosixPath") or (name in _SAME_NAMES and call.args):
            return self._joined(call.args)
        if name in _SAME_NAMES and owner is not None:
            return self._text(owner)
        if name == "dirname" and call.args:
            inner = self._text(call.args[0])
            return None if inner is None else str(Path(inner).parent) if inner != "." else ".."
        return None

    def _joined(self, nodes: list[ast.expr] | None) -> str | None:
        """The path of several parts; None where one isn't known, or there are none to speak of."""
        parts = [self._text(part) for part in nodes or ()]
        known = [part for part in parts if part is not None]
        return None if nodes is None or len(known) < len(parts) else str(Path(*known))


def _plain(path: Path) -> Path:
    """The path without ``..``, by its text: links were resolved when the files were found."""
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts[1:] = parts[1:-1]
        elif part != ".":
            parts.append(part)
    return Path(*parts)
