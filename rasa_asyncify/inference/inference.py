"""Infer what names, attributes and calls evaluate to, over a whole project, by reading alone.

The answers are unions without order in time: a name's value is whatever any assignment in its scope may give it.
"""

from __future__ import annotations

import ast
import builtins
from collections import defaultdict
from collections.abc import Callable

from rasa_asyncify.catalogue import Catalogue
from rasa_asyncify.inference.additions import Additions
from rasa_asyncify.inference.annotations import Annotations
from rasa_asyncify.inference.attributes import Attributes, is_enumeration
from rasa_asyncify.inference.by_text import ByText
from rasa_asyncify.inference.call_results import CallResults
from rasa_asyncify.inference.metaclasses import is_metaclass, is_namespace, made_by, members_of
from rasa_asyncify.project.bindings import Annotated, Assigned, Entered, Imported, Item
from rasa_asyncify.project.expressions import is_plain_type
from rasa_asyncify.project.index import Folder, Project
from rasa_asyncify.project.model import Binding, Class, Function, Module, Parameter, Scope
from rasa_asyncify.project.values import (
    Container,
    External,
    ExternalInstance,
    Instance,
    LambdaValue,
    OwnClass,
    OwnFunction,
    OwnModule,
    Value,
    Values,
    union,
)

_BUILTINS = frozenset(dir(builtins))
_DEPTH = 40


class _Pending(tuple[Value, ...]):
    """The empty answer to a question that is being asked already."""

    __slots__ = ()


_PENDING = _Pending()


