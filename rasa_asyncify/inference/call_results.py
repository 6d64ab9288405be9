"""What a call gives: of a function of the project, a class, a library's function."""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cached_property

from rasa_asyncify.inference.asking import Infers
from rasa_asyncify.inference.attributes import COPYING, Attributes
from rasa_asyncify.inference.by_text import ByText
from rasa_asyncify.inference.metaclasses import is_metaclass, made_by
from rasa_asyncify.project.expressions import text_start
from rasa_asyncify.project.model import Function, Scope
from rasa_asyncify.project.values import (
    Container,
    ContainerMethod,
    External,
    ExternalInstance,
    ExternalMethod,
    Instance,
    LambdaValue,
    OwnClass,
    OwnFunction,
    Super,
    Value,
    Values,
    union,
)

_FIELDS = frozenset({"attr.ib", "attrs.field", "dataclasses.field", "pydantic.Field"})
_DEFAULTS = "collections.defaultdict"
_DICTIONARIES = frozenset({_DEFAULTS, "builtins.dict", "collections.ChainMap", "collections.OrderedDict"})
_RECORD = "types.SimpleNamespace"
_MAPPED = frozenset({"builtins.map", "builtins.filter"})
_MANY_THROUGH = frozenset({"builtins.zip", "itertools.chain"})
# functools.partial(f, x) is called like f; copies and closing(x), when entered, give what they were given.
_PASS_THROUGH = frozenset(
    {
        "functools.partial",
        "functools.partialmethod",
        "builtins.staticmethod",
        "copy.copy",
        "copy.deepcopy",
        "contextlib.closing",
        "contextlib.nullcontext",
    }
    | {f"builtins.{n}" for n in ("enumerate", "iter", "reversed")}
    | {"itertools.islice", "itertools.cycle", "types.MappingProxyType", "collections.deque"}
)
_COLLECTED = frozenset(f"builtins.{n}" for n in ("frozenset", "list", "set", "sorted", "tuple"))
_FIRST_ITEM = frozenset({"builtins.next", "builtins.min", "builtins.max"})


