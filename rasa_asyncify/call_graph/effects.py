"""Which calls leave something behind outside of the process: messages sent, rows written, files changed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.project.bindings import Assigned, Imported, last_name
from rasa_asyncify.project.model import Function, Module, Parameter, Scope
from rasa_asyncify.project.values import External

_DEPTH = 8
# The words that a method's name starts with; `create_connection` and the like follow below.
_VERBS = frozenset("""
    accept add append apply approve archive assign ban batch bulk cancel capture cascade confirm copy create
    decline decr delay delete delitem drop edit expire finalize forward hdel hincrby hmset hset incr incrby index
    insert invite linsert lpop lpush lrem lset mark mkd modify move mset patch pay pin post promote publish purge
    push put refund remove rename replace reply restrict rpop rpush sadd save send sendall sendmail set setex setnx
    spop srem stop storbinary storlines store submit transfer transition truncate unlink unpin unset update upload
    upsert void write zadd zrem
    """.split())
# Not what these make or set: connections, indexes and their settings.
_NO_EFFECT = re.compile(
    r"^(add_connection|apply$|batch$|bulk_get|create_(default_)?(connection|client|context|engine|pool|session|tables?|all"
    r"|collection|index|indexes)|set_(isolation|session|character|charset|client|keyspace|page|script|debug)\w*"
    r"|write_to_fp|copyfileobj|close)"
)
_EXECUTES = frozenset(
    {"execute", "executemany", "executescript", "query", "run", "exec_driver_sql", "execute_query"}
)
_WRITES = re.compile(
    r"[\s(]*(insert|update|delete|replace|merge|upsert|truncate|drop|copy|detach"
    r"|create(?!\s+(unique\s+)?\w+\s+if\s+not))\b"
    r"|[\s(]*(optional\s+match|match|with|unwind)\b.*\b(insert\s+into|update\s+\w+\s+set|delete|merge|create|set)\b",
    re.I | re.S,
)
_TEXTS = frozenset({"SQL", "cleandoc", "dedent", "text"})
_STATEMENTS = frozenset({"delete", "insert", "select", "update"})
_TEXT_METHODS = frozenset({"format", "join", "lower", "lstrip", "replace", "strip", "upper"})
_WRITING_MODE = re.compile(r"[wax+]")
_WRITING_CHAIN = re.compile(
    r"\.(insert|update|append|patch|delete|create|send|move|clear|batchUpdate|trash)\("
)
_TEMPORARY = re.compile(r"(?<![a-z])(tmp|temp(?![a-z])|tempfile|temporary)", re.I)
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# What many post though they only ask: by the address, and by the name of the function that does it.
_ASKED_FOR = re.compile(
    r"token|auth|log-?in|graphql|sparql|search|query|complet|embed|predict|inference|translat|generat|classif|parse|chat",
    re.I,
)
_ASKS = re.compile(
    r"^_*(get|fetch|load|find|search|query|ask|select|look|lookup|retrieve|list|read|check|is|has|count|predict|classify"
    r"|translate|detect|generate|complete|embed|summarize|summarise|log|login|auth|authenticate|token|extract|describe)"
    r"(?![a-z])",
    re.I,
)


@dataclass(frozen=True)
class Effect:
    """``name`` is what changes something outside; ``by`` the project's function that does it, where one was called."""

    name: str
    by: str = ""

    @property
    def commits(self) -> bool:
        """Whether it ends a transaction."""
        return "commit" in self.name.rpartition(".")[2]

    @property
    def root(self) -> str:
        """The library that it belongs to."""
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class _Entered:
    """A function, and the call by which it was entered; ``None`` for the one that is looked at."""

    function: Function | None
    call: ast.AST | None = None
    scope: Scope | None = None


_Way = tuple[_Entered, ...]


def effects_of(site: Site, graph: Graph) -> list[Effect]:
    """How the site, and what it calls, change something outside; none where they only ask."""
    finder = _Finder(graph)
    found = list(finder.find(site, (_Entered(site.scope.function),)))
    return [effect for effect in found if not (effect.commits and finder.only_reads)]


def without_uncommitted(effects: Iterable[Effect]) -> set[Effect]:
    """The effects, without the statements of a transaction that another of them commits."""
    effects = set(effects)
    committed = {effect.root for effect in effects if effect.commits}
    return {e for e in effects if e.commits or e.root not in committed or not _executes(e.name)}


