"""Modules, classes, functions and scopes of a project, and what each scope binds.

Everything below the module level is read on demand: a function's body is walked once, when something asks for
its bindings or its calls, because most functions of most projects are never asked about.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol, TypeAlias

from rasa_asyncify.project.bindings import (
    Addition,
    Annotated,
    Assigned,
    Entered,
    Imported,
    Item,
    Opaque,
    last_name,
)
from rasa_asyncify.source import Source

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTION_NODES = (ast.FunctionDef, ast.AsyncFunctionDef)
_GROWS = re.compile(r"(?=\[|\|=|\+=|\.(?:add|append|appendleft|extend|insert|setdefault|update)\()")
_INNER_CLASS = re.compile(r"^[ \t]+class[ \t]", re.M)
TEST_FOLDERS = ("tests", "test", "testing")
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(eq=False, slots=True)
class Parameter:
    """A parameter of ``function``; ``star`` is "*" or "**" for the collecting ones."""

    function: Function
    name: str
    index: int
    annotation: ast.expr | None
    default: ast.expr | None
    star: str = ""


Binding: TypeAlias = (
    "Imported | Assigned | Annotated | Entered | Item | Parameter | Opaque | Function | Class"
)


@dataclass(eq=False)
class Facts:
    """What stands in one scope's own code: not in that of functions or classes nested in it."""

    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    calls: list[ast.Call] = field(default_factory=list)
    loads: list[ast.Attribute] = field(default_factory=list)
    subscripts: list[ast.Subscript] = field(default_factory=list)
    loops: list[ast.For | ast.comprehension] = field(default_factory=list)
    withs: list[ast.With] = field(default_factory=list)
    tries: list[ast.Try] = field(default_factory=list)
    returns: list[ast.Return] = field(default_factory=list)
    stores: list[tuple[ast.Attribute, ast.expr]] = field(default_factory=list)
    added: list[Addition] = field(default_factory=list)
    nested: list[Function | Class] = field(default_factory=list)
    star_imports: list[ast.ImportFrom] = field(default_factory=list)
    outer: set[str] = field(default_factory=set)
    awaits: bool = False
    yields: bool = False
    lambdas: bool = False
    called: set[ast.expr] = field(default_factory=set)
    awaited: set[ast.expr] = field(default_factory=set)
    scope: Scope | None = None

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The parent of every node, made when something asks for it."""
        assert self.scope is not None
        return self.scope.module.reader.parents(self.scope)

    @cached_property
    def names(self) -> list[ast.Name]:
        """Every name that the code mentions, made when something asks for it."""
        return [node for node in self.parents if isinstance(node, ast.Name)]


@dataclass(eq=False)
class Scope:
    """A module's, a class's or a function's namespace."""

    module: Module
    node: ast.Module | ast.ClassDef | FunctionNode
    parent: Scope | None
    function: Function | None = None
    cls: Class | None = None

    _facts: Facts | None = None

    @property
    def facts(self) -> Facts:
        """What the scope's own code holds, read on first use."""
        if self._facts is None:
            self._facts = self.module.reader.facts(self)
        return self._facts

    @property
    def bindings(self) -> dict[str, list[Binding]]:
        return self.facts.bindings

    def lookup(self, name: str) -> tuple[list[Binding], Scope] | None:
        """The bindings of ``name`` as code in this scope sees it, with the scope that has them."""
        scope: Scope | None = self
        while scope is not None:
            if scope is self or scope.cls is None:
                facts = scope._facts or scope.facts
                found = facts.bindings.get(name)
                if found is not None and name not in facts.outer:
                    return found, scope
            scope = scope.parent
        return None

    def functions(self) -> Iterator[Function]:
        """Every function below this scope, however deep."""
        for item in self.facts.nested:
            if isinstance(item, Function):
                yield item
            yield from item.scope.functions()

    def classes(self) -> Iterator[Class]:
        """Every class below this scope, however deep."""
        for item in self.facts.nested:
            if isinstance(item, Class):
                yield item
            elif not self.module.has_class_in(item.node):
                continue
            yield from item.scope.classes()


