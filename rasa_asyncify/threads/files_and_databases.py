"""What two actions must not do at once though they share no object: use a file that actions write, or an embedded
database, or state that is one for the process.

The event loop ran one action at a time, so that an action that read a file, changed what was in it and wrote it back
never met another that did the same. Two worker threads would.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.catalogue import Library
from rasa_asyncify.project.bindings import Annotated, Assigned, Imported, last_name
from rasa_asyncify.project.expressions import only_assigned
from rasa_asyncify.project.model import Binding, Function, Module, Parameter, Scope
from rasa_asyncify.project.values import External

UNKNOWN = "?"
_DEPTH = 6
_WRITING_MODE = re.compile(r"[wax+]")
_READING_MODE = re.compile(r"[r+]")
# Paths made of things with such names belong to one conversation or to one call.
_PERSONAL = re.compile(r"sender_id|uuid|tempfile|mkstemp|mkdtemp|TemporaryDirectory|NamedTemporaryFile")
_READING_SQL = re.compile(r"\s*(select|pragma|explain|values|with)\b", re.I)
_WRITING_SQL = re.compile(r"\b(insert|update|delete|replace|create|drop|alter)\b", re.I)
_SQLITE = "sqlite3.connect"
_WRITES_SQLITE = frozenset(
    {"sqlite3.Connection.commit", "sqlite3.Connection"}  # the class: as a `with` block, which commits
    | {f"sqlite3.{c}.{m}" for c in ("Connection", "Cursor") for m in ("executemany", "executescript")}
)
_BUFFERS = frozenset({"io.BytesIO", "io.StringIO"})
_EXECUTES = frozenset({"sqlite3.Connection.execute", "sqlite3.Cursor.execute"})


@dataclass(frozen=True)
class _FileUse:
    site: Site
    files: frozenset[str]
    writes: bool
    reads: bool


def alone_sites(graph: Graph) -> dict[Site, bool]:
    """The sites of reached functions that two actions must not be at together.

    True where one only opens a file that no action reads, so that other writers may come in between its uses.
    """
    return _Finder(graph).find()


class _Finder:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.catalogue = graph.finder.catalogue
        self.texts = [m.source.text for m in graph.inference.project.modules.values()]
        self._conditions: dict[str, bool] = {}

    def find(self) -> dict[Site, bool]:
        sites = [s for f in self.graph.reached for s in self.graph.finder.sites(f.scope)]
        found = dict.fromkeys((s for s in sites if any(map(self._is_alone, s.blockers))), False)
        uses = [use for site in sites for use in self._uses(site)]
        written = {file for use in uses if use.writes for file in use.files}
        read = {file for use in uses if use.reads for file in use.files}
        for use in uses:
            if use.files & written:
                found[use.site] = use.site not in found and not use.files & read
        return found

    def _is_alone(self, name: str) -> bool:
        """Whether the catalogue says so of what blocks: of the library's functions, or in a project like this one."""
        library = self.catalogue.library(name)
        if library is None or not library.exclusive:
            return False
        if library.exclusive_where:
            if library.root not in self._conditions:
                self._conditions[library.root] = any(library.exclusive_where in text for text in self.texts)
            if not self._conditions[library.root]:
                return False
        return any(fnmatchcase(name, pattern) for pattern in library.exclusive)

    # -- files ---------------------------------------------------------------

    def _uses(self, site: Site) -> Iterator[_FileUse]:
        node = site.node
        if not isinstance(node, ast.Call):
            return
        for name in site.blockers:
            library = self.catalogue.library(name)
            if library is None:
                continue
            for known in self._with_bases(name, library):
                if known in library.opens_files:
                    place = library.opens_files[known]
                    mode = _mode(node, place + 1)
                    yield self._use(
                        site, node, place, bool(_WRITING_MODE.search(mode)), bool(_READING_MODE.search(mode))
                    )
                if known in library.reads_files:
                    yield self._use(site, node, library.reads_files[known], False, True)
                if known in library.writes_files and (
                    node.args or node.keywords or library.writes_files[known] < 0
                ):
                    yield self._use(site, node, library.writes_files[known], True, True)
            if name == _SQLITE:
                yield self._use(site, node, 0, self._writes_sqlite(site), True)

    def _with_bases(self, name: str, library: Library) -> list[str]:
        """The name of a method, and its names in the bases of its class."""
        owner, _, member = name.rpartition(".")
        cls = library.classes.get(owner)
        return [name, *(f"{base}.{member}" for base in cls.bases)] if cls is not None else [name]

    def _use(self, site: Site, node: ast.Call, place: int, writes: bool, reads: bool) -> _FileUse:
        argument: ast.expr | None = None
        if place < 0:
            argument = node.func.value if isinstance(node.func, ast.Attribute) else None
        elif place < len(node.args):
            argument = node.args[place]
        elif node.keywords and not node.args:
            argument = node.keywords[0].value
        files = self.files(argument, site.scope) if argument is not None else {UNKNOWN}
        return _FileUse(site, frozenset(files), writes, reads)

    def files(self, node: ast.expr, scope: Scope, depth: int = 0) -> set[str]:
        """The last parts of the paths that an expression may give; ``UNKNOWN`` stands for any, and none for its own."""
        if depth > _DEPTH:
            return {UNKNOWN}
        if _is_personal(node) or self._is_memory(node, scope):
            return set()
        if isinstance(node, ast.Name):
            return self._named(node.id, scope, depth)
        if isinstance(node, ast.Attribute):
            return self._held(node, scope, depth)
        last = _last_text(node)
        if isinstance(last, str):
            return {re.split(r"[/\\]", last)[-1]}
        if last is not None:
            return self.files(last, scope, depth + 1)
        return {UNKNOWN}

    def _is_memory(self, node: ast.expr, scope: Scope) -> bool:
        """Whether what is given for a file is a buffer."""
        if isinstance(node, ast.Call):
            made = self.graph.inference.infer(node.func, scope)
            return any(isinstance(v, External) and v.name in _BUFFERS for v in made)
        return False

    def _named(self, name: str, scope: Scope, depth: int) -> set[str]:
        found = scope.lookup(name)
        if found is None:
            return {UNKNOWN}
        files: set[str] = set()
        for binding in found[0]:
            files |= self._bound(binding, found[1], depth + 1)
        return files

    def _bound(self, binding: Binding, scope: Scope, depth: int) -> set[str]:
        if isinstance(binding, Assigned):
            return self.files(binding.value, scope, depth)
        if isinstance(binding, Parameter):
            return self._given(binding, depth)
        if isinstance(binding, Imported):
            target = self.graph.inference.project.resolve_import(binding, scope.module)
            if isinstance(target, tuple) and isinstance(target[0], Module):
                return self._named(target[1], target[0].scope, depth)
        return set() if isinstance(binding, Annotated) else {UNKNOWN}

    def _given(self, parameter: Parameter, depth: int) -> set[str]:
        """What the callers give for a parameter."""
        function = parameter.function
        files: set[str] = set()
        if parameter.default is not None:
            files |= self.files(parameter.default, function.parent, depth)
        for site in self.graph.callers.get(function, ()):
            argument = _argument(site.node, parameter, function)
            if argument is not None:
                files |= self.files(argument, site.scope, depth)
            elif parameter.default is None:
                files.add(UNKNOWN)
        return files

    def _held(self, node: ast.Attribute, scope: Scope, depth: int) -> set[str]:
        """What an attribute of an instance or a module holds."""
        function, holder = scope.function, node.value
        if isinstance(holder, ast.Name):
            for binding in (scope.lookup(holder.id) or ((), scope))[0]:
                target = (
                    self.graph.inference.project.resolve_import(binding, scope.module)
                    if isinstance(binding, Imported)
                    else None
                )
                if isinstance(target, Module):
                    return self._named(node.attr, target.scope, depth + 1)
        if isinstance(holder, ast.Name) and function is not None and holder.id == function.self_name:
            assert function.owner is not None
            files: set[str] = set()
            for cls in function.owner.ancestry():
                for value, inner in cls.stored.get(node.attr, ()):
                    files |= self.files(value, inner, depth + 1)
                for binding in cls.scope.bindings.get(node.attr, ()):
                    files |= self._bound(binding, cls.scope, depth + 1)
            return files or {UNKNOWN}
        return {f".{node.attr}"}

    # -- SQLite ---------------------------------------------------------------

    def _writes_sqlite(self, site: Site) -> bool:
        """Whether what is done over the connection made at ``site`` changes the database, as far as it can be seen."""
        function = site.scope.function
        stays = function is not None and not _gives_away(site.node, site.scope)
        functions = [function] if stays and function is not None else list(self.graph.reached)
        return any(map(_changes_sqlite, (s for f in functions for s in self.graph.finder.sites(f.scope))))


