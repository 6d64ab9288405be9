"""What the values of an expression surely are, followed through names, attributes and parameters."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.project.bindings import Assigned, Imported, last_name
from rasa_asyncify.project.model import Binding, Function, Parameter, Scope

_DEPTH = 5
_READING = ("get", "items", "keys", "values", "copy")
_TEXT_METHODS = frozenset(
    "format join strip lower upper title replace dumps urlencode quote isoformat".split()
)

Place = tuple[ast.expr, Scope]


class KnownValues:
    """Tells what expressions may evaluate to, as far as every way to their values is seen."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def of(self, node: ast.expr, scope: Scope, depth: int = 0) -> list[Place] | None:
        """The expressions that ``node`` may have its value from; None where some aren't seen."""
        if depth > _DEPTH:
            return None
        if isinstance(node, ast.IfExp):
            return self._all([(node.body, scope), (node.orelse, scope)], depth)
        if isinstance(node, ast.BoolOp):
            return self._all([(value, scope) for value in node.values], depth)
        if isinstance(node, ast.Name):
            found = scope.lookup(node.id)
            return self._bound(*found, depth) if found is not None else None
        if isinstance(node, ast.Attribute):
            return self._attribute(node, scope, depth)
        return [(node, scope)]

    def _all(self, places: list[Place], depth: int) -> list[Place] | None:
        found: list[Place] = []
        for node, scope in places:
            values = self.of(node, scope, depth + 1)
            if values is None:
                return None
            found += values
        return found or None

    def _bound(self, bindings: list[Binding], owner: Scope, depth: int) -> list[Place] | None:
        if depth > _DEPTH:
            return None
        places: list[Place] = []
        for binding in bindings:
            if isinstance(binding, Assigned):
                places.append((binding.value, owner.module.bound_in.get(binding, owner)))
            elif isinstance(binding, Imported):
                target = self.graph.inference.project.resolve_import(binding, owner.module)
                if not isinstance(target, tuple) or owner.function is not None:
                    return None
                module, name = target
                found = self._bound(module.scope.bindings.get(name, []), module.scope, depth + 1)
                if found is None:
                    return None
                places += found
            elif isinstance(binding, Parameter):
                given = self.given(binding)
                if given is None:
                    return None
                places += given
            else:
                return None
        return self._all(places, depth)

    def _attribute(self, node: ast.Attribute, scope: Scope, depth: int) -> list[Place] | None:
        """What the project's classes store under an attribute of ``self``."""
        function = scope.function
        if (
            function is None
            or function.owner is None
            or not isinstance(node.value, ast.Name)
            or node.value.id != function.self_name
        ):
            return None
        places: list[Place] = []
        for cls in function.owner.relatives():
            places += cls.stored.get(node.attr, [])
            for binding in cls.scope.bindings.get(node.attr, []):
                if not isinstance(binding, Assigned):
                    return None
                places.append((binding.value, cls.scope))
        return self._all(places, depth)

    def given(self, parameter: Parameter) -> list[Place] | None:
        """What all callers of its function give for a parameter, with its default; None where not all are seen."""
        function = parameter.function
        callers = self.graph.callers.get(function, [])
        if parameter.star or not callers or function in self.graph.entered:
            return None
        found: list[Place] = []
        for site in callers:
            if not isinstance(site.node, ast.Call):
                return None
            argument = argument_for(site.node, parameter)
            if argument is None and parameter.default is None:
                return None
            if argument is not None:
                found.append((argument, site.scope))
        if parameter.default is not None:
            found.append((parameter.default, function.parent))
        return found

    # -- kinds ---------------------------------------------------------------

    def kinds(self, node: ast.expr, scope: Scope) -> set[str]:
        """Of what kinds a value may be: "text", "bytes", "number", "bool", "dict", "list", "none", "unknown"."""
        told = self._annotated(node, scope)
        if told:
            return {told}
        values = self.of(node, scope)
        if values is None:
            return {"unknown"}
        return {kind for value, where in values for kind in self._kind(value, where)}

    @staticmethod
    def _annotated(node: ast.expr, scope: Scope) -> str | None:
        """What the annotation of a parameter says, where nothing else binds its name."""
        found = scope.lookup(node.id) if isinstance(node, ast.Name) else None
        binding = found[0][0] if found and len(found[0]) == 1 else None
        if not isinstance(binding, Parameter) or binding.annotation is None or binding.star:
            return None
        if binding.default is not None and is_constant(binding.default, None):
            return None
        annotation = binding.annotation
        if isinstance(annotation, ast.Subscript):
            annotation = annotation.value
        return _TYPES.get(last_name(annotation))

    def _kind(self, node: ast.expr, scope: Scope) -> set[str]:
        if isinstance(node, ast.Constant):
            return {_CONSTANTS.get(type(node.value), "unknown")}
        if isinstance(node, (ast.Dict, ast.DictComp)):
            return {"dict"}
        if isinstance(node, (ast.List, ast.ListComp, ast.Tuple)):
            return {"list"}
        if makes_text(node, scope):
            return {"text"}
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div, ast.Sub)):
            return {"number"} if self.kinds(node.left, scope) == {"number"} else {"unknown"}
        if isinstance(node, ast.Call):
            return self._made_by(node, scope)
        return {"unknown"}

    def _made_by(self, call: ast.Call, scope: Scope) -> set[str]:
        func = call.func
        if isinstance(func, ast.Name) and scope.lookup(func.id) is None:
            return {_MAKERS.get(func.id, "unknown")}
        name = last_name(func)
        if isinstance(func, ast.Attribute):
            if name == "copy" and not call.args:
                return self.kinds(func.value, scope)
            if name == "encode":
                return {"bytes"}
        return {"text"} if name in _TEXT_METHODS else {"unknown"}

    def is_text(self, node: ast.expr, scope: Scope, *, numbers: bool = False) -> bool:
        """Whether ``node`` is surely a str (or, with ``numbers``, an int or a float that isn't a bool)."""
        return self.kinds(node, scope) <= ({"text", "number"} if numbers else {"text"})

    def all_items(self, node: ast.expr, scope: Scope, fits: Callable[[ast.expr, Scope], bool]) -> bool:
        """Whether ``node`` is surely a dict of texts that nothing changes, whose values all fit."""
        values = self.of(node, scope)
        return (
            values is not None
            and (not isinstance(node, ast.Name) or self._is_unchanged(node.id, scope))
            and all(
                isinstance(value, ast.Dict)
                and all(isinstance(k, ast.Constant) and isinstance(k.value, str) for k in value.keys)
                and all(fits(item, where) for item in value.values)
                for value, where in values
            )
        )

    @staticmethod
    def _is_unchanged(name: str, scope: Scope) -> bool:
        """Whether nothing adds to what ``name`` holds: every use is the plain name, read."""
        found = scope.lookup(name)
        for where in {found[1], scope} if found else ():
            for node in where.facts.names:
                if node.id == name and not _only_read(node, where):
                    return False
        if found and found[1].function is None:
            return all(name not in f.facts.outer for f in found[1].module.scope.functions())
        return True


