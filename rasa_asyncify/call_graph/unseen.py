"""Calls that reading can't follow, and what of the project that blocks they may reach: by name, or as a value."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.call_graph.value_uses import ValueUses, could_be_own, is_proxy
from rasa_asyncify.calls.signatures import fits
from rasa_asyncify.flow.positions import is_deferred, is_deferring_call
from rasa_asyncify.framework.calling import HANDED
from rasa_asyncify.inference.attributes import is_enumeration
from rasa_asyncify.project.bindings import Annotated, Assigned, Entered, Item, last_name
from rasa_asyncify.project.model import Class, Function, Parameter, Scope, by_place
from rasa_asyncify.project.values import External, Instance, OwnClass, OwnFunction, OwnModule, Value

_DEPTH = 6
# What these give is what they are given, or what a text names.
_HANDING_ON = frozenset(
    f"builtins.{n}"
    for n in (
        "__import__ dict enumerate filter getattr iter list map max min next reversed set sorted tuple vars zip"
    ).split()
) | {"copy.copy", "copy.deepcopy", "functools.partial", "importlib.import_module", "operator.itemgetter"}
_ANYTHING = frozenset({"builtins.eval", "joblib.load", "pickle.load", "pickle.loads"})
_BY_TEXT = re.compile(r"import_module\(|__import__\(|getattr\(|sys\.modules|load\(")
# Methods of texts, lists, dictionaries and files are called on everything.
_OF_BUILTINS = frozenset(
    n for t in (str, bytes, list, dict, set, tuple, int, float) for n in dir(t) if not n.startswith("__")
)


@dataclass(frozen=True)
class UnseenCall:
    """A call on the event loop that may reach one of the ``candidates``, each of which blocks."""

    call: ast.Call
    function: Function
    candidates: tuple[Function, ...]


class Unseen:
    """Finds the calls of a function that aren't followed and may reach something of the project that blocks."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.inference = graph.inference
        self._blocks: dict[Function, bool] = {}

    def calls(self, function: Function) -> Iterator[UnseenCall]:
        """Those in the function's own code that run where it runs."""
        scope = function.scope
        for call in sorted(function.facts.calls, key=lambda c: (c.lineno, c.col_offset)):
            if call in function.facts.awaited or self.inference.infer(call.func, scope):
                continue
            named = [f for f in self._named(call, scope) if self._may_be(f, call)]
            if named and not is_deferred(call, scope, self.graph.runners, self.inference):
                yield UnseenCall(call, function, tuple(named))

    def partly_known(self, wanted: set[Function]) -> dict[Function, str]:
        """Methods that some call may reach, beside others of that name that reading doesn't see, with the place."""
        names = {f.name for f in wanted if f.owner is not None}
        found: dict[Function, str] = {}
        for scope in self.graph.scopes() if names else ():
            for call in scope.facts.calls:
                func = call.func
                if not isinstance(func, ast.Attribute) or func.attr not in names:
                    continue
                targets = [
                    v.function for v in self.inference.infer(func, scope) if isinstance(v, OwnFunction)
                ]
                known = [t for t in targets if t in wanted]
                others = [f for f in self._by_name[func.attr] if f.owner is not None and f not in targets]
                if not known or not any(fits(call, f) and not f.module.is_test for f in others):
                    continue
                if self._is_unknown(func.value, scope):
                    place = f"{scope.module.path.name}:{call.lineno}"
                    found.update(dict.fromkeys(known, f"{place} may call another method of that name"))
        return found

    def _may_be(self, function: Function, call: ast.Call) -> bool:
        if function.is_async or function.module.is_test or not fits(call, function):
            return False
        if function not in self._blocks:
            self._blocks[function] = self.graph.would_block(function)
        return self._blocks[function]

    def _named(self, call: ast.Call, scope: Scope) -> list[Function]:
        """The functions of the project that the call may reach by its form."""
        func = call.func
        if isinstance(func, ast.Attribute):
            known = self._by_name.get(func.attr, ())
            if not known or not could_be_own(func.value):
                return []
            proxied = any(is_proxy(v) for v in self.inference.infer(func.value, scope))
            if not proxied and not self._is_unknown(func.value, scope):
                return []
            in_modules = bool(_BY_TEXT.search(scope.module.source.text))
            found = [f for f in known if f.owner is not None or in_modules]
            return [] if func.attr in _OF_BUILTINS and self._is_plain(func.value, scope) else found
        if isinstance(func, (ast.Name, ast.Subscript, ast.Call)):
            if not self._is_unknown(func, scope):
                return []
            by_text = bool(_BY_TEXT.search(scope.module.source.text))
            return [*self._handed_on, *(self._in_texts if by_text else ())]
        return []

    # -- candidates ---------------------------------------------------------------

    @cached_property
    def _by_name(self) -> dict[str, list[Function]]:
        """Methods, and functions of modules, by name."""
        found: dict[str, list[Function]] = defaultdict(list)
        for function in self.inference.project.functions():
            if (function.owner is not None or function.parent.parent is None) and not function.is_property:
                found[function.name].append(function)
        return found

    @cached_property
    def _handed_on(self) -> list[Function]:
        """Functions that are stored or handed to something that isn't followed, rather than called."""
        functions = {f for f in self.inference.project.functions() if not f.name.startswith("__")}
        found: dict[Function, None] = {}
        for function, uses in ValueUses(self.graph).uses_as_value(functions).items():
            if any(not self._is_followed(node, scope) for node, scope in uses):
                found[function] = None
        for function in functions:
            if function.node.decorator_list and self.graph.decorators.of(function).opaque:
                if any(self._is_own(d, function) for d in function.node.decorator_list):
                    found[function] = None
        return sorted(found, key=by_place)

    def _is_own(self, decorator: ast.expr, function: Function) -> bool:
        """Whether a decorator is the project's, so that a function may be kept somewhere for other calls."""
        func = decorator.func if isinstance(decorator, ast.Call) else decorator
        values = self.inference.infer(func, function.parent)
        return any(isinstance(v, (OwnFunction, OwnClass, Instance)) for v in values)

    def _is_followed(self, node: ast.expr, scope: Scope) -> bool:
        """Whether a use as a value only hands the function to a library, or to what runs it in a thread."""
        parent = scope.facts.parents.get(node)
        if isinstance(parent, ast.keyword):
            parent = scope.facts.parents.get(parent)
        if isinstance(parent, ast.Call) and parent.func is not node:
            if is_deferring_call(parent, scope, self.graph.runners, self.inference):
                return True
            values = self.inference.infer(parent.func, scope)
            return bool(values) and all(not isinstance(v, (OwnFunction, OwnClass, Instance)) for v in values)
        return isinstance(parent, (ast.Expr, ast.Compare))

    @cached_property
    def _in_texts(self) -> list[Function]:
        """Functions of modules whose names stand in a text, alone or at its end: ``"actions.handlers:weather"``."""
        texts = " ".join(m.source.text for m in self.inference.project.modules.values())
        words = set(re.findall(r"""["'](?:[\w.:/]*[.:])?(\w+)["']""", texts))
        return [
            f for n, known in sorted(self._by_name.items()) if n in words for f in known if f.owner is None
        ]

    # -- where an object comes from ---------------------------------------------------------------

    def _is_unknown(self, node: ast.expr, scope: Scope, depth: int = 0) -> bool:
        """Whether ``node`` may be an object of the project of which nothing is known: not a library's."""
        if depth > _DEPTH:
            return False
        if isinstance(node, ast.Name):
            return self._is_unknown_name(node.id, scope, depth)
        if isinstance(node, ast.Attribute):
            owners = self.inference.infer(node.value, scope)
            if owners:
                return any(self._may_have(v, node.attr, depth) for v in owners)
            return self._is_unknown(node.value, scope, depth + 1)
        if isinstance(node, (ast.Subscript, ast.Await, ast.Starred)):
            return self._is_unknown(node.value, scope, depth + 1)
        if isinstance(node, ast.Call):
            return self._gives_unknown(node, scope, depth)
        if isinstance(node, ast.IfExp):
            return any(self._is_unknown(n, scope, depth + 1) for n in (node.body, node.orelse))
        if isinstance(node, ast.BoolOp):
            return any(self._is_unknown(n, scope, depth + 1) for n in node.values)
        if isinstance(node, ast.NamedExpr):
            return self._is_unknown(node.value, scope, depth + 1)
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            return any(self._is_unknown(n, scope, depth + 1) for n in node.elts)
        if isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.SetComp)):
            return self._is_unknown(node.elt, scope, depth + 1)
        if isinstance(node, (ast.Dict, ast.DictComp)):
            values = node.values if isinstance(node, ast.Dict) else [node.value]
            return any(self._is_unknown(n, scope, depth + 1) for n in values)
        return False

    def _is_unknown_name(self, name: str, scope: Scope, depth: int) -> bool:
        found = scope.lookup(name)
        if found is None or name in HANDED:
            return False
        if any(is_proxy(v) for v in self.inference.name(name, scope)):
            return True
        if any(isinstance(v, (External, OwnModule)) for v in self.inference.name(name, scope)):
            return False
        bindings, owner = found
        additions = self.inference.additions.of_name(name, owner)
        if any(self._is_unknown(a.value, where, depth + 1) for a, where in additions):
            return True
        for binding in bindings:
            if isinstance(binding, (Assigned, Entered, Item)):
                if self._is_unknown(binding.value, owner, depth + 1):
                    return True
            elif isinstance(binding, Parameter) and self._is_unknown_parameter(binding, depth):
                return True
        return False

    def _is_unknown_parameter(self, parameter: Parameter, depth: int) -> bool:
        """Whether a parameter may be anything: not one that the SDK fills, nor one of a known type."""
        function = parameter.function
        if function in self.graph.entered or parameter.name == function.self_name:
            return False
        if parameter.annotation is not None and not _is_open(parameter.annotation):
            return False
        given = self.inference.flows.get((function, parameter.name), ())
        told = self.graph.finder.flows.given_to(function, parameter.name)
        if not given and not told:
            return True
        return any(self._is_unknown(node, scope, depth + 1) for node, scope in (*given, *told))

    def _may_have(self, owner: Value, name: str, depth: int) -> bool:
        """Whether an attribute may be of the project's own making, though reading doesn't find it."""
        if is_proxy(owner):
            return True
        if not isinstance(owner, (Instance, OwnClass)) or is_enumeration(owner.cls):
            return False
        if owner.cls.all_external_bases() - {"object", "abc.ABC", "typing.Protocol", "type"} and not _stored(
            owner.cls, name
        ):
            return False
        annotated = [b for c in owner.cls.relatives() for b in c.scope.bindings.get(name, ())]
        if any(isinstance(b, Annotated) and _is_open(b.annotation) for b in annotated):
            return True
        stored = self._put_into(owner.cls, name)
        if not stored:
            return not annotated
        return any(self._is_unknown(node, scope, depth + 1) for node, scope in stored)

    def _put_into(self, cls: Class, name: str) -> list[tuple[ast.expr, Scope]]:
        """The expressions that an attribute of a class, or of one in its family, may get."""
        family = cls.relatives()
        found = [pair for c in family for pair in c.stored.get(name, ())]
        found += [pair for c in family for pair in self.graph.finder.flows.given_to(c, name)]
        found += [(a.value, where) for a, where in self.inference.additions.of_attribute(cls, name)]
        bound = [(b, c.scope) for c in family for b in c.scope.bindings.get(name, ())]
        return [*found, *((b.value, scope) for b, scope in bound if isinstance(b, Assigned))]

    def _library_gives_unknown(self, names: list[str], call: ast.Call, scope: Scope, depth: int) -> bool:
        if any(name in _ANYTHING for name in names):
            return True
        if not any(name in _HANDING_ON for name in names):
            return False
        if any(name in ("importlib.import_module", "builtins.__import__") for name in names):
            return not (call.args and isinstance(call.args[0], ast.Constant))
        return any(self._is_unknown(a, scope, depth + 1) for a in call.args)

    def _gives_unknown(self, call: ast.Call, scope: Scope, depth: int) -> bool:
        values = self.inference.infer(call.func, scope)
        externals = [v.name for v in values if isinstance(v, External)]
        if externals:
            return self._library_gives_unknown(externals, call, scope, depth)
        own = [v.function for v in values if isinstance(v, OwnFunction)]
        if own:
            returned = [(r.value, f.scope) for f in own for r in f.facts.returns if r.value is not None]
            return any(self._is_unknown(node, inner, depth + 1) for node, inner in returned)
        if values:
            return False
        if isinstance(call.func, ast.Attribute):
            return could_be_own(call.func.value) and self._is_unknown(call.func.value, scope, depth + 1)
        return self._is_unknown(call.func, scope, depth + 1)

    def _is_plain(self, node: ast.expr, scope: Scope) -> bool:
        """Whether it is likelier a dictionary, a list or a text: nothing says that it isn't."""
        return not any(isinstance(n, ast.Call) and last_name(n.func) == "getattr" for n in ast.walk(node))


def _is_open(annotation: ast.expr) -> bool:
    """Whether an annotation says nothing: ``Any``, ``object``, a function."""
    names = {last_name(n) for n in ast.walk(annotation) if isinstance(n, (ast.Name, ast.Attribute))}
    return bool(names & {"Any", "object", "Callable", "TypeVar"})


def _stored(cls: Class, name: str) -> bool:
    return any(name in c.stored or name in c.scope.bindings for c in cls.relatives())
