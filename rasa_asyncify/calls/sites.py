"""The places in a scope's code that may block: calls, attribute reads, loops, ``with`` blocks, subscripts."""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from rasa_asyncify.calls.decorators import wrapper_of
from rasa_asyncify.calls.definite import is_function, is_method
from rasa_asyncify.calls.signatures import fits
from rasa_asyncify.calls.thread_rules import ThreadRules
from rasa_asyncify.catalogue.shortcuts import BLOCKING_ATTRIBUTES, CONTAINS_LIBRARIES, SUBSCRIPT_LIBRARIES
from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.project.bindings import last_name
from rasa_asyncify.project.expressions import is_plain_type
from rasa_asyncify.project.model import Class, Function, Scope
from rasa_asyncify.project.values import (
    External,
    ExternalInstance,
    ExternalMethod,
    Instance,
    LambdaValue,
    OwnClass,
    OwnFunction,
    Value,
    Values,
)

SiteNode: TypeAlias = (
    ast.Call | ast.Attribute | ast.Subscript | ast.Compare | ast.For | ast.comprehension | ast.With
)

# Call what they are given at once.
_EAGER = frozenset(
    {
        f"builtins.{n}"
        for n in (
            "map",
            "filter",
            "sorted",
            "min",
            "max",
            "any",
            "all",
            "sum",
            "list",
            "next",
            "tuple",
            "set",
            "dict",
            "frozenset",
        )
    }
    | {
        "functools.reduce",
        "itertools.starmap",
        "itertools.groupby",
        "itertools.filterfalse",
        "itertools.takewhile",
    }
)
_TELLING = _EAGER | {
    "builtins.globals",
    "builtins.locals",
    "builtins.print",
    "builtins.super",
    "builtins.type",
    "builtins.vars",
    "builtins.getattr",
    "builtins.iter",
    "builtins.reversed",
}
_ITERATION_MODULES = frozenset(
    {"collections", "copy", "functools", "importlib", "inspect", "itertools", "operator", "sys", "types"}
)
_EAGER_METHODS = frozenset({"sort", "apply", "map", "applymap", "agg", "transform", "filter", "sub"})
# Of texts, lists, sets and dictionaries: they iterate over what they are given.
_ITERATING_METHODS = frozenset({"extend", "join", "update"})
_TELLING_METHODS = _EAGER_METHODS | _ITERATING_METHODS
_DEPTH = 8
_OF_AN_ENTRY = frozenset({"dispatcher", "domain", "tracker"})
# Take a coroutine, and see to it that it runs.
_AWAITING = frozenset(
    "call_potential_coroutine create_task ensure_future gather run run_until_complete shield wait_for".split()
)
_NEVER_FLOWS = (ast.Starred, ast.Constant, ast.JoinedStr)
# Call a special method of their argument.
_SPECIAL_METHODS = {
    "builtins.abs": "__abs__",
    "builtins.bool": "__bool__",
    "builtins.float": "__float__",
    "builtins.hash": "__hash__",
    "builtins.int": "__int__",
    "builtins.len": "__len__",
    "builtins.next": "__next__",
    "builtins.repr": "__repr__",
    "builtins.str": "__str__",
}
# Lazy ones: what they call runs where their result is used up.
LAZY = frozenset({"map", "filter", "starmap", "takewhile", "filterfalse", "groupby"})


@dataclass(eq=False)
class Site:
    """One place that blocks by itself (``blockers``) or calls functions of the project (``targets``).

    ``native`` is the kind of replacement known for its blockers; ``thread`` the thread rule of the object it
    uses or ``makes`` ("affine", "unshared" or None); ``shared`` where that object outlives the call of the scope;
    ``runs_unknown`` where it seems to call an action's ``run`` or the like on something that reading doesn't know.
    """

    node: SiteNode
    scope: Scope
    blockers: tuple[str, ...] = ()
    targets: tuple[Function, ...] = ()
    native: str | None = None
    thread: str | None = None
    shared: bool = False
    makes: bool = False
    callbacks: bool = False
    runs_unknown: bool = False

    @property
    def line(self) -> int:
        node = self.node
        return node.target.lineno if isinstance(node, ast.comprehension) else node.lineno