def _changes_sqlite(site: Site) -> bool:
    if _WRITES_SQLITE.intersection(site.blockers):
        return True
    node = site.node
    if not _EXECUTES.intersection(site.blockers) or not isinstance(node, ast.Call) or not node.args:
        return False
    return not _only_reads(node.args[0], site.scope)


def _only_reads(node: ast.expr, scope: Scope, depth: int = 0) -> bool:
    """Whether an SQL statement that is written down, or whose beginning is, changes nothing."""
    if depth > _DEPTH:
        return False
    if isinstance(node, ast.Constant):
        text = node.value
        return isinstance(text, str) and bool(_READING_SQL.match(text)) and not _WRITING_SQL.search(text)
    if isinstance(node, ast.JoinedStr) and node.values:
        return _only_reads(node.values[0], scope, depth + 1)
    if isinstance(node, ast.FormattedValue):
        return _only_reads(node.value, scope, depth + 1)
    if isinstance(node, ast.BinOp):
        return _only_reads(node.left, scope, depth + 1)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return _only_reads(node.func.value, scope, depth + 1)
    if not isinstance(node, ast.Name):
        return False
    bindings, owner = scope.lookup(node.id) or ([], scope)
    values = only_assigned(bindings)
    return bool(values) and all(_only_reads(v, owner, depth + 1) for v in values)


