"""What the SDK awaits that a module's project pins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rasa_asyncify.call_graph.entries import SdkLimits
from rasa_asyncify.project.model import Module
from rasa_asyncify.requirements import read_requirements, sdk_pin


def limits_by_requirements(root: Path) -> Callable[[Module], SdkLimits]:
    """What the SDK awaits that a module's project pins: the nearest requirements at or above it."""
    requirements = read_requirements(root)
    known: dict[Path, SdkLimits] = {}

    def limits_of(module: Module) -> SdkLimits:
        folder = module.path.parent
        if folder not in known:
            pin = None
            for above in (folder, *folder.parents):
                own = [r for r in requirements if above == _governed_by(r.path)]
                pin = sdk_pin(own)
                if pin is not None or above == root:
                    break
            if pin is None or "core" in pin.version:
                # rasa_core_sdk is told by the imports; code that imports rasa_sdk doesn't run on it.
                known[folder] = SdkLimits()
            else:
                known[folder] = SdkLimits(pin.awaits_run, pin.awaits_forms, pin.version, pin.path, pin.line)
        return known[folder]

    return limits_of


def _governed_by(path: Path) -> Path:
    """The folder that a requirements file speaks for: its own, or the one that has a ``requirements`` folder."""
    folder = path.parent
    return folder.parent if folder.name.startswith("requirements") else folder