class Inference:
    """Answers about the values of expressions in a project, remembered."""

    def __init__(self, project: Project, catalogue: Catalogue) -> None:
        self.project = project
        self.catalogue = catalogue
        # What is given to parameters of functions, and to the fields of classes without a constructor of their own.
        self.flows: dict[tuple[Function | Class, str], list[tuple[ast.expr, Scope]]] = defaultdict(list)
        self.asked: set[tuple[Function | Class, str]] = set()
        self.unfinished = 0
        self.additions = Additions(self)
        self.by_text = ByText(self)
        self.attributes = Attributes(self, self.additions)
        self.annotations = Annotations(self)
        self.results = CallResults(self, self.by_text, self.attributes)
        self._externals: dict[str, External] = {}
        # By the scope too: the same annotation in quotes, or what a function gives a global, is asked for in several.
        self._memo: dict[tuple[ast.expr, Scope], Values] = {}
        self._names: dict[tuple[Scope, str], Values] = {}
        self._pending: set[tuple[Scope, str]] = set()
        self._circular: set[tuple[Scope, str]] = set()
        self._depth = 0

    def forget(self) -> None:
        """Drop what was remembered, after ``flows`` has grown."""
        self._memo.clear()
        self._names.clear()
        self.additions.forget()

    def infer(self, node: ast.expr, scope: Scope) -> Values:
        """What ``node`` in ``scope`` may evaluate to; empty where nothing is known."""
        if isinstance(node, ast.Name):
            return self.name(node.id, scope)
        key = (node, scope)
        known = self._memo.get(key)
        if known is not None:
            if known is _PENDING:
                self.unfinished += 1
            return known
        handler = _EXPRESSIONS.get(node.__class__)
        if handler is None:
            return ()
        if self._depth > _DEPTH:
            self.unfinished += 1
            return ()
        self._memo[key] = _PENDING
        self._depth += 1
        found = handler(self, node, scope)
        self._depth -= 1
        self._memo[key] = found
        return found

    # -- expressions ---------------------------------------------------------------

    def name(self, name: str, scope: Scope) -> Values:
        """What ``name`` may be in ``scope``."""
        key = (scope, name)
        known = self._names.get(key)
        if known is None:
            known = self._names[key] = self._named_anew(key)
        elif key in self._pending:
            self._circular.add(key)
            self.unfinished += 1
        elif known is _PENDING:
            self.unfinished += 1
        return known

    def _named_anew(self, key: tuple[Scope, str]) -> Values:
        """What a name may be, where a binding goes by the name itself (``x = x.strip()``) as well."""
        memo, names = len(self._memo), len(self._names) + 1
        self._names[key] = ()
        self._pending.add(key)
        known = self._named(key[1], key[0])
        if key in self._circular and known:
            while len(self._memo) > memo:
                self._memo.popitem()
            while len(self._names) > names:
                self._names.popitem()
            self._names[key] = known
            known = union([known, self._named(key[1], key[0])])
        self._pending.discard(key)
        self._circular.discard(key)
        return known

    def parameter(self, owner: Function | Class, name: str) -> Values:
        """What the parameter ``name`` of a function, or the field ``name`` of a class, may be."""
        if isinstance(owner, Class):
            return self.attributes.of_class(owner, name, exact=False, instance=True)
        return self.name(name, owner.scope)

    def _named(self, name: str, scope: Scope) -> Values:
        found = scope.lookup(name)
        if found is None:
            shared = self._global_anew(scope.module, name)
            if shared:
                return shared
            return (External(f"builtins.{name}"),) if name in _BUILTINS else ()
        bindings, owner = found
        if owner.node is owner.module.tree:
            if owner is scope:
                return self._global_anew(owner.module, name)
            return self.global_name(owner.module, name)
        return self._with_added(union([self.bound(b, owner) for b in bindings]), name, owner)

    def global_name(self, module: Module, name: str) -> Values:
        key = (module.scope, name)
        known = self._names.get(key)
        if known is None:
            self._names[key] = _PENDING
            known = self._names[key] = self._global_anew(module, name)
        elif known is _PENDING:
            self.unfinished += 1
        return known

    def _global_anew(self, module: Module, name: str) -> Values:
        bindings = module.scope.bindings.get(name)
        if bindings:
            known = union([self.bound(b, module.scope) for b in bindings])
            return self._with_added(known, name, module.scope)
        return self._target(self.project.resolve_global(module, name))

    def _target(self, target: object) -> Values:
        if isinstance(target, str):
            return (self.external(target),)
        if isinstance(target, Class):
            return (OwnClass(target),)
        if isinstance(target, Function):
            return (OwnFunction(target),)
        if isinstance(target, (Module, Folder)):
            return (OwnModule(target),)
        if isinstance(target, tuple):
            return self.global_name(*target)
        return ()

    def external(self, name: str) -> External:
        known = self._externals.get(name)
        if known is None:
            known = self._externals[name] = External(self.catalogue.canonical(name))
        return known

    def _with_added(self, known: Values, name: str, scope: Scope) -> Values:
        """With what is put into a container after it was made: ``x.append(y)``, ``x[k] = y``.

        A library's own object is none, though its methods may have such names (``table.update(row)``).
        """
        if known and all(isinstance(v, ExternalInstance) for v in known):
            return known
        return union([known, self.additions.to_name(name, scope)])

    def bound(self, binding: Binding, scope: Scope) -> Values:
        if scope.parent is None and scope.module.bound_in:
            scope = scope.module.bound_in.get(binding, scope)
        if isinstance(binding, Assigned):
            return self.infer(binding.value, scope)
        if isinstance(binding, Function):
            return (OwnFunction(binding),)
        if isinstance(binding, Class):
            return (OwnClass(binding),)
        if isinstance(binding, Imported):
            return self._target(self.project.resolve_import(binding, scope.module))
        if isinstance(binding, Entered):
            generated = self._generated(binding.value, scope)
            return generated or union(self.results.entered(v) for v in self.infer(binding.value, scope))
        if isinstance(binding, Annotated):
            return self.annotation(binding.annotation, scope)
        if isinstance(binding, Item):
            return self.parts(self.items_of(binding.value, scope), binding.depth - 1)
        if isinstance(binding, Parameter):
            return self._parameter(binding, scope)
        return ()

    def _parameter(self, parameter: Parameter, scope: Scope) -> Values:
        function = parameter.function
        owner = function.owner
        if parameter.name == function.self_name and owner is not None and not parameter.star:
            return self._self(function, owner)
        self.asked.add((function, parameter.name))
        found: list[Values] = []
        if owner is not None and is_namespace(parameter) and is_metaclass(owner):
            found.append(members_of(made_by(owner, self)))
        if parameter.annotation is not None and not is_plain_type(parameter.annotation):
            found.append(self.annotation(parameter.annotation, function.parent))
        if parameter.default is not None:
            found.append(self.infer(parameter.default, function.parent))
        for expression, where in self.flows.get((function, parameter.name), ()):
            found.append(self.infer(expression, where))
        if function.module.is_test and parameter.name in self.results.fixtures:
            others = [f for f in self.results.fixtures[parameter.name] if f is not function]
            found += [self.results.yielded(f) for f in _nearest(others, function.module)]
        values = union(found)
        return (Container(values),) if parameter.star and values else values

    def _self(self, function: Function, owner: Class) -> Values:
        """What the first parameter of a method is."""
        if is_metaclass(owner) and function.name != "__new__":
            return made_by(owner, self)
        if function.is_class_method or function.name in ("__new__", "__init_subclass__"):
            return (OwnClass(owner, exact=False),)
        return (Instance(owner, exact=False),)

    def annotation(self, node: ast.expr, scope: Scope) -> Values:
        """What something annotated by ``node`` may be."""
        return self.annotations.meant(node, scope)

    def returned(self, function: Function) -> Values:
        """What a function returns."""
        return self.results.returned(function)

    def _call(self, node: ast.Call, scope: Scope) -> Values:
        return self.results.call(node, scope)

    def attribute(self, value: Value, name: str) -> Values:
        """What the attribute ``name`` of ``value`` may be."""
        return self.attributes.attribute(value, name)

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Values:
        value = node.value
        if node.attr == "__dict__":
            items = self.by_text.items(self.by_text.namespace(node, scope), None, scope)
            return (Container(items),) if items else ()
        owners = self.name(value.id, scope) if isinstance(value, ast.Name) else self.infer(value, scope)
        return union([self.attributes.attribute(v, node.attr) for v in owners])

    def items(self, value: Value) -> Values:
        """What iterating over ``value`` may give."""
        if isinstance(value, Container):
            return value.items
        if isinstance(value, ExternalInstance):
            return self.results.method_result(value.cls, "__iter__")
        if isinstance(value, Instance):
            methods = self.attributes.of_class(value.cls, "__iter__", exact=value.exact, instance=True)
            functions = [m.function for m in methods if isinstance(m, OwnFunction)]
            given = [
                self.results.yielded(f) if f.is_generator else self._of_all(self.results.returned(f))
                for f in functions
            ]
            held = self.additions.to_itself(value.cls) if self.attributes.is_collection(value.cls) else ()
            return union([*given, self._of_all(held)])
        if isinstance(value, OwnClass) and is_enumeration(value.cls):
            return (Instance(value.cls),)
        return ()

    def _of_all(self, values: Values) -> Values:
        return union(v.items for v in values if isinstance(v, Container))

    def parts(self, values: Values, depth: int) -> Values:
        """The values, and what is in those that are containers, ``depth`` times over: parts of pairs in a list."""
        for _ in range(depth):
            values = union([tuple(v for v in values if not isinstance(v, Container)), self._of_all(values)])
        return values

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Values:
        owners = self.by_text.namespace(node.value, scope)
        if owners:
            return self.by_text.items(owners, node.slice, scope)
        found: list[Values] = [self.by_text.loaded(node, scope)]
        for value in self.infer(node.value, scope):
            if isinstance(value, Container):
                found.append((value,) if isinstance(node.slice, ast.Slice) else value.items)
            elif isinstance(value, Instance):
                methods = union(
                    self.attributes.of_class(value.cls, name, exact=value.exact, instance=True)
                    for name in ("__getitem__", "__missing__")
                )
                found += [self.results.returned(m.function) for m in methods if isinstance(m, OwnFunction)]
                if self.attributes.is_collection(value.cls):
                    found.append(self._of_all(self.additions.to_itself(value.cls)))
            elif isinstance(value, OwnClass):  # a generic one stays what it is
                found.append((Instance(value.cls),) if is_enumeration(value.cls) else (value,))
            elif isinstance(value, ExternalInstance):
                found.append(self.results.method_result(value.cls, "__getitem__"))
        return union(found)

    def _container(self, node: ast.List | ast.Tuple | ast.Set | ast.Dict, scope: Scope) -> Values:
        plain = node.values if isinstance(node, ast.Dict) else node.elts
        spread = (
            [v for k, v in zip(node.keys, node.values, strict=True) if k is None]
            if isinstance(node, ast.Dict)
            else []
        )
        elements = [e for e in plain if not isinstance(e, (ast.Constant, ast.JoinedStr)) and e not in spread]
        if len(elements) > 60:  # a table of data, or a long registry
            elements = [
                e
                for e in elements
                if isinstance(e, (ast.Name, ast.Attribute, ast.Call, ast.Lambda, ast.Tuple))
            ]
        starred = [e.value for e in elements if isinstance(e, ast.Starred)]
        parts = [self.infer(e, scope) for e in elements if not isinstance(e, ast.Starred)]
        items = union([*parts, *(self.items_of(e, scope) for e in (*spread, *starred))])
        return (Container(items),) if items else ()

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, scope: Scope
    ) -> Values:
        items = self.infer(node.value if isinstance(node, ast.DictComp) else node.elt, scope)
        return (Container(items),) if items else ()

    def items_of(self, node: ast.expr, scope: Scope) -> Values:
        """What iterating over ``node`` may give."""
        generated = self._generated(node, scope)
        return generated or union([self.items(v) for v in self.infer(node, scope)])

    def _generated(self, node: ast.expr, scope: Scope) -> Values:
        """What a generator of the project that ``node`` calls yields, also as a context manager."""
        if not isinstance(node, ast.Call):
            return ()
        functions = [v.function for v in self.infer(node.func, scope) if isinstance(v, OwnFunction)]
        return union([self.results.yielded(f) for f in functions if f.is_generator])

    def _if_expression(self, node: ast.IfExp, scope: Scope) -> Values:
        return union([self.infer(node.body, scope), self.infer(node.orelse, scope)])

    def _boolean(self, node: ast.BoolOp, scope: Scope) -> Values:
        return union(self.infer(v, scope) for v in node.values)

    def _operation(self, node: ast.BinOp, scope: Scope) -> Values:
        for operand, method in zip((node.left, node.right), _OPERATORS.get(type(node.op), ()), strict=False):
            values = self.infer(operand, scope)
            found = union(
                self.results.method_result(v.cls, method) for v in values if isinstance(v, ExternalInstance)
            )
            if found:
                return found
        if isinstance(node.op, (ast.Add, ast.BitOr)):  # of lists, of dictionaries
            both = union([self.infer(node.left, scope), self.infer(node.right, scope)])
            return tuple(v for v in both if isinstance(v, Container))
        return ()

    def _inner(self, node: ast.Await | ast.NamedExpr | ast.Starred, scope: Scope) -> Values:
        return self.infer(node.value, scope)

    def _lambda(self, node: ast.Lambda, scope: Scope) -> Values:
        return (LambdaValue(node, scope),)


