"""The table of what rasa-sdk calls and awaits, against the rasa-sdk that is installed."""

from __future__ import annotations

import inspect
import sys
from importlib import import_module

import pytest
import rasa_sdk

from rasa_asyncify.framework import sdk
from rasa_asyncify.framework.sdk import EntryKind

# Where each kind of base is found; the last two may be missing in an installed version.
BASES = {
    "rasa_sdk.Action": "action",
    "rasa_sdk.interfaces.Action": "action",
    "rasa_sdk.forms.ValidationAction": "validation",
    "rasa_sdk.FormValidationAction": "validation",
    "rasa_sdk.forms.FormValidationAction": "validation",
    "rasa_sdk.knowledge_base.actions.ActionQueryKnowledgeBase": "query",
    "rasa_sdk.knowledge_base.storage.KnowledgeBase": "knowledge",
    "rasa_sdk.knowledge_base.storage.InMemoryKnowledgeBase": "knowledge",
    "rasa_sdk.forms.FormAction": "form",
}


def installed(base: str) -> type:
    module, _, name = base.rpartition(".")
    found = getattr(import_module(module), name, None)
    if found is None:
        pytest.skip(f"rasa-sdk {rasa_sdk.__version__} has no {name}")
    assert isinstance(found, type)
    return found


def public_methods(cls: type) -> list[str]:
    return [name for name, _ in inspect.getmembers(cls, inspect.isfunction)]


@pytest.mark.parametrize("base", BASES)
def test_kind_of_a_base(base: str) -> None:
    assert sdk.base_kind(base) == BASES[base]
    installed(base)


@pytest.mark.parametrize(
    ("base", "kind"),
    [
        ("rasa_core_sdk.Action", "action"),
        ("rasa_core_sdk.forms.FormAction", "form"),
        ("rasa_sdk.Tracker", None),
        ("rasa_sdk", None),
        ("actions.base.Action", None),
        ("Action", None),
        ("my_rasa_sdk.Action", None),
    ],
)
def test_kind_of_other_names(base: str, kind: str | None) -> None:
    assert sdk.base_kind(base) == kind


@pytest.mark.parametrize("base", BASES)
def test_base_awaits_is_what_the_class_says(base: str) -> None:
    """`super().run(...)` needs an `await` exactly where the SDK's own method is a coroutine
    function: a missing one is a coroutine that nobody awaits, one too many a TypeError."""
    cls = installed(base)
    kind = sdk.base_kind(base)
    assert kind is not None
    called = [name for name in public_methods(cls) if sdk.entry_kind({kind}, name)]
    said = {name: sdk.base_awaits(base, name) for name in called}
    assert said == {name: inspect.iscoroutinefunction(getattr(cls, name)) for name in called}


@pytest.mark.parametrize("base", BASES)
def test_no_coroutine_function_of_the_sdk_is_never_awaited(base: str) -> None:
    """A method that the SDK itself writes as a coroutine function is one that it awaits."""
    cls = installed(base)
    kind = sdk.base_kind(base)
    assert kind is not None
    for name in public_methods(cls):
        if inspect.iscoroutinefunction(getattr(cls, name)):
            assert sdk.entry_kind({kind}, name) is not EntryKind.PLAIN, name


def test_what_is_awaited_without_asking_exists() -> None:
    """3.x names; those of 2.8 are checked where that is installed."""
    cls = installed("rasa_sdk.forms.FormValidationAction")
    names = [
        name for name in public_methods(cls) if sdk.entry_kind({"validation"}, name) is EntryKind.AWAITED
    ]
    assert {"required_slots", "get_extraction_events", "get_validation_events"} <= set(names)
    assert all(inspect.iscoroutinefunction(getattr(cls, name)) for name in names)


@pytest.mark.parametrize("name", ["required_slots", "next_requested_slot", "get_validation_events"])
def test_the_sdk_awaits_these_hooks_without_asking(name: str) -> None:
    """Its source has `await self.<hook>(`, not `call_potential_coroutine(self.<hook>(`."""
    source = inspect.getsource(sys.modules[installed("rasa_sdk.FormValidationAction").__module__])
    assert f"await self.{name}(" in source


@pytest.mark.parametrize(
    ("kinds", "method", "kind"),
    [
        ({"action"}, "run", EntryKind.RUN),
        ({"action"}, "name", EntryKind.PLAIN),
        ({"action"}, "validate_city", None),
        ({"action"}, "helper", None),
        ({"validation"}, "run", EntryKind.RUN),
        ({"validation"}, "validate_city", EntryKind.EITHER),
        ({"validation"}, "extract_city", EntryKind.EITHER),
        ({"validation"}, "required_slots", EntryKind.AWAITED),
        ({"validation"}, "domain_slots", EntryKind.PLAIN),
        ({"validation"}, "submit", None),
        ({"form"}, "submit", EntryKind.EITHER),
        ({"form"}, "validate", EntryKind.EITHER),
        ({"form"}, "validate_city", EntryKind.EITHER),
        ({"form"}, "slot_mappings", EntryKind.PLAIN),
        ({"form"}, "required_slots", EntryKind.PLAIN),
        ({"form"}, "request_next_slot", EntryKind.PLAIN),
        ({"query"}, "run", EntryKind.RUN),
        ({"query"}, "utter_objects", EntryKind.EITHER),
        ({"query"}, "utter_attribute_value", EntryKind.EITHER),
        ({"knowledge"}, "get_objects", EntryKind.EITHER),
        ({"knowledge"}, "get_object_types", EntryKind.PLAIN),
        ({"knowledge"}, "run", None),
        ({"action", "validation"}, "validate_city", EntryKind.EITHER),
    ],
)
def test_entry_kind(kinds: set[str], method: str, kind: EntryKind | None) -> None:
    assert sdk.entry_kind(kinds, method) is kind