class _Finder:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.catalogue = graph.finder.catalogue
        self.seen: set[Function] = set()
        self.executed: set[str | None] = set()

    @property
    def only_reads(self) -> bool:
        """Whether all that was executed for a database is known to read, so that there is nothing to commit."""
        known = {text for text in self.executed if text is not None}
        return bool(known) and None not in self.executed and not any(map(_WRITES.match, known))

    def find(self, site: Site, way: _Way) -> Iterator[Effect]:
        for name in self._blockers(site, way):
            if self._changes(name, site, way):
                by = way[1].function if len(way) > 1 else None
                yield Effect(name, by.qualname if by is not None else "")
        for target in self.graph.through(site) if len(way) < _DEPTH else ():
            awaited = site.node in site.scope.facts.awaited
            if target in self.seen or (target.is_async and not awaited):
                continue
            self.seen.add(target)
            entered = (*way, _Entered(target, site.node, site.scope))
            for inner in sorted(self.graph.active_sites(target.scope), key=lambda s: s.line):
                yield from self.find(inner, entered)

    def _blockers(self, site: Site, way: _Way) -> Iterable[str]:
        """What the site blocks on; where it calls a parameter, only what this way hands over for it."""
        node = site.node
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            given = _given(node.func.id, site.scope, way)
            if given is not None:
                values = self.graph.inference.infer(*given)
                return [v.name for v in values if isinstance(v, External) and v.name in site.blockers]
        return site.blockers

    # -- one call ---------------------------------------------------------------

    def _changes(self, name: str, site: Site, way: _Way) -> bool:
        last, known = name.rpartition(".")[2], self.catalogue.effects(name)
        filed = self._files(name, site)
        if filed is not None:
            return filed
        if known == "none" or self.catalogue.computes(name):
            return False
        if last in ("request", "urlopen") or (last == "post" and known == "posts"):
            return self._sends(last, site, way)
        if _executes(name):
            return self._writes(site, way)
        if "commit" in last.split("_"):
            return self._commits(site, way)
        if known == "asks" or _NO_EFFECT.match(last):
            return False
        words = re.split(r"_|(?<=[a-z])(?=[A-Z])", last)
        return words[0].lower() in _VERBS

    def _files(self, name: str, site: Site) -> bool | None:
        """Whether a function on files writes one that is to stay; None for other functions."""
        library, node = self.catalogue.library(name), site.node
        if library is None or not isinstance(node, ast.Call):
            return None
        if name in library.opens_files:
            return _opens_to_write(node, library.opens_files[name]) and not _TEMPORARY.search(
                ast.unparse(node)
            )
        if name in library.writes_files and name.rpartition(".")[2] not in ("makedirs", "mkdir", "touch"):
            given = bool(node.args or node.keywords) or library.writes_files[name] < 0
            return given and not _TEMPORARY.search(ast.unparse(node))
        return False if name in library.reads_files or name in library.writes_files else None

    # -- HTTP ---------------------------------------------------------------

    def _sends(self, last: str, site: Site, way: _Way) -> bool:
        """Whether a request changes something; a POST may only ask, as the names around it tell."""
        node = site.node
        if not isinstance(node, ast.Call):
            return False
        method = "POST"
        if last == "request":
            given = _argument(node, 0, "method")
            texts = self._texts(given, site.scope, way) if given is not None else set()
            known = {text.upper() for text in texts if text is not None}
            method = next(iter(known & _CHANGING - {"POST"}), "POST" if "POST" in known else "")
        elif last == "urlopen" and _argument(node, 1, "data") is None:
            return False
        if method != "POST":
            return bool(method)
        asks = any(e.function is not None and _ASKS.match(_snake(e.function.name)) for e in way)
        return not asks and not self._asked_for(node, last, site, way)

    def _asked_for(self, node: ast.Call, last: str, site: Site, way: _Way) -> bool:
        url = _argument(node, 1 if last == "request" else 0, "url")
        if url is None:
            return False
        written = [n.id for n in ast.walk(url) if isinstance(n, ast.Name)]
        written += [n.attr for n in ast.walk(url) if isinstance(n, ast.Attribute)]
        written += [str(n.value) for n in ast.walk(url) if isinstance(n, ast.Constant)]
        written += [text for text in self._texts(url, site.scope, way) if text is not None]
        return any(map(_ASKED_FOR.search, written))

    # -- databases ---------------------------------------------------------------

    def _writes(self, site: Site, way: _Way) -> bool:
        """Whether a statement for a database changes something, as far as it is written down."""
        node = site.node
        if not isinstance(node, ast.Call):
            return False
        if not node.args:
            return bool(_WRITING_CHAIN.search(ast.unparse(node.func)))
        texts = self._texts(node.args[0], site.scope, way)
        self.executed |= texts
        return any(text is not None and _WRITES.match(text) for text in texts)

    def _commits(self, site: Site, way: _Way) -> bool:
        """That there is something to commit is believed, unless what was executed shows that there isn't."""
        for other in self.graph.finder.sites(site.scope):
            if any(map(_executes, other.blockers)):
                self._writes(other, way)
        return True

    # -- texts ---------------------------------------------------------------

    def _texts(self, node: ast.expr, scope: Scope, way: _Way, depth: int = 0) -> set[str | None]:
        """What the texts that an expression may give start with; None stands for any."""
        if depth > _DEPTH:
            return {None}
        if isinstance(node, ast.Name):
            return self._named(node.id, scope, way, depth)
        if isinstance(node, ast.Attribute):
            module = self._module(node.value, scope)
            return self._named(node.attr, module.scope, way, depth) if module is not None else {None}
        if isinstance(node, ast.Call):
            return self._called(node, scope, way, depth)
        if isinstance(node, ast.BinOp):
            return self._texts(node.left, scope, way, depth + 1)
        if isinstance(node, ast.IfExp):
            both = (node.body, node.orelse)
            return {text for part in both for text in self._texts(part, scope, way, depth + 1)}
        if isinstance(node, ast.JoinedStr) and node.values:
            node = node.values[0]
        return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else {None}

    def _called(self, node: ast.Call, scope: Scope, way: _Way, depth: int) -> set[str | None]:
        """``text("...")``, ``"...".format(x)``, ``insert(guests).values(x)``."""
        name, inner = last_name(node.func), None
        if name in _STATEMENTS:
            return {name}
        if name in _TEXTS:
            inner = next(iter(node.args), None)
        elif isinstance(node.func, ast.Attribute):
            holder = node.func.value
            inner = holder if name in _TEXT_METHODS or isinstance(holder, ast.Call) else None
        return self._texts(inner, scope, way, depth + 1) if inner is not None else {None}

    def _module(self, node: ast.expr, scope: Scope) -> Module | None:
        found = scope.lookup(node.id) if isinstance(node, ast.Name) else None
        for binding in found[0] if found else ():
            if isinstance(binding, Imported):
                target = self.graph.inference.project.resolve_import(binding, scope.module)
                return target if isinstance(target, Module) else None
        return None

    def _named(self, name: str, scope: Scope, way: _Way, depth: int) -> set[str | None]:
        given = _given(name, scope, way)
        if given is not None:
            return self._texts(*given, way[:-1], depth + 1)
        found = scope.lookup(name)
        texts: set[str | None] = set()
        for binding in found[0] if found else ():
            texts |= self._bound(binding, found[1] if found else scope, way, depth)
        return texts or {None}

    def _bound(self, binding: object, scope: Scope, way: _Way, depth: int) -> set[str | None]:
        if isinstance(binding, Assigned):
            return self._texts(binding.value, scope, way, depth + 1)
        if isinstance(binding, Imported):
            target = self.graph.inference.project.resolve_import(binding, scope.module)
            if isinstance(target, tuple) and isinstance(target[0], Module):
                return self._named(target[1], target[0].scope, way, depth + 1)
        return {None}


