"""For which modules all aiohttp requests of an event loop go over one client session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from rasa_asyncify.emitted import HELPERS, MODULES

_HELPER = b"over_aiohttp(call, /"  # under whatever name it stands in a lone module
_SHARED = HELPERS["over_aiohttp_shared"].mark.encode()


def shared_sessions(data: Mapping[Path, bytes], wanted: str | None) -> Callable[[Path], bool]:
    """Tells for a module's path. ``data`` are the project's files, ``wanted`` the setting, if there is one.

    Otherwise each bot keeps what it has: the nearest helper of an earlier run decides, in the module itself or in a
    folder at or above it; where there is none, all others, if they agree.
    """
    if wanted is not None:
        return lambda path: wanted == "shared"
    kinds = {path: _SHARED in text for path, text in data.items() if _HELPER in text}
    common = bool(kinds) and all(kinds.values())
    by_folder: dict[Path, bool] = {}
    for path, shared in kinds.items():
        if path.name.startswith(MODULES):
            by_folder[path.parent] = shared or by_folder.get(path.parent, False)

    def is_shared(path: Path) -> bool:
        if path in kinds:
            return kinds[path]
        return next((by_folder[folder] for folder in path.parents if folder in by_folder), common)

    return is_shared
