"""Infer what names, attributes and calls evaluate to, over a whole project, by reading alone.

The answers are unions without order in time: a name's value is whatever any assignment in its scope may give it.
"""

from __future__ import annotations

import ast
import builtins
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cached_property

from rasa_asyncify.catalogue import Catalogue
from rasa_asyncify.inference.additions import Additions
from rasa_asyncify.inference.by_text import ByText
from rasa_asyncify.inference.metaclasses import is_metaclass, is_namespace, made_by, members_of, metaclass_of
from rasa_asyncify.project.bindings import Annotated, Assigned, Entered, Imported, Item
from rasa_asyncify.project.expressions import is_plain_type, text_start
from rasa_asyncify.project.index import Folder, Project
from rasa_asyncify.project.model import Binding, Class, Function, Module, Parameter, Scope
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
    OwnModule,
    Super,
    Value,
    Values,
)

_BUILTINS = frozenset(dir(builtins))
_DEPTH = 40


class Inference:
    """Answers about the values of expressions in a project, remembered."""

    def __init__(self, project: Project, catalogue: Catalogue) -> None:
        self.project = project
        self.catalogue = catalogue
        # What is given to parameters of functions, and to the fields of classes without a constructor of their own.
        self.flows: dict[tuple[Function | Class, str], list[tuple[ast.expr, Scope]]] = defaultdict(list)
        self.asked: set[tuple[Function | Class, str]] = set()
        self.additions = Additions(self)
        self.by_text = ByText(self)
        self._externals: dict[str, External] = {}
        # By the scope too: the same annotation in quotes, or what a function gives a global, is asked for in several.
        self._memo: dict[tuple[ast.expr, Scope], Values] = {}
        self._quoted: dict[str, ast.expr | None] = {}
        self._names: dict[tuple[Scope, str], Values] = {}
        self._pending: set[tuple[Scope, str]] = set()
        self._circular: set[tuple[Scope, str]] = set()
        self._depth = 0

    def forget(self) -> None:
        """Drop what was remembered, after ``flows`` has grown."""
        self._memo.clear()
        self._names.clear()

    def infer(self, node: ast.expr, scope: Scope) -> Values:
        """What ``node`` in ``scope`` may evaluate to; empty where nothing is known."""
        if isinstance(node, ast.Name):
            return self.name(node.id, scope)
        key = (node, scope)
        known = self._memo.get(key)
        if known is not None:
            return known
        handler = _EXPRESSIONS.get(node.__class__)
        if handler is None or self._depth > _DEPTH:
            return ()
        self._memo[key] = ()
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
            known = _union([known, self._named(key[1], key[0])])
        self._pending.discard(key)
        self._circular.discard(key)
        return known

    def parameter(self, owner: Function | Class, name: str) -> Values:
        """What the parameter ``name`` of a function, or the field ``name`` of a class, may be."""
        if isinstance(owner, Class):
            return self._class_attribute(owner, name, exact=False, instance=True)
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
            return self._global(owner.module, name)
        return self._with_added(_union([self._binding(b, owner) for b in bindings]), name, owner)

    def _global(self, module: Module, name: str) -> Values:
        key = (module.scope, name)
        known = self._names.get(key)
        if known is None:
            self._names[key] = ()
            known = self._names[key] = self._global_anew(module, name)
        return known

    def _global_anew(self, module: Module, name: str) -> Values:
        bindings = module.scope.bindings.get(name)
        if bindings:
            known = _union([self._binding(b, module.scope) for b in bindings])
            return self._with_added(known, name, module.scope)
        return self._target(self.project.resolve_global(module, name))

    def _target(self, target: object) -> Values:
        if isinstance(target, str):
            return (self._external(target),)
        if isinstance(target, Class):
            return (OwnClass(target),)
        if isinstance(target, Function):
            return (OwnFunction(target),)
        if isinstance(target, (Module, Folder)):
            return (OwnModule(target),)
        if isinstance(target, tuple):
            return self._global(*target)
        return ()

    def _external(self, name: str) -> External:
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
        return _union([known, self.additions.to_name(name, scope)])

    def _binding(self, binding: Binding, scope: Scope) -> Values:
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
            return generated or _union(self._entered(v) for v in self.infer(binding.value, scope))
        if isinstance(binding, Annotated):
            return self.annotation(binding.annotation, scope)
        if isinstance(binding, Item):
            return self._parts(self._items_of(binding.value, scope), binding.depth - 1)
        if isinstance(binding, Parameter):
            return self._parameter(binding, scope)
        return ()

    def _parameter(self, parameter: Parameter, scope: Scope) -> Values:
        function = parameter.function
        owner = function.owner
        if parameter.name == function.self_name and owner is not None and not parameter.star:
            if is_metaclass(owner) and function.name != "__new__":
                return made_by(owner, self)
            if function.is_class_method or function.name in ("__new__", "__init_subclass__"):
                return (OwnClass(owner, exact=False),)
            return (Instance(owner, exact=False),)
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
        if function.module.is_test and parameter.name in self.fixtures:
            others = [f for f in self.fixtures[parameter.name] if f is not function]
            found += [self.yielded(f) for f in _nearest(others, function.module)]
        values = _union(found)
        return (Container(values),) if parameter.star and values else values

    def annotation(self, node: ast.expr, scope: Scope) -> Values:
        """The instances that an annotation promises."""
        if isinstance(node, ast.Name):
            return _union([self._instances(v) for v in self.name(node.id, scope)])
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            quoted = self._unquoted(node.value)
            if quoted is None:
                return ()
            node = quoted
        if isinstance(node, ast.Subscript):
            name = self.infer(node.value, scope)
            if any(isinstance(v, OwnClass) for v in name):  # a generic class of the project
                return _union([self._instances(v) for v in name])
            if any(isinstance(v, External) and v.name in _OPTIONAL for v in name):
                parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
                return _union(self.annotation(p, scope) for p in parts)
            if any(isinstance(v, External) and v.name in _TYPES for v in name):
                return tuple(
                    OwnClass(v.cls, False)
                    for v in self.annotation(node.slice, scope)
                    if isinstance(v, Instance)
                )
            last = (
                node.slice.elts[-1] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
            )
            items = self.annotation(last, scope)
            return (Container(items),) if items else ()
        if isinstance(node, ast.BinOp):
            return _union([self.annotation(node.left, scope), self.annotation(node.right, scope)])
        if isinstance(node, ast.Tuple):  # of exceptions
            return _union(self.annotation(element, scope) for element in node.elts)
        if not isinstance(node, ast.Attribute):
            return self.annotation(node, scope) if isinstance(node, ast.Name) else ()
        return _union([self._instances(v) for v in self.infer(node, scope)])

    def _unquoted(self, text: str) -> ast.expr | None:
        """The expression of an annotation in quotes: one for each text, so that what it means is remembered."""
        if text not in self._quoted:
            try:
                self._quoted[text] = ast.parse(text, mode="eval").body
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self._quoted[text] = None
        return self._quoted[text]

    def _instances(self, value: Value) -> Values:
        if isinstance(value, OwnClass):
            return (Instance(value.cls, exact=False),)
        if isinstance(value, External) and self.catalogue.cls(value.name):
            return (ExternalInstance(value.name),)
        return ()

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Values:
        value = node.value
        if node.attr == "__dict__":
            items = self.by_text.items(self.by_text.namespace(node, scope), None, scope)
            return (Container(items),) if items else ()
        owners = self.name(value.id, scope) if isinstance(value, ast.Name) else self.infer(value, scope)
        return _union([self.attribute(v, node.attr) for v in owners])

    def attribute(self, value: Value, name: str) -> Values:
        """What the attribute ``name`` of ``value`` may be."""
        if isinstance(value, External):
            return (self._external(f"{value.name}.{name}"),)
        if isinstance(value, ExternalInstance):
            return self._external_attribute(value.cls, name)
        if isinstance(value, OwnModule):
            return self._module_attribute(value.module, name)
        if isinstance(value, OwnClass):
            found = self._class_attribute(value.cls, name, exact=value.exact, instance=False)
            is_member = name in value.cls.scope.bindings and is_enumeration(value.cls)
            return (Instance(value.cls), *found) if is_member else found
        if isinstance(value, Instance):
            return self._class_attribute(value.cls, name, exact=value.exact, instance=True)
        if isinstance(value, Super):
            return self._super_attribute(value, name)
        if isinstance(value, OwnFunction):
            return self.additions.to_function(value.function, name)
        if isinstance(value, Container):
            if value.named:
                return value.items
            return (ContainerMethod(value, name),) if name in _GIVING else ()
        return ()

    def _external_attribute(self, cls: str, name: str) -> Values:
        entry = self.catalogue.cls(cls)
        if entry is None:
            return ()
        result = entry.attribute(name)
        if result is None:
            return (ExternalMethod(cls, name),)
        # With a wildcard an attribute may be a method as well as an inner object.
        known = (ExternalInstance(self.catalogue.canonical(result)),)
        return (*known, ExternalMethod(cls, name)) if name not in entry.attributes else known

    def _module_attribute(self, module: Module | Folder, name: str) -> Values:
        if isinstance(module, Module):
            found = self._global(module, name)
            if found:
                return found
        member = self.project.member(module, name)
        return (OwnModule(member),) if member else ()

    def _class_attribute(self, cls: Class, name: str, *, exact: bool, instance: bool) -> Values:
        found: list[Values] = []
        ancestry = cls.ancestry()
        for ancestor in ancestry:
            method = ancestor.method(name)
            if method is not None:
                found.append(self._method(method, instance))
                break
            bindings = ancestor.scope.bindings.get(name)
            if bindings:
                found += [self._class_binding(b, ancestor, instance) for b in bindings]
                break
        if not exact:
            for descendant in cls.descendants():
                overrides = [m for m in (a.method(name) for a in descendant.ancestry()) if m is not None]
                found += [self._method(override, instance) for override in overrides[:1]]
                if descendant.method(name) is None:
                    assigned = descendant.scope.bindings.get(name, [])
                    found += [self._class_binding(b, descendant, instance) for b in assigned]
        family = ancestry if exact else cls.relatives()
        for relative in family:
            found += [self.infer(value, scope) for value, scope in self.stored(relative, name)]
        if not any(found):
            inherited = _union(self._inherited(base, name) for base in sorted(cls.all_external_bases()))
            if any(isinstance(v, ExternalInstance) for v in inherited):
                return inherited  # a library's own object, whatever is done with it
        found += self._put_in(cls, name, family, known=any(found))
        if not any(found):
            return _union(self._inherited(base, name) for base in sorted(cls.all_external_bases()))
        return _union(found)

    def _put_in(self, cls: Class, name: str, family: list[Class], *, known: bool) -> list[Values]:
        """What comes into an attribute by other ways than the class's own body and methods."""
        found: list[Values] = []
        for relative in family:
            self.asked.add((relative, name))
            found += [self.infer(value, scope) for value, scope in self.flows.get((relative, name), ())]
        if is_enumeration(cls) and name == "value":
            members = (
                b for c in family for bs in c.scope.bindings.values() for b in bs if isinstance(b, Assigned)
            )
            found += [self.infer(b.value, cls.scope) for b in members]
        if any(c.method(name) is not None for c in family):
            found.append(self.additions.put_in_place_of(cls, name))
            return found
        if name in _GIVING and any(self.is_collection(c) for c in family):
            found.append(
                tuple(
                    ContainerMethod(c, name)
                    for c in self.additions.to_itself(cls)
                    if isinstance(c, Container)
                )
            )
        found.append(self.additions.to_attribute(cls, name))
        found.append(self.additions.assigned_outside(cls, name))
        metaclass = metaclass_of(cls, self)
        if metaclass is not None and not known and metaclass is not cls:
            found.append(self._class_attribute(metaclass, name, exact=False, instance=True))
        return found

    def is_collection(self, cls: Class) -> bool:
        """Whether instances are dictionaries, lists and the like by their base."""
        return any(base.rpartition(".")[2] in _COLLECTIONS for base in cls.all_external_bases())

    def _class_binding(self, binding: Binding, cls: Class, instance: bool) -> Values:
        values = self._binding(binding, cls.scope)
        if not instance:
            return values
        return tuple(OwnFunction(v.function, bound=True) if isinstance(v, OwnFunction) else v for v in values)

    def _method(self, method: Function, instance: bool) -> Values:
        if method.is_property and instance:
            return self.returned(method)
        bound = (instance or method.is_class_method) and not method.is_static
        return (OwnFunction(method, bound=bound),)

    def _inherited(self, base: str, name: str) -> Values:
        base = self.catalogue.canonical(base)
        if self.catalogue.cls(base) is not None:
            return self._external_attribute(base, name)
        return (ExternalMethod(base, name),) if "." in base else ()

    def _super_attribute(self, value: Super, name: str) -> Values:
        """What follows the class in its own order of bases, and in those of all that descend from it."""
        found: list[Values] = []
        for cls in [value.cls, *value.cls.descendants()]:
            ancestry = cls.ancestry()
            after = ancestry[ancestry.index(value.cls) + 1 :]
            methods = [m for m in (ancestor.method(name) for ancestor in after) if m is not None]
            if methods:
                found.append(self._method(methods[0], instance=True))
            else:
                found += [self._inherited(b, name) for b in sorted(cls.all_external_bases())]
        return _union(found)

    def stored(self, cls: Class, name: str) -> list[tuple[ast.expr, Scope]]:
        """The expressions that methods of ``cls`` assign to the instance's attribute ``name``."""
        return cls.stored.get(name, [])

    def _call(self, node: ast.Call, scope: Scope) -> Values:
        func = node.func
        if isinstance(func, ast.Name) and func.id == "super" and scope.lookup("super") is None:
            return self._super(scope)
        if isinstance(func, ast.Name) and func.id == "getattr" and len(node.args) >= 2:
            return self._getattr(node, scope)
        if isinstance(func, ast.Attribute) and func.attr == "enter_context" and node.args:  # of an ExitStack
            return _union(self._entered(v) for v in self.infer(node.args[0], scope))
        special = self._special_call(node, func, scope)
        return special or _union(self._result(v, node, scope) for v in self.infer(func, scope))

    def _special_call(self, node: ast.Call, func: ast.expr, scope: Scope) -> Values:
        """What ``Base.__subclasses__()``, ``super().__new__(...)``, ``globals()``, ``type(x)`` give."""
        if isinstance(func, ast.Name) and func.id in ("globals", "locals", "vars"):
            items = self.by_text.items(self.by_text.namespace(node, scope), None, scope)
            return (Container(items),) if items else ()
        if isinstance(func, ast.Attribute):
            if func.attr == "get" and node.args:
                owners = self.by_text.namespace(func.value, scope)
                given = self.infer(node.args[1], scope) if len(node.args) > 1 else ()
                return _union([self.by_text.items(owners, node.args[0], scope), given]) if owners else ()
            if func.attr == "__subclasses__":
                owners_ = [v.cls for v in self.infer(func.value, scope) if isinstance(v, OwnClass)]
                items = tuple(OwnClass(c, exact=False) for cls in owners_ for c in cls.subclasses)
                return (Container(items),) if items else ()
            if func.attr == "__new__":
                supers = [v.cls for v in self.infer(func.value, scope) if isinstance(v, Super)]
                made = [made_by(c, self) if is_metaclass(c) else (Instance(c, exact=False),) for c in supers]
                return _union(made)
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
        values = self.infer(node.args[0], scope)
        attribute = node.args[1]
        if isinstance(attribute, ast.Constant) and isinstance(attribute.value, str):
            name = attribute.value
            return _union(self.attribute(v, name) for v in values)
        prefix = text_start(attribute, scope)
        found: list[Values] = []
        for value in values:
            if isinstance(value, External):
                names = self.catalogue.members(value.name)
                found.append(
                    tuple(self._external(n) for n in names if n.rpartition(".")[2].startswith(prefix or ""))
                )
            elif isinstance(value, ExternalInstance) and (entry := self.catalogue.cls(value.cls)):
                methods = sorted(n for n in entry.blocking if n.isidentifier() and n.startswith(prefix or ""))
                found.append(tuple(ExternalMethod(value.cls, n) for n in methods))
        return _union([*found, self.by_text.attribute(node, scope)])

    def _result(self, value: Value, node: ast.Call, scope: Scope) -> Values:
        """What calling ``value`` may give."""
        if isinstance(value, OwnClass):
            return (Instance(value.cls, exact=value.exact),)
        if isinstance(value, OwnFunction):
            return self.returned(value.function)
        if isinstance(value, External):
            return self._external_result(value.name, node, scope)
        if isinstance(value, ExternalMethod):
            return self._method_result(value.cls, value.name, node)
        if isinstance(value, ExternalInstance):
            return self._method_result(value.cls, "__call__", node)
        if isinstance(value, Instance):
            called = self._class_attribute(value.cls, "__call__", exact=value.exact, instance=True)
            return _union(self._result(v, node, scope) for v in called if isinstance(v, OwnFunction))
        if isinstance(value, LambdaValue):
            return self.infer(value.node.body, value.scope)
        if isinstance(value, Container):
            return value.items
        if isinstance(value, ContainerMethod):
            return self._container_result(value, node, scope)
        return ()

    def _container_result(self, method: ContainerMethod, node: ast.Call, scope: Scope) -> Values:
        if method.name == "items":
            return (Container((method.container,)),)
        if method.name in _COPYING:
            return (method.container,)
        default = self.infer(node.args[1], scope) if len(node.args) > 1 else ()
        return _union([method.container.items, default])

    def _external_result(self, name: str, node: ast.Call, scope: Scope) -> Values:
        if name in _FIRST_ITEM and node.args:
            return self._items_of(node.args[0], scope)
        if name in _COLLECTED and node.args:
            items = self._items_of(node.args[0], scope)
            return (Container(items),) if items else ()
        if name in _PASS_THROUGH and node.args:
            return self.infer(node.args[0], scope)
        if name in _MANY_THROUGH:
            return _union(self.infer(a, scope) for a in node.args)
        if name == "collections.namedtuple":
            return (External(_RECORD),)
        if name in _FIELDS or name == _RECORD or name in _DICTIONARIES or name in _MAPPED:
            return self._collected(name, node, scope)
        if name == "builtins.type" and len(node.args) == 1:
            values = self.infer(node.args[0], scope)
            return tuple(OwnClass(v.cls, v.exact) for v in values if isinstance(v, Instance))
        if name == "inspect.getmembers":
            return self.by_text.listed(node, scope)
        modules = self.by_text.modules(node, name, scope)
        if modules:
            return modules
        result = self.catalogue.result(name)
        return self._made(result, node) if result else ()

    def _collected(self, name: str, node: ast.Call, scope: Scope) -> Values:
        """What ``dict(a=f)``, ``field(default_factory=C)`` and ``map(f, x)`` give."""
        named = {k.arg: k.value for k in node.keywords}
        if name in _FIELDS:
            made = [self.infer(v, scope) for k, v in named.items() if k == "default"]
            factories = [v for k, v in named.items() if k in ("default_factory", "factory")]
            made += [self._result(v, node, scope) for f in factories for v in self.infer(f, scope)]
            return _union(made)
        if name in _MAPPED:
            functions = self.infer(node.args[0], scope) if node.args else ()
            items = _union(self._result(v, node, scope) for v in functions)
            if name == "builtins.filter":
                items = self._items_of(node.args[1], scope) if len(node.args) > 1 else ()
            return (Container(items),) if items else ()
        parts = [self.infer(v, scope) for k, v in named.items() if k is not None]
        arguments = node.args
        if name == _DEFAULTS:
            parts += [self._result(v, node, scope) for f in arguments[:1] for v in self.infer(f, scope)]
            arguments = arguments[1:]
        spread = [*arguments, *(k.value for k in node.keywords if k.arg is None)]
        if name == _RECORD:
            parts += [self.infer(v, scope) for v in spread]
        else:
            parts += [self._parts(self._items_of(v, scope), 1) for v in spread]
        items = _union(parts)
        return (Container(items, named=name == _RECORD),) if items else ()

    def _method_result(self, cls: str, name: str, node: ast.Call | None = None) -> Values:
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
                modules = self.project.modules.values()
                words = [w for w in entry.given if any(f'"{w}"' in m.source.text for m in modules)]
                name = entry.given[words[0]] if words else name
            elif not (isinstance(keyword.value, ast.Constant) and not keyword.value.value):
                name = entry.given.get(keyword.arg, name)
        return (ExternalInstance(name),)

    def returned(self, function: Function) -> Values:
        """What calling ``function`` (and awaiting it, if it is a coroutine function) may give."""
        found: list[Values] = []
        if function.node.returns is not None:
            found.append(self.annotation(function.node.returns, function.parent))
        if not function.is_generator:
            for statement in function.facts.returns:
                if statement.value is not None:
                    found.append(self.infer(statement.value, function.scope))
        return _union(found)

    @cached_property
    def fixtures(self) -> dict[str, list[Function]]:
        """The project's pytest fixtures, by the name that tests ask for them by."""
        found: dict[str, list[Function]] = defaultdict(list)
        for module in self.project.modules.values():
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
        return _union(self.infer(n.value, function.scope) for n in nodes if n.value is not None)

    def _entered(self, value: Value) -> Values:
        if isinstance(value, ExternalInstance):
            return self._method_result(value.cls, "__enter__") or (value,)
        if isinstance(value, Instance):
            methods = self._class_attribute(value.cls, "__enter__", exact=value.exact, instance=True)
            return _union(self.returned(m.function) for m in methods if isinstance(m, OwnFunction))
        return ()

    def items(self, value: Value) -> Values:
        """What iterating over ``value`` may give."""
        if isinstance(value, Container):
            return value.items
        if isinstance(value, ExternalInstance):
            return self._method_result(value.cls, "__iter__")
        if isinstance(value, Instance):
            methods = self._class_attribute(value.cls, "__iter__", exact=value.exact, instance=True)
            functions = [m.function for m in methods if isinstance(m, OwnFunction)]
            given = [self.yielded(f) if f.is_generator else self._of_all(self.returned(f)) for f in functions]
            held = self.additions.to_itself(value.cls) if self.is_collection(value.cls) else ()
            return _union([*given, self._of_all(held)])
        if isinstance(value, OwnClass) and is_enumeration(value.cls):
            return (Instance(value.cls),)
        return ()

    def _of_all(self, values: Values) -> Values:
        return _union(v.items for v in values if isinstance(v, Container))

    def _parts(self, values: Values, depth: int) -> Values:
        """The values, and what is in those that are containers, ``depth`` times over: parts of pairs in a list."""
        for _ in range(depth):
            values = _union([tuple(v for v in values if not isinstance(v, Container)), self._of_all(values)])
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
                methods = _union(
                    self._class_attribute(value.cls, name, exact=value.exact, instance=True)
                    for name in ("__getitem__", "__missing__")
                )
                found += [self.returned(m.function) for m in methods if isinstance(m, OwnFunction)]
                if self.is_collection(value.cls):
                    found.append(self._of_all(self.additions.to_itself(value.cls)))
            elif isinstance(value, OwnClass):  # a generic one stays what it is
                found.append((Instance(value.cls),) if is_enumeration(value.cls) else (value,))
            elif isinstance(value, ExternalInstance):
                found.append(self._method_result(value.cls, "__getitem__"))
        return _union(found)

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
        items = _union([*parts, *(self._items_of(e, scope) for e in (*spread, *starred))])
        return (Container(items),) if items else ()

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, scope: Scope
    ) -> Values:
        items = self.infer(node.value if isinstance(node, ast.DictComp) else node.elt, scope)
        return (Container(items),) if items else ()

    def _items_of(self, node: ast.expr, scope: Scope) -> Values:
        """What iterating over ``node`` may give."""
        generated = self._generated(node, scope)
        return generated or _union([self.items(v) for v in self.infer(node, scope)])

    def _generated(self, node: ast.expr, scope: Scope) -> Values:
        """What a generator of the project that ``node`` calls yields, also as a context manager."""
        if not isinstance(node, ast.Call):
            return ()
        functions = [v.function for v in self.infer(node.func, scope) if isinstance(v, OwnFunction)]
        return _union([self.yielded(f) for f in functions if f.is_generator])

    def _if_expression(self, node: ast.IfExp, scope: Scope) -> Values:
        return _union([self.infer(node.body, scope), self.infer(node.orelse, scope)])

    def _boolean(self, node: ast.BoolOp, scope: Scope) -> Values:
        return _union(self.infer(v, scope) for v in node.values)

    def _operation(self, node: ast.BinOp, scope: Scope) -> Values:
        for operand, method in zip((node.left, node.right), _OPERATORS.get(type(node.op), ()), strict=False):
            values = self.infer(operand, scope)
            found = _union(
                self._method_result(v.cls, method) for v in values if isinstance(v, ExternalInstance)
            )
            if found:
                return found
        if isinstance(node.op, (ast.Add, ast.BitOr)):  # of lists, of dictionaries
            both = _union([self.infer(node.left, scope), self.infer(node.right, scope)])
            return tuple(v for v in both if isinstance(v, Container))
        return ()

    def _inner(self, node: ast.Await | ast.NamedExpr | ast.Starred, scope: Scope) -> Values:
        return self.infer(node.value, scope)

    def _lambda(self, node: ast.Lambda, scope: Scope) -> Values:
        return (LambdaValue(node, scope),)


