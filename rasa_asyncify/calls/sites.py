"""The places in a scope's code that may block: calls, attribute reads, loops, ``with`` blocks, subscripts."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from rasa_asyncify.calls.argument_flows import ArgumentFlows
from rasa_asyncify.calls.callees import Callees
from rasa_asyncify.calls.definite import is_function, is_method
from rasa_asyncify.calls.own_methods import reached_methods
from rasa_asyncify.calls.thread_rules import ThreadRules
from rasa_asyncify.catalogue.shortcuts import BLOCKING_ATTRIBUTES, CONTAINS_LIBRARIES, SUBSCRIPT_LIBRARIES
from rasa_asyncify.framework.calling import looks_like_entry
from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.project.bindings import last_name
from rasa_asyncify.project.model import Function, Scope
from rasa_asyncify.project.values import (
    External,
    ExternalInstance,
    ExternalMethod,
    Instance,
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
    f"builtins.{name}"
    for name in "all any dict filter frozenset list map max min next set sorted sum tuple".split()
) | {"functools.reduce", *(f"itertools.{n}" for n in "filterfalse groupby starmap takewhile".split())}
_TELLING = _EAGER | {
    f"builtins.{name}" for name in "getattr globals iter locals print reversed super type vars".split()
}
_ITERATION_MODULES = frozenset(
    {"collections", "copy", "functools", "importlib", "inspect", "itertools", "operator", "sys", "types"}
)
_EAGER_METHODS = frozenset({"sort", "apply", "map", "applymap", "agg", "transform", "filter", "sub"})
# Of texts, lists, sets and dictionaries: they iterate over what they are given.
_ITERATING_METHODS = frozenset({"extend", "join", "update"})
_TELLING_METHODS = _EAGER_METHODS | _ITERATING_METHODS
# Take a coroutine, and see to it that it runs.
_AWAITING = frozenset(
    "call_potential_coroutine create_task ensure_future gather run run_until_complete shield wait_for".split()
)
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
        self.callees = Callees(inference)
        self.flows = ArgumentFlows(inference)
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

    def forget(self) -> None:
        """Drop what was remembered, after the inference has learnt more."""
        self._known.clear()
        self.threads.forget()
        self.flows.forget()

    def sites(self, scope: Scope) -> list[Site]:
        """The sites in the scope's own code, in no particular order."""
        known = self._known.get(scope)
        if known is None:
            known = self._known[scope] = self._find(scope)
        return known

    def _find(self, scope: Scope) -> list[Site]:
        facts = scope.facts
        self.flows.note_decorated(scope)
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
            return name in _TELLING or name in self.callees.special_methods or self.catalogue.blocks(name)
        return self.catalogue.library(name) is not None or name.partition(".")[0] in _ITERATION_MODULES

    # -- calls ---------------------------------------------------------------

    def _call(self, node: ast.Call, scope: Scope) -> Site | None:
        values = self.callees.fitting(self.inference.infer(node.func, scope), node)
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
            self.callees.add(value, node, scope, names, targets)
        self.flows.note_call(values, node, scope)
        names += self.callees.printed(node, values, scope)
        site.callbacks = self._add_callbacks(node, values, scope, names, targets)
        targets += self.callees.special(node, values, scope)
        if not names and not targets:
            return None
        site.blockers = tuple(dict.fromkeys(names))
        site.targets = tuple(dict.fromkeys(targets))
        if names or not all(t.is_async for t in targets):
            self._describe(site, values)
        return site

    def _add_callbacks(
        self, node: ast.Call, values: Values, scope: Scope, names: list[str], targets: list[Function]
    ) -> bool:
        """Add what a call runs of what it is given; whether it runs any of that by calling it."""
        if not self._calls_arguments(node, values):
            return False
        known, before = len(names), len(targets)
        for argument in [*node.args, *(k.value for k in node.keywords)]:
            for value in self.inference.infer(argument, scope):
                self.callees.add(value, node, scope, names, targets)
        called = len(names) > known or len(targets) > before
        names += self._iterated(node, values, scope)
        return called

    def _iterated(self, node: ast.Call, values: Values, scope: Scope) -> list[str]:
        """``list(cursor)`` and the like iterate over something that waits for its items."""
        joins = isinstance(node.func, ast.Attribute) and node.func.attr in _ITERATING_METHODS and not values
        if not node.args or not (joins or any(isinstance(v, External) and v.name in _EAGER for v in values)):
            return []
        found = self.inference.infer(node.args[0], scope)
        return self._operation(found, "iter", "__iter__")[0]

    def _calls_arguments(self, node: ast.Call, values: Values) -> bool:
        if not node.args and not node.keywords:
            return False
        if any(isinstance(v, External) and v.name in _EAGER for v in values):
            return True
        return isinstance(node.func, ast.Attribute) and node.func.attr in _EAGER_METHODS and not values

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