class CallResults:
    """Answers for the calls of a project."""

    def __init__(self, inference: Infers, by_text: ByText, attributes: Attributes) -> None:
        self.inference = inference
        self.by_text = by_text
        self.attributes = attributes
        self.project = inference.project
        self.catalogue = inference.catalogue

    def call(self, node: ast.Call, scope: Scope) -> Values:
        func = node.func
        if isinstance(func, ast.Name) and func.id == "super" and scope.lookup("super") is None:
            return self._super(scope)
        if isinstance(func, ast.Name) and func.id == "getattr" and len(node.args) >= 2:
            return self._getattr(node, scope)
        if isinstance(func, ast.Attribute) and func.attr == "enter_context" and node.args:  # of an ExitStack
            return union(self.entered(v) for v in self.inference.infer(node.args[0], scope))
        special = self._special_call(node, func, scope)
        return special or union(self._result(v, node, scope) for v in self.inference.infer(func, scope))

    def _special_call(self, node: ast.Call, func: ast.expr, scope: Scope) -> Values:
        """What ``Base.__subclasses__()``, ``super().__new__(...)``, ``globals()``, ``type(x)`` give."""
        if isinstance(func, ast.Name) and func.id in ("globals", "locals", "vars"):
            items = self.by_text.items(self.by_text.namespace(node, scope), None, scope)
            return (Container(items),) if items else ()
        if isinstance(func, ast.Attribute):
            if func.attr == "get" and node.args:
                owners = self.by_text.namespace(func.value, scope)
                given = self.inference.infer(node.args[1], scope) if len(node.args) > 1 else ()
                return union([self.by_text.items(owners, node.args[0], scope), given]) if owners else ()
            if func.attr == "__subclasses__":
                owners_ = [v.cls for v in self.inference.infer(func.value, scope) if isinstance(v, OwnClass)]
                items = tuple(OwnClass(c, exact=False) for cls in owners_ for c in cls.subclasses)
                return (Container(items),) if items else ()
            if func.attr == "__new__":
                supers = [v.cls for v in self.inference.infer(func.value, scope) if isinstance(v, Super)]
                made = [
                    made_by(c, self.inference) if is_metaclass(c) else (Instance(c, exact=False),)
                    for c in supers
                ]
                return union(made)
        return ()

    def _super(self, scope: Scope) -> Values:
        current: Scope | None = scope
        while current is not None:
            if current.function is not None and current.function.owner is not None:
                function = current.function
                assert function.owner is not None
                return (Super(function.owner, not function.is_class_method),)
            current = current.parent
        return ()

    def _getattr(self, node: ast.Call, scope: Scope) -> Values:
        values = self.inference.infer(node.args[0], scope)
        attribute = node.args[1]
        if isinstance(attribute, ast.Constant) and isinstance(attribute.value, str):
            name = attribute.value
            return union(self.attributes.attribute(v, name) for v in values)
        prefix = text_start(attribute, scope)
        found: list[Values] = []
        for value in values:
            if isinstance(value, External):
                names = self.catalogue.members(value.name)
                found.append(
                    tuple(
                        self.inference.external(n)
                        for n in names
                        if n.rpartition(".")[2].startswith(prefix or "")
                    )
                )
            elif isinstance(value, ExternalInstance) and (entry := self.catalogue.cls(value.cls)):
                methods = sorted(n for n in entry.blocking if n.isidentifier() and n.startswith(prefix or ""))
                found.append(tuple(ExternalMethod(value.cls, n) for n in methods))
        return union([*found, self.by_text.attribute(node, scope)])

    def _result(self, value: Value, node: ast.Call, scope: Scope) -> Values:
        """What calling ``value`` may give."""
        if isinstance(value, OwnClass):
            return (Instance(value.cls, exact=value.exact),)
        if isinstance(value, OwnFunction):
            return self.returned(value.function)
        if isinstance(value, External):
            return self._external_result(value.name, node, scope)
        if isinstance(value, ExternalMethod):
            return self.method_result(value.cls, value.name, node)
        if isinstance(value, ExternalInstance):
            return self.method_result(value.cls, "__call__", node)
        if isinstance(value, Instance):
            called = self.attributes.of_class(value.cls, "__call__", exact=value.exact, instance=True)
            return union(self._result(v, node, scope) for v in called if isinstance(v, OwnFunction))
        if isinstance(value, LambdaValue):
            return self.inference.infer(value.node.body, value.scope)
        if isinstance(value, Container):
            return value.items
        if isinstance(value, ContainerMethod):
            return self._container_result(value, node, scope)
        return ()

    def _container_result(self, method: ContainerMethod, node: ast.Call, scope: Scope) -> Values:
        if method.name == "items":
            return (Container((method.container,)),)
        if method.name in COPYING:
            return (method.container,)
        default = self.inference.infer(node.args[1], scope) if len(node.args) > 1 else ()
        return union([method.container.items, default])

    def _external_result(self, name: str, node: ast.Call, scope: Scope) -> Values:
        if name in _FIRST_ITEM and node.args:
            return self.inference.items_of(node.args[0], scope)
        if name in _COLLECTED and node.args:
            items = self.inference.items_of(node.args[0], scope)
            return (Container(items),) if items else ()
        if name in _PASS_THROUGH and node.args:
            return self.inference.infer(node.args[0], scope)
        if name in _MANY_THROUGH:
            return union(self.inference.infer(a, scope) for a in node.args)
        if name == "collections.namedtuple":
            return (External(_RECORD),)
        if name in _FIELDS:
            return self._default(node, scope)
        if name in _MAPPED:
            return self._mapped(name, node, scope)
        if name == _RECORD or name in _DICTIONARIES:
            return self._collected(name, node, scope)
        if name == "builtins.type" and len(node.args) == 1:
            values = self.inference.infer(node.args[0], scope)
            return tuple(OwnClass(v.cls, v.exact) for v in values if isinstance(v, Instance))
        return self._of_library(name, node, scope)

    def _of_library(self, name: str, node: ast.Call, scope: Scope) -> Values:
        if name == "inspect.getmembers":
            return self.by_text.listed(node, scope)
        modules = self.by_text.modules(node, name, scope)
        if modules:
            return modules
        result = self.catalogue.result(name)
        return self._made(result, node) if result else ()

    def _default(self, node: ast.Call, scope: Scope) -> Values:
        """What ``field(default_factory=C)`` gives."""
        named = {k.arg: k.value for k in node.keywords}
        made = [self.inference.infer(v, scope) for k, v in named.items() if k == "default"]
        factories = [v for k, v in named.items() if k in ("default_factory", "factory")]
        made += [self._result(v, node, scope) for f in factories for v in self.inference.infer(f, scope)]
        return union(made)

    def _mapped(self, name: str, node: ast.Call, scope: Scope) -> Values:
        """What ``map(f, x)`` and ``filter(f, x)`` give."""
        functions = self.inference.infer(node.args[0], scope) if node.args else ()
        items = union(self._result(v, node, scope) for v in functions)
        if name == "builtins.filter":
            items = self.inference.items_of(node.args[1], scope) if len(node.args) > 1 else ()
        return (Container(items),) if items else ()

    def _collected(self, name: str, node: ast.Call, scope: Scope) -> Values:
        """What ``dict(a=f)`` and the like give."""
        named = {k.arg: k.value for k in node.keywords}
        parts = [self.inference.infer(v, scope) for k, v in named.items() if k is not None]
        arguments = node.args
        if name == _DEFAULTS:
            parts += [
                self._result(v, node, scope) for f in arguments[:1] for v in self.inference.infer(f, scope)
            ]
            arguments = arguments[1:]
        spread = [*arguments, *(k.value for k in node.keywords if k.arg is None)]
        if name == _RECORD:
            parts += [self.inference.infer(v, scope) for v in spread]
        else:
            parts += [self.inference.parts(self.inference.items_of(v, scope), 1) for v in spread]
        items = union(parts)
        return (Container(items, named=name == _RECORD),) if items else ()

    def method_result(self, cls: str, name: str, node: ast.Call | None = None) -> Values:
        entry = self.catalogue.cls(cls)
        result = entry.result(name) if entry else None
        return self._made(result, node) if result else ()

    def _made(self, name: str, node: ast.Call | None) -> Values:
        """An instance of the library's class ``name``, or of the one that a keyword of the call makes of it."""
        name = self.catalogue.canonical(name)
        entry = self.catalogue.cls(name)
        if node is None or entry is None or not entry.given:
            return (ExternalInstance(name),)
        for keyword in node.keywords:
            if keyword.arg is None:  # unpacked: it may hold the keyword where the project has the word
                modules = self.project.connected
                words = [w for w in entry.given if any(f'"{w}"' in m.source.text for m in modules)]
                name = entry.given[words[0]] if words else name
            elif not (isinstance(keyword.value, ast.Constant) and not keyword.value.value):
                name = entry.given.get(keyword.arg, name)
        return (ExternalInstance(name),)

    def returned(self, function: Function) -> Values:
        """What calling ``function`` (and awaiting it, if it is a coroutine function) may give."""
        found: list[Values] = []
        if function.node.returns is not None:
            found.append(self.inference.annotation(function.node.returns, function.parent))
        if not function.is_generator:
            for statement in function.facts.returns:
                if statement.value is not None:
                    found.append(self.inference.infer(statement.value, function.scope))
        return union(found)

    @cached_property
    def fixtures(self) -> dict[str, list[Function]]:
        """The project's pytest fixtures, by the name that tests ask for them by."""
        found: dict[str, list[Function]] = defaultdict(list)
        for module in self.project.connected:
            if module.is_test and "fixture" in module.source.text:
                for function in module.scope.functions():
                    if "fixture" in function.decorator_names:
                        found[function.name].append(function)
        return found

    def yielded(self, function: Function) -> Values:
        """What a fixture gives: what it returns or yields."""
        if not function.is_generator:
            return self.returned(function)
        nodes = [n for n in ast.walk(function.node) if isinstance(n, ast.Yield) and n.value is not None]
        return union(self.inference.infer(n.value, function.scope) for n in nodes if n.value is not None)

    def entered(self, value: Value) -> Values:
        if isinstance(value, ExternalInstance):
            return self.method_result(value.cls, "__enter__") or (value,)
        if isinstance(value, Instance):
            methods = self.attributes.of_class(value.cls, "__enter__", exact=value.exact, instance=True)
            return union(self.returned(m.function) for m in methods if isinstance(m, OwnFunction))
        return ()