class SiteFinder:
    """Finds the sites of scopes, once each."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self.catalogue = inference.catalogue
        self.threads = ThreadRules(inference)
        self._known: dict[Scope, list[Site]] = {}
        self._matters: dict[str, bool] = {}
        self._grown = False
        self._given: dict[tuple[Function | Class, str], list[tuple[ast.expr, Scope]]] = defaultdict(list)
        self._references: dict[Function | Class, ast.Name] = {}
        # The only attributes whose mere reading may run something: looking at all others would take its time.
        self.attributes = BLOCKING_ATTRIBUTES | inference.project.property_names()

    @cached_property
    def _subscripts_matter(self) -> bool:
        """Whether anything in the project has a ``[...]`` that may run something."""
        words = (*SUBSCRIPT_LIBRARIES, "__getitem__", "__setitem__")
        return any(w in m.source.text for m in self.inference.project.modules.values() for w in words)

    @cached_property
    def _contains_matter(self) -> bool:
        """Whether anything in the project has an ``in`` that may run something."""
        words = (*CONTAINS_LIBRARIES, "__contains__")
        return any(w in m.source.text for m in self.inference.project.modules.values() for w in words)

    @cached_property
    def _special_methods(self) -> dict[str, str]:
        """The builtins that may run a special method that the project defines."""
        texts = [m.source.text for m in self.inference.project.modules.values()]
        return {b: m for b, m in _SPECIAL_METHODS.items() if any(f"def {m}(" in text for text in texts)}

    def forget(self) -> None:
        """Drop what was remembered, after the inference has learnt more."""
        self._known.clear()
        self.threads.forget()
        self._given.clear()

    def sites(self, scope: Scope) -> list[Site]:
        """The sites in the scope's own code, in no particular order."""
        known = self._known.get(scope)
        if known is None:
            known = self._known[scope] = self._find(scope)
        return known

    def _find(self, scope: Scope) -> list[Site]:
        facts = scope.facts
        self._note_decorated(scope)
        worth: dict[str, bool] = {}
        found = [
            self._call(node, scope)
            for node in facts.calls
            if self._is_worth(node.func, scope, worth) or looks_like_entry(node)
        ]
        for node in facts.loads:
            if isinstance(node.ctx, ast.Load):
                found.append(self._load(node, scope))
        if self._subscripts_matter:
            found += [self._subscript(node, scope) for node in facts.subscripts]
        if self._contains_matter:
            found += [self._contains(node, scope) for node in facts.parents if isinstance(node, ast.Compare)]
        found += [self._loop(node, scope) for node in facts.loops]
        found += [self._with(node, scope) for node in facts.withs]
        return [site for site in found if site is not None]

    def _is_worth(self, func: ast.expr, scope: Scope, known: dict[str, bool]) -> bool:
        """Whether a call may be a site at all, by the name that its function starts with."""
        if isinstance(func, ast.Attribute) and func.attr in _TELLING_METHODS:
            return True
        root = func
        while not isinstance(root, ast.Name):
            if isinstance(root, (ast.Attribute, ast.Subscript)):
                root = root.value
            elif isinstance(root, ast.Call):
                root = root.func
            else:
                return not isinstance(root, (ast.Constant, ast.JoinedStr))
        worth = known.get(root.id)
        if worth is None:
            worth = known[root.id] = any(map(self._may_matter, self.inference.name(root.id, scope)))
        return worth

    def _may_matter(self, value: Value) -> bool:
        if not isinstance(value, External):
            return True
        name = value.name
        known = self._matters.get(name)
        if known is None:
            known = self._matters[name] = self._external_matters(name)
        return known

    def _external_matters(self, name: str) -> bool:
        if name.startswith("builtins."):
            return name in _TELLING or name in self._special_methods or self.catalogue.blocks(name)
        return self.catalogue.library(name) is not None or name.partition(".")[0] in _ITERATION_MODULES

    # -- calls ---------------------------------------------------------------

    def _call(self, node: ast.Call, scope: Scope) -> Site | None:
        values = self._fitting(self.inference.infer(node.func, scope), node)
        if node in scope.facts.awaited:
            # What is awaited is a coroutine already, whatever the catalogue says of another version.
            values = tuple(v for v in values if isinstance(v, (OwnFunction, OwnClass, Instance)))
        if not values and looks_like_entry(node) and not _is_awaited(node, scope):
            return Site(node, scope, runs_unknown=True)
        if not values and not (isinstance(node.func, ast.Attribute) and node.func.attr in _TELLING_METHODS):
            return None
        site = Site(node, scope)
        names: list[str] = []
        targets: list[Function] = []
        for value in values:
            self._callee(value, node, scope, names, targets)
        self._note_flows(values, node, scope)
        names += self._printed(node, values, scope)
        before, called = len(targets), False
        if self._calls_arguments(node, values):
            known = len(names)
            for argument in [*node.args, *(k.value for k in node.keywords)]:
                for value in self.inference.infer(argument, scope):
                    self._callee(value, node, scope, names, targets)
            called = len(names) > known
            names += self._iterated(node, values, scope)
        site.callbacks = called or len(targets) > before
        targets += self._special(node, values, scope)
        if not names and not targets:
            return None
        site.blockers = tuple(dict.fromkeys(names))
        site.targets = tuple(dict.fromkeys(targets))
        if names or not all(t.is_async for t in targets):
            self._describe(site, values)
        return site

    def _fitting(self, values: Values, node: ast.Call) -> Values:
        """Without the functions that only a text may have named, where they couldn't take the arguments."""
        named = self.inference.by_text.named
        if not named:
            return values
        return tuple(
            v
            for v in values
            if not isinstance(v, OwnFunction)
            or v.function not in named
            or v.function.node.decorator_list
            or fits(node, v.function, bound=v.bound)
        )

    def _callee(
        self, value: Value, node: ast.Call, scope: Scope, names: list[str], targets: list[Function]
    ) -> None:
        if isinstance(value, External):
            if self.catalogue.blocks(value.name) and not _harmless(value.name, node):
                names.append(value.name)
        elif isinstance(value, ExternalMethod):
            entry = self.catalogue.cls(value.cls)
            if entry is not None and entry.blocks(value.name):
                names.append(f"{value.cls}.{value.name}")
        elif isinstance(value, ExternalInstance):
            entry = self.catalogue.cls(value.cls)
            if entry is not None and ("call" in entry.operations or entry.blocks("__call__")):
                names.append(value.cls)
        elif isinstance(value, OwnFunction):
            targets.append(value.function)
            targets += self._dispatched.get(value.function, ())
        elif isinstance(value, LambdaValue):
            if value.scope is not scope:
                self._in_lambda(value, names, targets)
        elif isinstance(value, OwnClass):
            for cls in value.cls, *(() if value.exact else value.cls.descendants()):
                targets += constructors(cls)
            for base in sorted(value.cls.all_external_bases()):
                if self.catalogue.blocks(self.catalogue.canonical(base)):
                    names.append(base)
        elif isinstance(value, Instance):
            own = reached_methods(value, "__call__")
            targets += own
            for base in sorted(value.cls.all_external_bases()) if not own else ():
                entry = self.catalogue.cls(self.catalogue.canonical(base))
                if entry is not None and "call" in entry.operations:
                    names.append(base)

    def _in_lambda(self, value: LambdaValue, names: list[str], targets: list[Function]) -> None:
        """What a lambda that was made elsewhere calls, or another one that it calls."""
        todo, seen = [value], {value}
        while todo:
            current = todo.pop()
            inside = {id(n) for n in ast.walk(current.node.body)}
            for call in (c for c in current.scope.facts.calls if id(c) in inside):
                for called in self.inference.infer(call.func, current.scope):
                    if not isinstance(called, LambdaValue):
                        self._callee(called, call, current.scope, names, targets)
                    elif called not in seen:
                        seen.add(called)
                        todo.append(called)

    @cached_property
    def _dispatched(self) -> dict[Function, list[Function]]:
        """What is registered with the generic functions of ``functools.singledispatch``."""
        found: dict[Function, list[Function]] = defaultdict(list)
        for module in self.inference.project.modules.values():
            if "singledispatch" not in module.source.text and ".register" not in module.source.text:
                continue
            for function in module.scope.functions():
                for node in function.node.decorator_list:
                    func = node.func if isinstance(node, ast.Call) else node
                    if isinstance(func, ast.Attribute) and func.attr == "register":
                        for value in self.inference.infer(func.value, function.parent):
                            if isinstance(value, OwnFunction):
                                found[value.function].append(function)
        return found

    def _iterated(self, node: ast.Call, values: Values, scope: Scope) -> list[str]:
        """``list(cursor)`` and the like iterate over something that waits for its items."""
        joins = isinstance(node.func, ast.Attribute) and node.func.attr in _ITERATING_METHODS and not values
        if not node.args or not (joins or any(isinstance(v, External) and v.name in _EAGER for v in values)):
            return []
        found = self.inference.infer(node.args[0], scope)
        return self._operation(found, "iter", "__iter__")[0]

    def _printed(self, node: ast.Call, values: Values, scope: Scope) -> list[str]:
        """``print(..., file=f)`` writes to what it is given."""
        if External("builtins.print") not in values:
            return []
        files = [k.value for k in node.keywords if k.arg == "file"]
        written = [
            v.cls for f in files for v in self.inference.infer(f, scope) if isinstance(v, ExternalInstance)
        ]
        entries = [(c, self.catalogue.cls(c)) for c in written]
        return [f"{c}.write" for c, entry in entries if entry is not None and entry.blocks("write")]

    def _special(self, node: ast.Call, values: Values, scope: Scope) -> list[Function]:
        """The special methods that ``len(x)`` and the like run."""
        found: list[Function] = []
        for value in values:
            name = self._special_methods.get(value.name) if isinstance(value, External) else None
            if name and len(node.args) == 1:
                owners = self.inference.infer(node.args[0], scope)
                found += [m for v in owners if isinstance(v, Instance) for m in reached_methods(v, name)]
        return found

    def _calls_arguments(self, node: ast.Call, values: Values) -> bool:
        if not node.args and not node.keywords:
            return False
        if any(isinstance(v, External) and v.name in _EAGER for v in values):
            return True
        return isinstance(node.func, ast.Attribute) and node.func.attr in _EAGER_METHODS and not values

    def _note_flows(self, values: Values, node: ast.Call, scope: Scope) -> None:
        """Remember which functions and objects are handed to which parameters."""
        if not node.args and not node.keywords:
            return
        for value in values:
            functions = (
                [value.function]
                if isinstance(value, OwnFunction)
                else initialisers(value.cls) if isinstance(value, OwnClass) else []
            )
            if isinstance(value, OwnClass) and not functions:
                self._flow_into_fields(value.cls, node, scope)
            for function in functions:
                if is_runner(function):
                    continue
                skip = isinstance(value, OwnClass) or (isinstance(value, OwnFunction) and value.bound)
                self._flow_into(function, node, scope, skip=int(skip))

    def _flow_into(self, function: Function, node: ast.Call, scope: Scope, skip: int) -> None:
        arguments = function.node.args
        positional = [*arguments.posonlyargs, *arguments.args][skip:]
        pairs = list(zip(positional, node.args, strict=False))
        if node.keywords:
            known = {p.arg: p for p in [*positional, *arguments.kwonlyargs]}
            pairs += [(known[k.arg], k.value) for k in node.keywords if k.arg in known]
        if arguments.vararg:
            pairs += [(arguments.vararg, a) for a in node.args[len(positional) :]]
        for parameter, argument in pairs:
            if isinstance(argument, _NEVER_FLOWS) or is_plain_type(parameter.annotation):
                continue
            self._given[(function, parameter.arg)].append((argument, scope))
            if isinstance(argument, (ast.Name, ast.Attribute)):
                self._note_handed(argument, scope, function, parameter.arg)

    def _note_handed(
        self, argument: ast.Name | ast.Attribute, scope: Scope, function: Function, parameter: str
    ) -> None:
        """Remember a container that is handed to a function which puts something into it."""
        if any(isinstance(a.container, ast.Name) and a.name == parameter for a in function.facts.added):
            handed = self.inference.additions.handed[last_name(argument)]
            if all(known is not argument or f is not function for known, _, f, _ in handed):
                handed.append((argument, scope, function, parameter))
                self._grown = True

    def _flow_into_fields(self, cls: Class, node: ast.Call, scope: Scope) -> None:
        """What is given to a dataclass, a named tuple or the like goes to its fields."""
        fields = cls.fields()
        pairs = list(zip(fields, node.args, strict=False))
        pairs += [(k.arg, k.value) for k in node.keywords if k.arg in fields]
        for name, argument in pairs:
            if not isinstance(argument, _NEVER_FLOWS):
                self._given[(cls, name)].append((argument, scope))

    def _note_decorated(self, scope: Scope) -> None:
        """Functions and classes go to the project's own decorators that do something else than wrap them."""
        for nested in scope.facts.nested:
            for node in nested.node.decorator_list:
                func = node.func if isinstance(node, ast.Call) else node
                plain = [v.function for v in self.inference.infer(func, scope) if isinstance(v, OwnFunction)]
                if any(wrapper_of(f, called=isinstance(node, ast.Call)) is not None for f in plain):
                    continue
                for value in self.inference.infer(node, scope):
                    self._flow_from(nested, value, scope)

    def _flow_from(self, nested: Function | Class, decorator: Value, scope: Scope) -> None:
        if not isinstance(decorator, (OwnFunction, OwnClass, Instance)):
            return
        bound = not isinstance(decorator, OwnFunction) or decorator.bound
        if isinstance(decorator, OwnFunction):
            called = [decorator.function]
        else:
            is_class = isinstance(decorator, OwnClass)
            called = initialisers(decorator.cls) if is_class else methods(decorator.cls, "__call__")
        if nested not in self._references:
            node = ast.Name(nested.node.name, ast.Load())
            self._references[nested] = ast.copy_location(node, nested.node)
        for function in called:
            arguments = function.node.args
            parameters = [*arguments.posonlyargs, *arguments.args][int(bound) :]
            if parameters:
                self._given[(function, parameters[0].arg)].append((self._references[nested], scope))

    def given_to(self, owner: Function | Class, name: str) -> list[tuple[ast.expr, Scope]]:
        """What calls give to a parameter of a function or a field of a class, also where that tells nothing."""
        return self._given.get((owner, name), [])

    def settle_flows(self) -> bool:
        """Let arguments flow into the parameters that something asked about; whether that told anything new."""
        inference = self.inference
        grown, self._grown = self._grown, False
        for key in [key for key in self._given if key in inference.asked]:
            for argument, scope in self._given[key]:
                if any(known is argument for known, _ in inference.flows.get(key, ())):
                    continue
                values = inference.infer(argument, scope)
                if values and not set(values) <= set(inference.parameter(*key)):
                    inference.flows[key].append((argument, scope))
                    grown = True
        return grown

    def _describe(self, site: Site, values: Values) -> None:
        """Fill in native replacement, thread rule and sharing."""
        node = site.node
        assert isinstance(node, ast.Call)
        site.native = self._native(site, values)
        used = [node.func.value if isinstance(node.func, ast.Attribute) else node.func]
        used += [
            a for a in (*node.args, *(k.value for k in node.keywords)) if not isinstance(a, ast.Constant)
        ]
        for place, operand in enumerate(used):
            rule = self.threads.rule(self.inference.infer(operand, site.scope))
            shared = bool(rule) and self.threads.is_shared(operand, site.scope)
            # An argument counts where others hold it too: `fetch(CONNECTION)`.
            if rule and (shared if place else True) and not site.shared:
                site.thread, site.shared = rule, shared
        made = self.threads.rule(self.inference.infer(node, site.scope))
        if made and site.thread is None:
            site.thread = made
            site.makes = True
            site.shared = site.shared or _stored_for_later(node, site.scope)

    def _native(self, site: Site, values: Values) -> str | None:
        """The kind of native replacement that all it may call have in common."""
        called = {_called_name(value) for value in values}
        kinds = {self.catalogue.native(name) for name in site.blockers}
        if site.targets or len(kinds) != 1 or not called.issuperset(site.blockers):
            return None
        kind = kinds.pop()
        assert isinstance(site.node, ast.Call)
        if kind is None or kind in ("aiohttp", "httpx"):  # whose forms look for themselves
            return kind
        func, scope = site.node.func, site.scope
        if any(isinstance(value, ExternalMethod) for value in values):
            sure = all(is_method(func, name, scope, self.inference) for name in site.blockers)
        else:
            sure = is_function(func, site.blockers[0], scope, self.inference)
        return kind if sure else None

    # -- everything else ---------------------------------------------------------------

    def _load(self, node: ast.Attribute, scope: Scope) -> Site | None:
        if node.attr not in self.attributes:
            return None
        names: list[str] = []
        targets: list[Function] = []
        for value in self.inference.infer(node.value, scope):
            for owner in _external_classes(value):
                entry = self.catalogue.cls(self.catalogue.canonical(owner))
                if entry is not None and node.attr in entry.blocking_attributes:
                    names.append(f"{owner}.{node.attr}")
            if isinstance(value, Instance) and node not in scope.facts.called:
                targets += [m for m in reached_methods(value, node.attr) if m.is_property]
        return self._site(node, scope, names, targets, node.value)

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Site | None:
        operation = "getitem" if isinstance(node.ctx, ast.Load) else "setitem"
        values = self.inference.infer(node.value, scope)
        names, targets = self._operation(values, operation, f"__{operation}__")
        return self._site(node, scope, names, targets, node.value)

    def _contains(self, node: ast.Compare, scope: Scope) -> Site | None:
        container = node.comparators[-1]
        if not isinstance(node.ops[-1], (ast.In, ast.NotIn)):
            return None
        names, targets = self._operation(self.inference.infer(container, scope), "contains", "__contains__")
        return self._site(node, scope, names, targets, container)

    def _loop(self, node: ast.For | ast.comprehension, scope: Scope) -> Site | None:
        values = self.inference.infer(node.iter, scope)
        names, targets = self._operation(values, "iter", "__iter__", "__next__")
        targets += self._generators(node.iter, scope)
        return self._site(node, scope, names, targets, node.iter)

    def _generators(self, node: ast.expr, scope: Scope) -> list[Function]:
        if not isinstance(node, ast.Call):
            return []
        values = self.inference.infer(node.func, scope)
        return [v.function for v in values if isinstance(v, OwnFunction) and v.function.is_generator]

    def _with(self, node: ast.With, scope: Scope) -> Site | None:
        names: list[str] = []
        targets: list[Function] = []
        receiver: ast.expr | None = None
        for item in node.items:
            values = self.inference.infer(item.context_expr, scope)
            more, functions = self._operation(values, "with", "__enter__", "__exit__")
            more += self._closed(item.context_expr, values, scope)
            names += more
            targets += functions
            if isinstance(item.context_expr, ast.Call):
                called = self.inference.infer(item.context_expr.func, scope)
                targets += [
                    v.function for v in called if isinstance(v, OwnFunction) and v.function.is_generator
                ]
            if more or functions:
                receiver = item.context_expr
        return self._site(node, scope, names, targets, receiver)

    def _closed(self, node: ast.expr, values: Values, scope: Scope) -> list[str]:
        """What ``with closing(x)`` closes at its end, where that blocks."""
        if not isinstance(node, ast.Call):
            return []
        if External("contextlib.closing") not in self.inference.infer(node.func, scope):
            return []
        classes = [v.cls for v in values if isinstance(v, ExternalInstance)]
        entries = [(c, self.catalogue.cls(c)) for c in classes]
        return [f"{c}.close" for c, entry in entries if entry is not None and entry.blocks("close")]

    def _operation(self, values: Values, operation: str, *dunders: str) -> tuple[list[str], list[Function]]:
        names: list[str] = []
        targets: list[Function] = []
        for value in values:
            if isinstance(value, ExternalInstance):
                entry = self.catalogue.cls(value.cls)
                if entry is not None and operation in entry.operations:
                    names.append(value.cls)
            elif isinstance(value, Instance):
                for dunder in dunders:
                    targets += reached_methods(value, dunder)
        return names, targets

    def _site(
        self,
        node: SiteNode,
        scope: Scope,
        names: list[str],
        targets: list[Function],
        receiver: ast.expr | None,
    ) -> Site | None:
        if not names and not targets:
            return None
        site = Site(node, scope, tuple(dict.fromkeys(names)), tuple(dict.fromkeys(targets)))
        if receiver is not None:
            site.thread = self.threads.rule(self.inference.infer(receiver, scope))
            site.shared = bool(site.thread) and self.threads.is_shared(receiver, scope)
        return site


