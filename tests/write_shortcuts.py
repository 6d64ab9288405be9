"""Write rasa_asyncify/catalogue/shortcuts.py anew from the catalogue's files.

python tests/write_shortcuts.py
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CATALOGUE = Path(__file__).resolve().parents[1] / "rasa_asyncify" / "catalogue"
SHORTCUTS = CATALOGUE / "shortcuts.py"

HEAD = '''\
"""What is asked so often that no file of the catalogue is opened for it.

Generated from the files: after a change of them, run `python tests/write_shortcuts.py`. Don't edit it by hand.
"""

from __future__ import annotations
'''


def shortcuts() -> str:
    """The text of shortcuts.py."""
    attributes: set[str] = set()
    subscript: set[str] = set()
    contains: set[str] = set()
    for library, entry in _classes():
        attributes.update(entry.get("blocking-attributes", ()))
        operations = set(entry.get("operations", ()))
        if operations & {"getitem", "setitem"}:
            subscript.add(library)
        if "contains" in operations:
            contains.add(library)
    return "\n".join(
        [
            HEAD,
            _set("All `blocking-attributes` of all files.", "BLOCKING_ATTRIBUTES", attributes),
            _set("The libraries with objects whose `[...]` may block.", "SUBSCRIPT_LIBRARIES", subscript),
            _set("The libraries with objects whose `in` may block.", "CONTAINS_LIBRARIES", contains),
        ]
    )


def _classes() -> Iterator[tuple[str, dict[str, Any]]]:
    """The class entries of all libraries, with the library's import root."""
    for file in CATALOGUE.glob("[!_]*.toml"):
        for entry in tomllib.loads(file.read_text(encoding="utf-8")).get("class", {}).values():
            yield file.stem, entry


def _set(comment: str, name: str, items: Iterable[str]) -> str:
    """The assignment of a set, as black formats it."""
    lines = "".join(f'        "{item}",\n' for item in sorted(items))
    return f"# {comment}\n{name} = frozenset(\n    {{\n{lines}    }}\n)\n"


if __name__ == "__main__":
    SHORTCUTS.write_text(shortcuts(), encoding="utf-8")