def _nearest(fixtures: list[Function], module: Module) -> list[Function]:
    """Those that tests of ``module`` get: its own, else those of the nearest ``conftest.py``, else any."""
    own = [f for f in fixtures if f.module is module]
    if own:
        return own
    above = [f for f in fixtures if f.module.path.stem == "conftest"]
    above = [f for f in above if f.module.path.parent in module.path.parents]
    depth = max((len(f.module.path.parts) for f in above), default=0)
    return [f for f in above if len(f.module.path.parts) == depth] or fixtures


_OPERATORS: dict[type, tuple[str, str]] = {
    ast.Div: ("__truediv__", "__rtruediv__"),
    ast.BitOr: ("__or__", "__ror__"),
}
_EXPRESSIONS: dict[type, Callable[..., Values]] = {
    ast.Attribute: Inference._attribute,
    ast.Call: Inference._call,
    ast.Subscript: Inference._subscript,
    ast.List: Inference._container,
    ast.Tuple: Inference._container,
    ast.Set: Inference._container,
    ast.Dict: Inference._container,
    ast.BinOp: Inference._operation,
    ast.ListComp: Inference._comprehension,
    ast.SetComp: Inference._comprehension,
    ast.GeneratorExp: Inference._comprehension,
    ast.DictComp: Inference._comprehension,
    ast.IfExp: Inference._if_expression,
    ast.BoolOp: Inference._boolean,
    ast.Await: Inference._inner,
    ast.NamedExpr: Inference._inner,
    ast.Starred: Inference._inner,
    ast.Lambda: Inference._lambda,
}