def looks_like_entry(call: ast.Call) -> bool:
    """Whether a call has the arguments of an action's ``run``, or of a method such as ``validate_size``."""
    given = [*call.args, *(k.value for k in call.keywords)]
    if len(given) < 3:
        return False
    names = {last_name(argument) for argument in given}
    if names >= _OF_AN_ENTRY:
        return True
    return len(given) == 3 and last_name(call.func) == "run" and bool(names & _OF_AN_ENTRY)


def _is_awaited(node: ast.Call, scope: Scope) -> bool:
    parent = scope.facts.parents.get(node)
    return node in scope.facts.awaited or (
        isinstance(parent, ast.Call) and parent.func is not node and last_name(parent.func) in _AWAITING
    )


def _external_classes(value: Value) -> list[str]:
    """The classes of libraries whose attributes ``value`` has."""
    if isinstance(value, ExternalInstance):
        return [value.cls]
    return sorted(value.cls.all_external_bases()) if isinstance(value, (Instance, OwnClass)) else []


def _called_name(value: Value) -> str:
    """The name of a library's function or method, as in ``Site.blockers``."""
    if isinstance(value, ExternalMethod):
        return f"{value.cls}.{value.name}"
    return value.name if isinstance(value, External) else ""


def is_runner(function: Function) -> bool:
    """Whether ``function`` sends what it is given to an executor, as ``in_thread`` does."""
    return (
        function.is_async
        and function.module.may_use_executor
        and any(load.attr in ("run_in_executor", "to_thread") for load in function.facts.loads)
    )


