"""For which modules all aiohttp requests of an event loop go over one client session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

_SHARED = b"http_session()"
_OWN = b"aiohttp.ClientSession(trust_env=True)"


def shared_sessions(data: Mapping[Path, bytes], wanted: str | None) -> Callable[[Path], bool]:
    """Tells for a module's path. ``data`` are the project's files, ``wanted`` the setting, if there is one.

    Otherwise each bot keeps what it has: what an earlier run wrote into the module itself decides, else the files of
    the nearest folder at or above it that has such; where there is none, all others, if they agree.
    """
    if wanted is not None:
        return lambda path: wanted == "shared"
    kinds = {path: _SHARED in text for path, text in data.items() if _SHARED in text or _OWN in text}
    common = bool(kinds) and all(kinds.values())
    by_folder: dict[Path, bool] = {}
    for path, shared in kinds.items():
        by_folder[path.parent] = shared or by_folder.get(path.parent, False)

    def is_shared(path: Path) -> bool:
        if path in kinds:
            return kinds[path]
        return next((by_folder[folder] for folder in path.parents if folder in by_folder), common)

    return is_shared