@dataclass(eq=False)
class Function:
    """A ``def`` or ``async def``; ``owner`` is the class whose body holds it directly."""

    module: Module
    node: FunctionNode
    parent: Scope
    owner: Class | None

    def __post_init__(self) -> None:
        self.scope = Scope(self.module, self.node, self.parent, function=self)

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def qualname(self) -> str:
        return f"{self.owner.name}.{self.name}" if self.owner else self.name

    @property
    def is_async(self) -> bool:
        return isinstance(self.node, ast.AsyncFunctionDef)

    @property
    def facts(self) -> Facts:
        return self.scope.facts

    @cached_property
    def is_generator(self) -> bool:
        return self.facts.yields

    @cached_property
    def decorator_names(self) -> tuple[str, ...]:
        """The last names of its decorators: ``functools.wraps(f)`` gives ``wraps``."""
        decorators = self.node.decorator_list
        return tuple(_decorator_name(d) for d in decorators) if decorators else ()

    @property
    def is_static(self) -> bool:
        return "staticmethod" in self.decorator_names

    @property
    def is_class_method(self) -> bool:
        return "classmethod" in self.decorator_names

    @property
    def is_property(self) -> bool:
        names = self.decorator_names
        return any(n in ("property", "cached_property", "setter", "getter", "deleter") for n in names)

    @cached_property
    def self_name(self) -> str | None:
        """The name of the parameter that holds the instance (or the class, for a class method)."""
        if self.owner is None or self.is_static:
            return None
        parameters = [*self.node.args.posonlyargs, *self.node.args.args]
        return parameters[0].arg if parameters else None

    def __repr__(self) -> str:
        return f"<{self.module.name}:{self.qualname}>"


def by_place(function: Function) -> tuple[str, int]:
    """Sorts functions by their files and lines."""
    return (str(function.module.path), function.node.lineno)


@dataclass(eq=False)
class Class:
    """A class statement. ``bases`` and ``subclasses`` hold the project's own, filled in by the index."""

    module: Module
    node: ast.ClassDef
    parent: Scope
    bases: list[Class] = field(default_factory=list)
    external_bases: list[str] = field(default_factory=list)
    unknown_bases: bool = False
    subclasses: list[Class] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scope = Scope(self.module, self.node, self.parent, cls=self)

    @property
    def name(self) -> str:
        return self.node.name

    def method(self, name: str) -> Function | None:
        """The method that the class's own body defines under ``name``."""
        for binding in reversed(self.scope.bindings.get(name, [])):
            if isinstance(binding, Function):
                return binding
        return None

    @cached_property
    def stored(self) -> dict[str, list[tuple[ast.expr, Scope]]]:
        """What the class's own methods assign to attributes of the instance, with the methods' scopes."""
        found: dict[str, list[tuple[ast.expr, Scope]]] = {}
        for nested in self.scope.facts.nested:
            if isinstance(nested, Function) and nested.self_name is not None:
                for target, value in nested.facts.stores:
                    if isinstance(target.value, ast.Name) and target.value.id == nested.self_name:
                        found.setdefault(target.attr, []).append((value, nested.scope))
        return found

    def ancestry(self) -> list[Class]:
        """The class and its bases in the project, nearest first."""
        found: list[Class] = []
        todo = [self]
        while todo:
            cls = todo.pop(0)
            if cls not in found:
                found.append(cls)
                todo.extend(cls.bases)
        return found

    def descendants(self) -> list[Class]:
        """Every class of the project that derives from this one."""
        found: list[Class] = []
        todo = list(self.subclasses)
        while todo:
            cls = todo.pop()
            if cls not in found:
                found.append(cls)
                todo.extend(cls.subclasses)
        return found

    @property
    def metaclass(self) -> ast.expr | None:
        """What the class, or the nearest of its bases that says so, names as its metaclass."""
        for cls in self.ancestry():
            for keyword in cls.node.keywords:
                if keyword.arg == "metaclass":
                    return keyword.value
        return None

    def fields(self) -> list[str]:
        """The names that class bodies annotate, in the order in which a dataclass takes them."""
        found: dict[str, None] = {}
        for cls in reversed(self.ancestry()):
            for node in cls.node.body:
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    if "ClassVar" not in ast.unparse(node.annotation):
                        found[node.target.id] = None
        return list(found)

    def relatives(self) -> list[Class]:
        """The class, its ancestors and its descendants."""
        return list(dict.fromkeys([*self.ancestry(), *self.descendants()]))

    def all_external_bases(self) -> set[str]:
        """The dotted names of the bases outside the project, of the class and its ancestors."""
        return {name for cls in self.ancestry() for name in cls.external_bases}

    def __repr__(self) -> str:
        return f"<class {self.module.name}:{self.name}>"


