"""What rasa-sdk calls and what it awaits.

Read off rasa-sdk 1.0 to 3.21 (``executor.py``, ``forms.py``, ``knowledge_base/``):

- ``Action.run``: either kind since 1.5.
- ``ValidationAction``, ``FormValidationAction`` (2.0 and later): ``validate_<slot>`` and ``extract_<slot>`` either;
  the hooks in ``AWAITED`` are awaited without asking.
- ``FormAction`` (1.x, 2.x): ``validate``, ``validate_<slot>``, ``submit``, ``deactivate`` either since 1.7.
- ``ActionQueryKnowledgeBase`` and ``KnowledgeBase``: either for what ``call_potential_coroutine`` calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

RASA = "rasa_sdk"
OLD_RASA = "rasa_core_sdk"
PACKAGES = (RASA, OLD_RASA)
# Awaits what it is given, if that is a coroutine; in rasa_sdk/utils.py since 1.9.
CALL_EITHER = "rasa_sdk.utils.call_potential_coroutine"

_ACTION_BASES = {
    "Action": "action",
    "FormAction": "form",
    "ValidationAction": "validation",
    "FormValidationAction": "validation",
    "ActionQueryKnowledgeBase": "query",
    "KnowledgeBase": "knowledge",
    "InMemoryKnowledgeBase": "knowledge",
}


class EntryKind(Enum):
    """How the SDK treats what a method returns."""

    RUN = "always made async"
    EITHER = "a value or a coroutine"
    AWAITED = "awaited without asking"
    PLAIN = "never awaited"


_VALIDATION_AWAITED = frozenset(
    {
        "required_slots",
        "next_requested_slot",
        "get_extraction_events",
        "get_validation_events",
        "_extract_validation_events",
        "_extract_slot",
        "extract_custom_slots",
        "validate",
    }
)
_FORM_EITHER = frozenset({"validate", "submit", "deactivate"})
_FORM_PLAIN = frozenset(
    {"required_slots", "slot_mappings", "request_next_slot", "form_name"}
    | {"extract_other_slots", "extract_requested_slot", "validate_slots"}
)
_QUERY_EITHER = frozenset({"utter_objects", "utter_attribute_value"})
_KNOWLEDGE_EITHER = frozenset(
    {
        "get_objects",
        "get_object",
        "get_attributes_of_object",
        "get_key_attribute_of_object",
        "get_representation_function_of_object",
    }
)
_NEVER = frozenset({"name", "form_name", "domain_slots", "global_slots", "get_object_types"})


def base_kind(name: str) -> str | None:
    """The kind of SDK class that the dotted ``name`` is: "action", "form", ...; None if it is none."""
    root, _, rest = name.partition(".")
    if root not in (RASA, OLD_RASA):
        return None
    return _ACTION_BASES.get(rest.rpartition(".")[2])


def kinds(bases: Iterable[str]) -> set[str]:
    """The kinds of all SDK classes among ``bases``."""
    return {kind for name in bases if (kind := base_kind(name))}


def entry_kind(kind: set[str], method: str) -> EntryKind | None:
    """How the SDK treats ``method`` of a class whose SDK bases are of these kinds; None if it never calls it."""
    if method in _NEVER:
        return EntryKind.PLAIN
    if kind == {"knowledge"}:
        return EntryKind.EITHER if method in _KNOWLEDGE_EITHER else None
    if method == "run":
        return EntryKind.RUN
    if "validation" in kind:
        if method in _VALIDATION_AWAITED:
            return EntryKind.AWAITED
        return EntryKind.EITHER if method.startswith(("validate_", "extract_")) else None
    if "form" in kind:
        if method in _FORM_EITHER or method.startswith("validate_"):
            return EntryKind.EITHER
        return EntryKind.PLAIN if method in _FORM_PLAIN else None
    if "query" in kind:
        return EntryKind.EITHER if method in _QUERY_EITHER else None
    return None


def base_awaits(base: str, method: str) -> bool:
    """Whether ``base`` (a dotted SDK class) itself defines ``method`` as a coroutine function (3.x)."""
    kind = base_kind(base)
    if method == "run":
        return kind in ("action", "form", "validation", "query")
    if kind == "form":
        return method in ("validate", "validate_slots", "submit")
    if kind == "validation":
        return method in _VALIDATION_AWAITED
    if kind == "knowledge":
        return method in _KNOWLEDGE_EITHER
    return kind == "query" and method == "utter_objects"