def argument_for(call: ast.Call, parameter: Parameter) -> ast.expr | None:
    """What a call gives for a parameter; None where it gives nothing, or where that can't be told."""
    for keyword in call.keywords:
        if keyword.arg == parameter.name:
            return keyword.value
    if any(isinstance(a, ast.Starred) for a in call.args):
        return None
    bound = parameter.function.self_name is not None and isinstance(call.func, ast.Attribute)
    index = parameter.index - int(bound)
    return call.args[index] if 0 <= index < len(call.args) else None


def parameters_of(function: Function) -> Iterator[Parameter]:
    """The parameters of a function."""
    for bindings in function.facts.bindings.values():
        yield from (b for b in bindings if isinstance(b, Parameter))


def makes_text(node: ast.expr, scope: Scope) -> bool:
    """Whether an expression surely gives a str: a literal, ``"" + x``, ``"%s" % x``, ``str(x)``, ``"".join(x)``."""
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Add):
            return makes_text(node.left, scope) or makes_text(node.right, scope)
        return isinstance(node.op, ast.Mod) and is_text_literal(node.left)
    if isinstance(node, ast.Call):
        func = node.func
        if isinstance(func, ast.Name):
            return func.id == "str" and scope.lookup("str") is None
        return (
            isinstance(func, ast.Attribute)
            and is_text_literal(func.value)
            and func.attr in ("format", "join")
        )
    return is_text_literal(node)


def is_constant(node: ast.expr | None, *values: object) -> bool:
    """Whether it is the literal of one of the ``values`` (None, True, False)."""
    return isinstance(node, ast.Constant) and any(node.value is value for value in values)


def is_text_literal(node: ast.expr) -> bool:
    """Whether it is a string, perhaps one with values in it."""
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _only_read(node: ast.Name, scope: Scope) -> bool:
    parent = scope.facts.parents.get(node)
    if isinstance(parent, ast.Attribute):
        return parent.attr in _READING
    if isinstance(parent, ast.Subscript):
        return isinstance(parent.ctx, ast.Load)
    return not isinstance(parent, ast.AugAssign)


_CONSTANTS: dict[type, str] = {
    str: "text",
    bytes: "bytes",
    int: "number",
    float: "number",
    bool: "bool",
    type(None): "none",
}
_TYPES = {
    "str": "text",
    "Text": "text",
    "bytes": "bytes",
    "int": "number",
    "float": "number",
    "dict": "dict",
    "Dict": "dict",
    "list": "list",
    "List": "list",
}
_MAKERS = {
    "dict": "dict",
    "str": "text",
    "int": "number",
    "float": "number",
    "list": "list",
    "tuple": "list",
    "bytes": "bytes",
}