def _given(name: str, scope: Scope, way: _Way) -> tuple[ast.expr, Scope] | None:
    """What the call that entered the scope's function last gives for its parameter ``name``."""
    last = way[-1]
    if last.function is None or last.function is not scope.function or last.scope is None:
        return None
    parameters = [b for b in scope.bindings.get(name, ()) if isinstance(b, Parameter)]
    if not parameters or len(scope.bindings[name]) > 1 or not isinstance(last.call, ast.Call):
        return None
    index = parameters[0].index - (last.function.self_name is not None)
    given = _argument(last.call, index, name)
    return (given, last.scope) if given is not None else None


def _argument(node: ast.Call, index: int, name: str) -> ast.expr | None:
    for keyword in node.keywords:
        if keyword.arg == name:
            return keyword.value
    if 0 <= index < len(node.args) and not any(isinstance(a, ast.Starred) for a in node.args[: index + 1]):
        return node.args[index]
    return None


def _opens_to_write(node: ast.Call, place: int) -> bool:
    mode = _argument(node, place + 1, "mode")
    text = mode.value if isinstance(mode, ast.Constant) else None
    return isinstance(text, str) and bool(_WRITING_MODE.search(text))


def _executes(name: str) -> bool:
    return name.rpartition(".")[2] in _EXECUTES


def _snake(name: str) -> str:
    """``get_token`` for ``getToken``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
