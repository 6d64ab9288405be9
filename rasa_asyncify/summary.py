"""Count what a run changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rasa_asyncify.edits import (
    Edit,
    MakeAsync,
    MoveBody,
    OffloadBlock,
    OffloadCall,
    OffloadExpression,
    RunCall,
)


@dataclass(frozen=True)
class Counts:
    """``actions`` and other ``functions`` made async; calls made ``native`` or ``offloaded``; ``blocks`` of statements
    and whole ``bodies`` offloaded; ``wrapped`` calls in synchronous code. ``aiohttp``: aiohttp is needed.
    """

    actions: int
    functions: int
    native: int
    offloaded: int
    blocks: int
    bodies: int
    wrapped: int
    aiohttp: bool


def count(edits: Sequence[Edit]) -> Counts:
    """The counts for the edits of all files that change."""
    made = [e for e in edits if isinstance(e, (MakeAsync, MoveBody))]
    return Counts(
        actions=sum(e.actions for e in made),
        functions=sum(not e.actions for e in made),
        native=sum(e.is_native for e in edits),
        offloaded=sum(isinstance(e, (OffloadCall, OffloadExpression)) for e in edits),
        blocks=sum(isinstance(e, OffloadBlock) for e in edits),
        bodies=sum(isinstance(e, MoveBody) for e in edits),
        wrapped=sum(isinstance(e, RunCall) for e in edits),
        aiohttp=any(e.requirement == "aiohttp" for e in edits),
    )