def constructors(cls: Class) -> list[Function]:
    """The functions of the project that constructing ``cls`` runs."""
    return [*initialisers(cls), *methods(cls, "__post_init__")]


def initialisers(cls: Class) -> list[Function]:
    """Those of them that are given what the class is called with."""
    return [m for name in ("__new__", "__init__") for m in methods(cls, name)]


def methods(cls: Class, name: str) -> list[Function]:
    """The method that ``name`` reaches on an instance of ``cls``."""
    for ancestor in cls.ancestry():
        method = ancestor.method(name)
        if method is not None:
            return [method]
    return []


def reached_methods(value: Instance, name: str) -> list[Function]:
    """The methods that ``name`` may reach on ``value``, which may be an instance of a subclass."""
    found = methods(value.cls, name)
    if not value.exact:
        found += [m for cls in value.cls.descendants() for m in methods(cls, name)]
    return list(dict.fromkeys(found))


def _stored_for_later(node: ast.expr, scope: Scope) -> bool:
    """Whether the made object goes to an attribute, a global or a return value."""
    parent = scope.facts.parents.get(node)
    if isinstance(parent, ast.Assign):
        for target in parent.targets:
            if isinstance(target, ast.Attribute):
                return True
            if isinstance(target, ast.Name) and (target.id in scope.facts.outer or scope.function is None):
                return True
    return False


def _harmless(name: str, node: ast.Call) -> bool:
    """Calls of blockers that don't block: ``lock.acquire(blocking=False)``, ``get_nowait`` and the like."""
    for keyword in node.keywords:
        if keyword.arg in ("block", "blocking") and isinstance(keyword.value, ast.Constant):
            return not keyword.value.value
    return False