def is_enumeration(cls: Class) -> bool:
    """Whether the class derives from ``Enum`` or one of its kind."""
    return any(base.partition(".")[0] == "enum" for base in cls.all_external_bases())


def _nearest(fixtures: list[Function], module: Module) -> list[Function]:
    """Those that tests of ``module`` get: its own, else those of the nearest ``conftest.py``, else any."""
    own = [f for f in fixtures if f.module is module]
    if own:
        return own
    above = [f for f in fixtures if f.module.path.stem == "conftest"]
    above = [f for f in above if f.module.path.parent in module.path.parents]
    depth = max((len(f.module.path.parts) for f in above), default=0)
    return [f for f in above if len(f.module.path.parts) == depth] or fixtures


def _union(parts: Iterable[Values]) -> Values:
    full = [part for part in parts if part]
    if len(full) < 2:
        return full[0] if full else ()
    return tuple(dict.fromkeys(value for part in full for value in part))


_OPERATORS: dict[type, tuple[str, str]] = {
    ast.Div: ("__truediv__", "__rtruediv__"),
    ast.BitOr: ("__or__", "__ror__"),
}
_OPTIONAL = frozenset(
    f"typing.{n}" for n in ("Annotated", "ClassVar", "Final", "Optional", "Required", "Union")
)
_TYPES = frozenset({"builtins.type", "typing.Type"})
# Methods of containers that give what is in them, and those of them that give a container again.
_COPYING = frozenset({"copy", "values"})
_GIVING = _COPYING | {"get", "items", "pop", "popleft", "setdefault"}
_COLLECTIONS = frozenset(
    {"dict", "list", "set", "tuple", "UserDict", "UserList", "OrderedDict", "defaultdict", "deque"}
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
