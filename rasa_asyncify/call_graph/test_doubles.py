"""What the project's tests replace: blockers patched by path, helpers replaced by plain functions."""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass, field

from rasa_asyncify.call_graph.tested import Tested
from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.project.model import Function, Module, Scope
from rasa_asyncify.project.values import External, OwnFunction, Values

# Libraries that answer `requests` calls in tests; they don't see aiohttp's.
_HTTP_MOCKS = frozenset({"responses", "requests_mock", "httpretty", "vcr", "betamax", "pook", "mocket"})
# Of these, what answers nothing but calls of requests. respx and pytest-httpx answer either kind of httpx's clients.
_ONLY_REQUESTS = frozenset({"betamax", "requests_mock", "requests_mocker", "responses"})
# What carries out every call of requests.
_INSIDES = ("requests.Session.", "requests.adapters.", "requests.sessions.", "urllib3.")
_FIXTURES = frozenset({"requests_mock", "requests_mocker", "httpserver_mock"})


@dataclass
class Patches:
    """``everywhere``: dotted names of blockers replaced for all modules that a test module is for, with those test
    modules; ``in_module``: for one.

    ``replaced``: functions of the project that a plain value takes the place of. ``mocks``: libraries and insides of
    ``requests`` by which test modules answer requests.
    """

    tested: Tested
    everywhere: dict[str, set[Module]] = field(default_factory=lambda: defaultdict(set))
    in_module: set[tuple[Module, str]] = field(default_factory=set)
    replaced: set[Function] = field(default_factory=set)
    mocks: list[tuple[str, Module]] = field(default_factory=list)

    def answering(self, module: Module) -> list[str]:
        """What the tests of ``module`` answer requests with."""
        return sorted({mock for mock, test in self.mocks if self.tested.concerns(test, module)})

    def replaced_in(self, module: Module) -> set[str]:
        """The dotted names of all blockers that tests replace for ``module``."""
        found = {name for where, name in self.in_module if where is module}
        for name, tests in self.everywhere.items():
            if any(self.tested.concerns(test, module) for test in tests):
                found.add(name)
        return found

    def answering_httpx(self, module: Module) -> list[str]:
        """What they answer the calls of httpx with, for one kind of its clients only."""
        mocks = self.answering(module)
        return [mock for mock in mocks if mock not in _ONLY_REQUESTS and not mock.startswith(_INSIDES)]

    def covers(self, blocker: str, module: Module) -> bool:
        """Whether a test replaces ``blocker`` as ``module`` calls it."""
        parts = blocker.split(".")
        prefixes = {".".join(parts[: i + 1]) for i in range(len(parts))}
        if any((module, p) in self.in_module for p in prefixes):
            return True
        tests = {test for p in prefixes for test in self.everywhere.get(p, ())}
        return any(self.tested.concerns(test, module) for test in tests)


def find_patches(inference: Inference) -> Patches:
    """Read every test module of the project."""
    patches = Patches(Tested(inference.project))
    for module in inference.project.connected:
        if not module.is_test:
            continue
        _http_mocks(module, patches)
        if "patch" not in module.source.text and "setattr" not in module.source.text:
            continue
        for scope in module.scopes():
            for call in scope.facts.calls:
                _read_call(call, scope, inference, patches)
    return patches


def _http_mocks(module: Module, patches: Patches) -> None:
    for binding in module.scope.bindings:
        if binding in _HTTP_MOCKS:
            patches.mocks.append((binding, module))
    for function in module.scope.functions():
        for argument in function.node.args.args:
            if argument.arg in _FIXTURES:
                patches.mocks.append((argument.arg, module))


def _read_call(call: ast.Call, scope: Scope, inference: Inference, patches: Patches) -> None:
    text = ast.unparse(call.func)
    last = text.rpartition(".")[2]
    if not call.args:
        return
    if isinstance(call.args[0], (ast.JoinedStr, ast.BinOp)):
        end = constant_end(call.args[0])
        if end:
            _note((External(inference.catalogue.canonical(end)),), True, None, scope.module, patches)
    elif text.endswith("patch.object") or (last == "setattr" and len(call.args) >= 2):
        first, second = call.args[0], call.args[1] if len(call.args) > 1 else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            _by_path(first.value, _is_plain(call, last), scope.module, inference, patches)
        elif isinstance(second, ast.Constant) and isinstance(second.value, str):
            owners = inference.infer(first, scope)
            values = tuple(v for o in owners for v in inference.attribute(o, second.value))
            _note(values, _is_plain(call, last), None, scope.module, patches)
    elif last == "patch" and isinstance(call.args[0], ast.Constant):
        target = call.args[0].value
        if isinstance(target, str):
            _by_path(target, _is_plain(call, last), scope.module, inference, patches)


def constant_end(node: ast.expr) -> str:
    """The constant end of a composed path: ``"requests.get"`` for ``f"{MODULE}.requests.get"``."""
    last: ast.expr | None = None
    if isinstance(node, ast.JoinedStr) and node.values:
        last = node.values[-1]
    elif isinstance(node, ast.BinOp):
        last = node.right
    text = last.value if isinstance(last, ast.Constant) else ""
    return text.lstrip(".") if isinstance(text, str) else ""


def _is_plain(call: ast.Call, how: str) -> bool:
    """Whether what takes the place is given, and so won't be awaitable as ``patch``'s own AsyncMock is."""
    count = {"setattr": 0, "object": 2, "patch": 1}.get(how, 0)
    if how == "setattr":
        return True
    return len(call.args) > count or any(k.arg in ("new", "new_callable") for k in call.keywords)


def _by_path(target: str, plain: bool, importer: Module, inference: Inference, patches: Patches) -> None:
    parts = target.split(".")
    for end in range(len(parts) - 1, 0, -1):
        own = inference.project.find_module(".".join(parts[:end]), 0, importer)
        if not isinstance(own, Module):
            continue
        values = inference.name(parts[end], own.scope)
        for attribute in parts[end + 1 :]:
            values = tuple(v for o in values for v in inference.attribute(o, attribute))
        whole = end == len(parts) - 1
        _note(values, plain, own if whole or _calls(own, values, inference) else None, importer, patches)
        return
    _note((External(inference.catalogue.canonical(target)),), plain, None, importer, patches)


def _calls(module: Module, values: Values, inference: Inference) -> bool:
    """Whether ``module`` itself calls what is replaced through it.

    ``@patch("actions.api.requests.get")`` replaces the function for every module, but is meant for this one.
    """
    names = {v.name for v in values if isinstance(v, External)}
    return any(
        isinstance(v, External) and (v.name in names or v.name.startswith(tuple(f"{n}." for n in names)))
        for function in module.scope.functions()
        for call in function.facts.calls
        for v in inference.infer(call.func, function.scope)
    )


def _note(values: Values, plain: bool, module: Module | None, test: Module, patches: Patches) -> None:
    for value in values:
        if isinstance(value, External):
            if value.name.startswith(_INSIDES):
                patches.mocks.append((value.name, test))
            if module is None:
                patches.everywhere[value.name].add(test)
            else:
                patches.in_module.add((module, value.name))
        elif isinstance(value, OwnFunction) and plain:
            patches.replaced.add(value.function)
