"""One walk over a scope's own code: what it binds, and the nodes that later questions are about."""

from __future__ import annotations

import ast
from typing import Any

from rasa_asyncify.project.bindings import Addition, Annotated, Assigned, Entered, Imported, Item, Opaque
from rasa_asyncify.project.model import (
    FUNCTION_NODES,
    Binding,
    Class,
    Facts,
    Function,
    FunctionNode,
    Parameter,
    Scope,
)

_ADDERS = frozenset({"append", "appendleft", "add", "insert", "setdefault"})
_SPREADERS = frozenset({"update", "extend"})
_ALL_ADDERS = _ADDERS | _SPREADERS
_LEAVES: frozenset[type] = frozenset(
    c
    for c in vars(ast).values()
    if isinstance(c, type)
    and issubclass(
        c, (ast.operator, ast.cmpop, ast.boolop, ast.unaryop, ast.expr_context, ast.Constant, ast.Name)
    )
) | {str, int, type(None)}


def read_scope(scope: Scope) -> Facts:
    """Walk the scope's own code once."""
    return _Reader(scope).read()


class _Reader:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.facts = Facts(scope=scope)

    def read(self) -> Facts:
        """Walk from the end to the start, which needs no turning round of each node's children."""
        facts = self.facts
        kinds = _KINDS
        leaves = _LEAVES
        stack: list[ast.AST] = list(self.scope.node.body)
        calls, loads, called = facts.calls, facts.loads, facts.called
        pop, push = stack.pop, stack.append
        while stack:
            current = pop()
            # The commonest kinds have ways of their own, which saves a third of the time.
            if isinstance(current, ast.Attribute):
                loads.append(current)
                if current.value.__class__ not in leaves:
                    push(current.value)
                continue
            if isinstance(current, ast.Call):
                calls.append(current)
                func = current.func
                called.add(func)
                if isinstance(func, ast.Attribute) and func.attr in _ALL_ADDERS:
                    self._note_addition(current)
                if func.__class__ not in leaves:
                    push(func)
                for argument in current.args:
                    if argument.__class__ not in leaves:
                        push(argument)
                for keyword in current.keywords:
                    if keyword.value.__class__ not in leaves:
                        push(keyword.value)
                continue
            handler, fields = kinds[current.__class__]
            if handler is not None and handler(self, current):
                continue
            for name in fields:
                value = getattr(current, name)
                if value.__class__ is list:
                    for item in value:
                        if item.__class__ not in leaves:
                            push(item)
                elif value.__class__ not in leaves:
                    push(value)
        self._finish()
        return facts

    def _finish(self) -> None:
        """Put what was found from the end to the start in the order of the text, parameters first."""
        facts = self.facts
        facts.nested.reverse()
        for bindings in facts.bindings.values():
            if len(bindings) > 1:
                bindings.reverse()
        if isinstance(self.scope.node, FUNCTION_NODES):
            self._parameters(self.scope.node)

    # -- names ---------------------------------------------------------------

    def _bind(self, name: str, binding: Binding) -> None:
        self.facts.bindings.setdefault(name, []).append(binding)

    def _bind_first(self, name: str, binding: Binding) -> None:
        self.facts.bindings.setdefault(name, []).insert(0, binding)

    def _parameters(self, node: FunctionNode) -> None:
        function = self.scope.function
        assert function is not None
        arguments = node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
        defaults += arguments.defaults
        for index, (arg, default) in enumerate(zip(positional, defaults, strict=True)):
            self._bind_first(arg.arg, Parameter(function, arg.arg, index, arg.annotation, default))
        for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            self._bind_first(arg.arg, Parameter(function, arg.arg, -1, arg.annotation, default))
        if arguments.vararg:
            name = arguments.vararg.arg
            self._bind_first(name, Parameter(function, name, -1, None, None, "*"))
        if arguments.kwarg:
            name = arguments.kwarg.arg
            self._bind_first(name, Parameter(function, name, -1, None, None, "**"))

    def _target(self, target: ast.expr, binding: Binding, value: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            self._bind(target.id, binding)
        elif isinstance(target, ast.Starred):
            self._target(target.value, Opaque(), None)
        elif isinstance(target, (ast.Tuple, ast.List)):
            parts: list[ast.expr | None] = [None] * len(target.elts)
            if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
                parts = list(value.elts)
            for element, part in zip(target.elts, parts, strict=True):
                inner: Binding = Opaque()
                if part is not None and isinstance(binding, Assigned):
                    inner = Assigned(part)
                elif isinstance(binding, Item):
                    inner = Item(binding.value, binding.depth + 1)
                elif value is not None:
                    inner = Item(value)
                self._target(element, inner, part)
        elif isinstance(target, ast.Subscript) and value is not None and isinstance(binding, Assigned):
            self._add(target.value, value)
        elif isinstance(target, ast.Attribute) and value is not None and isinstance(binding, Assigned):
            self.facts.stores.append((target, value))

    def _note_addition(self, call: ast.Call) -> None:
        func = call.func
        assert isinstance(func, ast.Attribute)
        if func.attr in _ADDERS:
            if call.args:
                self._add(func.value, call.args[-1])
            return
        for argument in call.args:
            self._add(func.value, argument, spread=True)
        for keyword in call.keywords:
            self._add(func.value, keyword.value, spread=keyword.arg is None)

    def _add(self, container: ast.expr, value: ast.expr, *, spread: bool = False) -> None:
        """Note what is put into a container, or into one that is in it: ``x.setdefault(k, []).append(y)``."""
        depth = 0
        while True:
            if isinstance(container, ast.Subscript):
                container = container.value
            elif (
                isinstance(container, ast.Call)
                and isinstance(container.func, ast.Attribute)
                and container.func.attr in ("setdefault", "get")
            ):
                container = container.func.value
            else:
                break
            depth += 1
        if isinstance(container, (ast.Name, ast.Attribute)):
            self.facts.added.append(Addition(container, value, depth, spread))

    # -- one handler a kind of node; True means: don't go into it ---------------------

    def _function(self, node: FunctionNode) -> bool:
        function = Function(self.scope.module, node, self.scope, self.scope.cls)
        self._bind(node.name, function)
        self.facts.nested.append(function)
        if node.decorator_list or node.args.defaults or node.args.kw_defaults:
            self._enter_header([*node.decorator_list, *_defaults(node.args)])
        return True

    def _class(self, node: ast.ClassDef) -> bool:
        cls = Class(self.scope.module, node, self.scope)
        self._bind(node.name, cls)
        self.facts.nested.append(cls)
        self._enter_header([*node.decorator_list, *node.bases, *(k.value for k in node.keywords)])
        return True

    def _enter_header(self, expressions: list[ast.expr]) -> None:
        """Decorators, defaults and bases run in this scope."""
        for expression in expressions:
            if expression.__class__ in _LEAVES:
                continue
            for node in ast.walk(expression):
                if isinstance(node, ast.Lambda):
                    self.facts.lambdas = True
                elif isinstance(node, ast.Call):
                    self.facts.calls.append(node)
                    self.facts.called.add(node.func)
                elif isinstance(node, ast.Attribute):
                    self.facts.loads.append(node)

    def _lambda(self, node: ast.Lambda) -> bool:
        self.facts.lambdas = True
        for arg in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
            self.facts.bindings.setdefault(arg.arg, []).append(Opaque())
        return False

    def _import(self, node: ast.Import) -> bool:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            module = alias.name if alias.asname else alias.name.partition(".")[0]
            self._bind(name, Imported(module, None, 0, node))
        return True

    def _import_from(self, node: ast.ImportFrom) -> bool:
        for alias in node.names:
            if alias.name == "*":
                self.facts.star_imports.append(node)
            else:
                imported = Imported(node.module or "", alias.name, node.level, node)
                self._bind(alias.asname or alias.name, imported)
        return True

    def _assign(self, node: ast.Assign) -> bool:
        for target in node.targets:
            self._target(target, Assigned(node.value), node.value)
        return False

    def _annotated(self, node: ast.AnnAssign) -> bool:
        if node.value is not None:
            self._target(node.target, Assigned(node.value), node.value)
        if isinstance(node.target, ast.Name):
            self._bind(node.target.id, Annotated(node.annotation))
        return False

    def _augmented(self, node: ast.AugAssign) -> bool:
        if isinstance(node.target, ast.Name):
            self._bind(node.target.id, Opaque())
        if isinstance(node.op, (ast.Add, ast.BitOr)) and not isinstance(node.value, ast.Constant):
            self._add(node.target, node.value, spread=True)
        return False

    def _named(self, node: ast.NamedExpr) -> bool:
        self._target(node.target, Assigned(node.value), node.value)
        return False

    def _for(self, node: ast.For | ast.AsyncFor) -> bool:
        if isinstance(node, ast.For):
            self.facts.loops.append(node)
        else:
            self.facts.awaits = True
        self._target(node.target, Item(node.iter), node.iter)
        return False

    def _comprehension(self, node: ast.comprehension) -> bool:
        if node.is_async:
            self.facts.awaits = True
        else:
            self.facts.loops.append(node)
        self._target(node.target, Item(node.iter), node.iter)
        return False

    def _with(self, node: ast.With | ast.AsyncWith) -> bool:
        if isinstance(node, ast.With):
            self.facts.withs.append(node)
        else:
            self.facts.awaits = True
        for item in node.items:
            if item.optional_vars is not None:
                self._target(item.optional_vars, Entered(item.context_expr), None)
        return False

    def _except(self, node: ast.ExceptHandler) -> bool:
        if node.name:
            self._bind(node.name, Annotated(node.type) if node.type is not None else Opaque())
        return False

    def _try(self, node: ast.Try) -> bool:
        self.facts.tries.append(node)
        return False

    def _return(self, node: ast.Return) -> bool:
        self.facts.returns.append(node)
        return False

    def _await(self, node: ast.Await) -> bool:
        self.facts.awaits = True
        self.facts.awaited.add(node.value)
        return False

    def _yield(self, node: ast.Yield | ast.YieldFrom) -> bool:
        self.facts.yields = True
        return False

    def _subscript(self, node: ast.Subscript) -> bool:
        self.facts.subscripts.append(node)
        return False

    def _outer(self, node: ast.Global | ast.Nonlocal) -> bool:
        self.facts.outer.update(node.names)
        return True

    def _match(self, node: ast.MatchAs | ast.MatchStar) -> bool:
        if node.name:
            self._bind(node.name, Opaque())
        return False


def read_parents(scope: Scope) -> dict[ast.AST, ast.AST]:
    """The parent of every node of the scope's own code, headers of nested functions and classes included."""
    parents: dict[ast.AST, ast.AST] = {}
    stack: list[ast.AST] = []
    for statement in scope.node.body:
        parents[statement] = scope.node
        stack.append(statement)
    while stack:
        node = stack.pop()
        if isinstance(node, (*FUNCTION_NODES, ast.ClassDef)):
            for child in _header(node):
                parents[child] = node
                stack.append(child)
            continue
        for name in _KINDS[node.__class__][1]:
            value = getattr(node, name)
            if value.__class__ is list:
                for child in value:
                    if isinstance(child, ast.AST):
                        parents[child] = node
                        if child.__class__ not in _LEAVES:
                            stack.append(child)
            elif isinstance(value, ast.AST):
                parents[value] = node
                if value.__class__ not in _LEAVES:
                    stack.append(value)
    return parents


def _header(node: FunctionNode | ast.ClassDef) -> list[ast.AST]:
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *(k.value for k in node.keywords)]
    return [*node.decorator_list, *_defaults(node.args)]


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(d for d in arguments.kw_defaults if d is not None)]


