"""Entry points: the methods that rasa-sdk calls on the project's classes."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rasa_asyncify.calls.overrides import members
from rasa_asyncify.framework import sdk
from rasa_asyncify.framework.sdk import EntryKind
from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.plan import Finding
from rasa_asyncify.project.bindings import Assigned
from rasa_asyncify.project.model import Class, Function, Module, Scope
from rasa_asyncify.project.values import External, LambdaValue, OwnClass, OwnFunction


@dataclass(frozen=True)
class Entry:
    """A function that the SDK calls, and how it treats the result; ``assigned``: by a name that it is put under."""

    function: Function
    kind: EntryKind
    assigned: bool = False


@dataclass(frozen=True)
class SdkLimits:
    """What the pinned SDK awaits; ``pin``, ``path`` and ``line`` say where it is pinned."""

    awaits_run: bool = True
    awaits_forms: bool = True
    pin: str = ""
    path: Path | None = None
    line: int = 1


@dataclass
class Entries:
    """The entry points, and what was left alone with a finding.

    ``limits_of`` tells what a module's SDK awaits: the bots of one repository may be on different ones. ``old`` are
    the modules with classes of rasa_core_sdk; ``unawaited`` what an SDK calls that never awaits, with the class.
    """

    limits_of: Callable[[Module], SdkLimits]
    found: dict[Function, Entry] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    old: set[Module] = field(default_factory=set)
    unawaited: dict[Function, Class] = field(default_factory=dict)
    _known: dict[Module, bool] = field(default_factory=dict)

    def left_alone(self, module: Module) -> bool:
        """Whether the SDK that the module is for never awaits an action: nothing in it changes.

        Tests are no part of it: they may be for another bot, and run what they call by themselves.
        """
        return not module.is_test and not self._awaits_run(module)

    def _awaits_run(self, module: Module) -> bool:
        known = self._known.get(module)
        if known is None:
            known = self._known[module] = module not in self.old and self.limits_of(module).awaits_run
        return known

    def base_awaits(self, base: str, method: str, function: Function) -> bool:
        """Whether the SDK's class ``base`` defines ``method`` as a coroutine function, as ``function`` gets it."""
        return all(self._bases_await(base, method, function))

    def bases_differ(self, base: str, method: str, function: Function) -> bool:
        """Whether it does so only for some of the classes that have ``function``, as they are on several SDKs."""
        return len(self._bases_await(base, method, function)) > 1

    def _bases_await(self, base: str, method: str, function: Function) -> set[bool]:
        return {self._base_awaits(base, method, module) for module in _modules_with(function)}

    def _base_awaits(self, base: str, method: str, module: Module) -> bool:
        if not self.limits_of(module).awaits_forms and sdk.base_kind(base) in ("form", "query", "knowledge"):
            return False
        return self._awaits_run(module) and sdk.base_awaits(base, method)

    def changeable(self) -> Iterator[Entry]:
        """Those that may become coroutine functions."""
        return (e for e in self.found.values() if e.kind is not EntryKind.PLAIN)


def find_entries(inference: Inference, limits_of: Callable[[Module], SdkLimits]) -> Entries:
    """Every entry point of the project, with findings for the classes on an SDK that doesn't await."""
    entries = Entries(limits_of)
    unawaited: set[SdkLimits] = set()
    for cls in inference.project.classes():
        bases = cls.all_external_bases()
        kinds = sdk.kinds(bases)
        if not kinds or (cls.module.is_test and not _defines_entry(cls, kinds)):
            continue
        if any(base.partition(".")[0] == sdk.OLD_RASA for base in bases):
            entries.old.add(cls.module)
            _add_unawaited(entries, cls, kinds)
            continue
        limits = limits_of(cls.module)
        if not limits.awaits_run:
            unawaited.add(limits)
            _add_unawaited(entries, cls, kinds)
        else:
            _add_class(entries, inference, cls, kinds, limits)
    for module in inference.project.connected:
        if "type(" in module.source.text and limits_of(module).awaits_run:
            _add_made(entries, inference, module)
    for module in sorted(entries.old, key=lambda m: m.name):
        message = "rasa_core_sdk never awaits an action: left alone"
        entries.findings.append(Finding("RA103", module.path, _import_line(module), message, True))
    for limits in unawaited:
        if limits.path is not None:
            message = f"{limits.pin} never awaits an action: what is pinned to it is left alone"
            entries.findings.append(Finding("RA103", limits.path, limits.line, message, True))
    return entries


def _modules_with(function: Function) -> set[Module]:
    """The modules of the classes whose objects have ``function``: not those of bases that only hold it for others."""
    if function.owner is None:
        return {function.module}
    classes = [function.owner, *function.owner.descendants()]
    return {cls.module for cls in classes if not cls.subclasses or _is_used_itself(cls)}