def _gives_away(node: ast.AST, scope: Scope) -> bool:
    """Whether what is made at ``node`` is returned, stored or handed on, so that others use it."""
    parent = scope.facts.parents.get(node)
    if not isinstance(parent, (ast.Assign, ast.withitem, ast.Attribute)):
        return True
    if isinstance(parent, ast.Attribute):
        return False
    target = parent.targets[0] if isinstance(parent, ast.Assign) else parent.optional_vars
    if not isinstance(target, ast.Name):
        return target is not None
    for name in scope.facts.names:
        if name.id == target.id and isinstance(name.ctx, ast.Load):
            if isinstance(scope.facts.parents.get(name), (ast.Return, ast.Call, ast.Tuple, ast.keyword)):
                return True
    return False


def _mode(node: ast.Call, place: int) -> str:
    """The mode of an ``open``; one that can't be read may be any."""
    mode = next((k.value for k in node.keywords if k.arg == "mode"), None)
    if mode is None and len(node.args) > place:
        mode = node.args[place]
    if mode is None:
        return "r"
    return _first_text(mode) or "r+"


def _argument(node: ast.AST, parameter: Parameter, function: Function) -> ast.expr | None:
    if not isinstance(node, ast.Call):
        return None
    for keyword in node.keywords:
        if keyword.arg == parameter.name:
            return keyword.value
    index = parameter.index - (function.self_name is not None)
    return node.args[index] if 0 <= index < len(node.args) else None


def _is_personal(node: ast.expr) -> bool:
    """Whether something in a path is of one conversation, or of one call."""
    words = (last_name(inner) for inner in ast.walk(node) if isinstance(inner, ast.expr))
    return any(_PERSONAL.search(word) for word in words)


def _first_text(node: ast.expr) -> str | None:
    """What a text starts with, where that is written down."""
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]
    while isinstance(node, ast.BinOp):
        node = node.left
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _last_text(node: ast.expr) -> str | ast.expr | None:
    """The end of a path, if it is written down; else the expression that gives it, or None."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        last = node.values[-1] if node.values else None
        text = last.value if isinstance(last, ast.Constant) else ""
        return text if isinstance(text, str) and re.search(r"[/\\]", text) else None
    if isinstance(node, ast.BinOp):
        return _last_text(node.right) if isinstance(node.right, ast.Constant) else node.right
    if isinstance(node, ast.Call):
        return _last_text(node.args[-1]) if node.args else None
    return node if isinstance(node, (ast.Name, ast.Attribute)) else None