class ScopeReader(Protocol):
    """Reads the code of a scope, when something asks for it."""

    def facts(self, scope: Scope) -> Facts:
        """What stands in the scope's own code."""

    def parents(self, scope: Scope) -> dict[ast.AST, ast.AST]:
        """The parent of every node of it, headers of nested functions and classes included."""


@dataclass(eq=False)
class Module:
    """One parsed file. ``name`` is dotted and relative to the project's root."""

    path: Path
    name: str
    source: Source
    tree: ast.Module
    reader: ScopeReader

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @cached_property
    def scope(self) -> Scope:
        return Scope(self, self.tree, None)

    def scopes(self) -> Iterator[Scope]:
        """Every scope of the module: its own, and those of its classes and functions, however deep."""
        yield self.scope
        for cls in self.scope.classes():
            yield cls.scope
        for function in self.scope.functions():
            yield function.scope

    @cached_property
    def bound_in(self) -> dict[Binding, Scope]:
        """Where the globals are bound that functions bind (``global x``): what is read there are their own names."""
        return {}

    @cached_property
    def lines(self) -> list[str]:
        return self.source.text.split("\n")

    @cached_property
    def may_use_executor(self) -> bool:
        """Whether the text mentions an executor's entry; cheaper than looking."""
        return "run_in_executor" in self.source.text or "to_thread" in self.source.text

    @cached_property
    def growing(self) -> frozenset[str]:
        """The names of all that something may be put into, as far as the text tells; cheaper than looking."""
        return frozenset(_words_before(self.source.text))

    @cached_property
    def _class_lines(self) -> list[int]:
        """The 1-based lines that seem to open a class below the top level."""
        text = self.source.text
        return [text.count("\n", 0, found.end()) + 1 for found in _INNER_CLASS.finditer(text)]

    def has_class_in(self, node: ast.stmt) -> bool:
        """Whether ``node`` may hold a class statement; cheaper than looking."""
        end = node.end_lineno or node.lineno
        return any(node.lineno <= line <= end for line in self._class_lines)

    @cached_property
    def is_test(self) -> bool:
        """Whether pytest or unittest would call the file's functions."""
        parts = self.name.split(".")
        file = self.path.stem
        return (
            file.startswith("test_")
            or file.endswith("_test")
            or file == "conftest"
            or any(part in TEST_FOLDERS for part in parts[:-1])
        )

    def __repr__(self) -> str:
        return f"<module {self.name}>"


def _words_before(text: str) -> Iterator[str]:
    """The words before what puts something into a container: looking back from these takes a sixth of the time."""
    for match in _GROWS.finditer(text):
        end = match.start()
        while end and text[end - 1].isspace():
            end -= 1
        start = end
        while start and (text[start - 1].isalnum() or text[start - 1] == "_"):
            start -= 1
        if start < end:
            yield text[start:end]


def _decorator_name(node: ast.expr) -> str:
    while isinstance(node, ast.Call):
        node = node.func
    return last_name(node)