_HANDLERS: dict[type, Any] = {
    ast.FunctionDef: _Reader._function,
    ast.AsyncFunctionDef: _Reader._function,
    ast.ClassDef: _Reader._class,
    ast.Lambda: _Reader._lambda,
    ast.Import: _Reader._import,
    ast.ImportFrom: _Reader._import_from,
    ast.Assign: _Reader._assign,
    ast.AnnAssign: _Reader._annotated,
    ast.AugAssign: _Reader._augmented,
    ast.NamedExpr: _Reader._named,
    ast.For: _Reader._for,
    ast.AsyncFor: _Reader._for,
    ast.comprehension: _Reader._comprehension,
    ast.With: _Reader._with,
    ast.AsyncWith: _Reader._with,
    ast.ExceptHandler: _Reader._except,
    ast.Try: _Reader._try,
    ast.Return: _Reader._return,
    ast.Await: _Reader._await,
    ast.Yield: _Reader._yield,
    ast.YieldFrom: _Reader._yield,
    ast.Subscript: _Reader._subscript,
    ast.Global: _Reader._outer,
    ast.Nonlocal: _Reader._outer,
    ast.MatchAs: _Reader._match,
    ast.MatchStar: _Reader._match,
}
if hasattr(ast, "TryStar"):
    _HANDLERS[ast.TryStar] = _Reader._try
# The handler of each kind of node, and its fields that may hold nodes worth a visit.
_NO_NODES = frozenset({"ctx", "op", "ops", "id", "attr", "name", "type_comment", "kind"})
_KINDS: dict[type, tuple[Any, tuple[str, ...]]] = {
    c: (_HANDLERS.get(c), tuple(f for f in c._fields if f not in _NO_NODES))
    for c in vars(ast).values()
    if isinstance(c, type) and issubclass(c, ast.AST)
}


class AstReader:
    """Reads scopes by walking their code once."""

    def facts(self, scope: Scope) -> Facts:
        """What stands in the scope's own code."""
        return read_scope(scope)

    def parents(self, scope: Scope) -> dict[ast.AST, ast.AST]:
        """The parent of every node of it, headers of nested functions and classes included."""
        return read_parents(scope)
