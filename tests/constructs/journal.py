"""What the generated programs call before they block: the order of these must not change."""

from __future__ import annotations

ENTRIES: list[str] = []


def note(*what: object) -> None:
    """Enter what is about to be done."""
    ENTRIES.append(" ".join(map(str, what)))