def _is_used_itself(cls: Class) -> bool:
    """Whether a class with subclasses may be an action (it has a name), or a knowledge base, of its own."""
    if "knowledge" in sdk.kinds(cls.all_external_bases()):
        return True
    return any("name" in ancestor.scope.bindings for ancestor in cls.ancestry())


def _add_unawaited(entries: Entries, cls: Class, kinds: set[str]) -> None:
    """Note what the class's SDK calls: the nearest method of each name. What those call is followed from there."""
    seen: set[str] = set()
    for ancestor in cls.ancestry():
        for name in ancestor.scope.bindings.keys() - seen:
            method = ancestor.method(name) if sdk.entry_kind(kinds, name) is not None else None
            if method is not None:
                entries.unawaited.setdefault(method, cls)
        seen |= ancestor.scope.bindings.keys()


def _defines_entry(cls: Class, kinds: set[str]) -> bool:
    return any(sdk.entry_kind(kinds, name) for name in cls.scope.bindings)


def _add_class(
    entries: Entries, inference: Inference, cls: Class, kinds: set[str], limits: SdkLimits
) -> None:
    for ancestor in cls.ancestry():
        _add_decorated(entries, inference, ancestor, kinds)
        for name, bindings in ancestor.scope.bindings.items():
            kind = sdk.entry_kind(kinds, name)
            if kind is None:
                continue
            if kinds <= {"form", "query", "knowledge"} and not limits.awaits_forms and name != "run":
                kind = EntryKind.PLAIN
            for binding in bindings:
                if isinstance(binding, Function):
                    _add(entries, Entry(binding, kind))
                elif isinstance(binding, Assigned):
                    _add_assigned(entries, inference, binding.value, kind, ancestor.scope)


def _add_made(entries: Entries, inference: Inference, module: Module) -> None:
    """The entry points of classes that ``type("Name", (Action,), {"run": work})`` makes."""
    for scope in (module.scope, *(f.scope for f in module.scope.functions())):
        for call in scope.facts.calls:
            found = list(members(call))
            kinds = _kinds_of(call.args[1], scope, inference) if found else set()
            for name, value in found:
                kind = sdk.entry_kind(kinds, name) if kinds else None
                if kind is not None:
                    _add_assigned(entries, inference, value, kind, scope)


def _add_decorated(entries: Entries, inference: Inference, cls: Class, kinds: set[str]) -> None:
    """The entry points that the class's decorators put into it: ``cls.run = run``."""
    for decorator in cls.node.decorator_list:
        named = decorator.func if isinstance(decorator, ast.Call) else decorator
        for value in inference.infer(named, cls.parent):
            if isinstance(value, OwnFunction):
                for scope in (value.function.scope, *(f.scope for f in value.function.scope.functions())):
                    _add_stored(entries, inference, scope, kinds)


def _add_stored(entries: Entries, inference: Inference, scope: Scope, kinds: set[str]) -> None:
    parameters = {a.arg for a in scope.function.node.args.args} if scope.function is not None else set()
    for target, value in scope.facts.stores:
        kind = sdk.entry_kind(kinds, target.attr)
        if kind is not None and isinstance(target.value, ast.Name) and target.value.id in parameters:
            _add_assigned(entries, inference, value, kind, scope)


def _kinds_of(bases: ast.expr, scope: Scope, inference: Inference) -> set[str]:
    """The kinds of the SDK's classes that an expression for bases names."""
    names: set[str] = set()
    for base in bases.elts if isinstance(bases, ast.Tuple) else [bases]:
        for value in inference.infer(base, scope):
            if isinstance(value, External):
                names.add(value.name)
            elif isinstance(value, OwnClass):
                names |= value.cls.all_external_bases()
    return sdk.kinds(names)


def _add(entries: Entries, entry: Entry) -> None:
    """Take an entry point in; where classes on several SDKs share it, the one that doesn't await decides."""
    known = entries.found.get(entry.function)
    if known is None or entry.kind is EntryKind.PLAIN:
        entries.found[entry.function] = entry


def _add_assigned(
    entries: Entries, inference: Inference, assigned: ast.expr, kind: EntryKind, scope: Scope
) -> None:
    for value in inference.infer(assigned, scope):
        if isinstance(value, OwnFunction):
            _add(entries, Entry(value.function, kind, assigned=True))
        elif isinstance(value, LambdaValue) and kind is EntryKind.RUN:
            message = "`run` is a lambda, which can't be made async: write it as a method"
            entries.findings.append(Finding("RA101", scope.module.path, value.node.lineno, message, True))


def _import_line(module: Module) -> int:
    for number, line in enumerate(module.lines, 1):
        if sdk.OLD_RASA in line:
            return number
    return 1
