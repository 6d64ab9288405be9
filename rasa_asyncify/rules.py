"""The rules: a code for every kind of change and finding, with what it means and what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """``what`` happens or is wrong, ``why`` it matters, and what to ``do`` (empty where nothing is asked)."""

    code: str
    name: str
    what: str
    why: str
    do: str = ""


_RULES = (
    Rule(
        "RA001",
        "async-run",
        "An action's `run` becomes `async def`.",
        "The action server awaits a coroutine function, and can serve others while it waits.",
    ),
    Rule(
        "RA002",
        "async-method",
        "A method that the SDK may await becomes `async def`.",
        "Something in it waits, or the SDK awaits it without asking.",
    ),
    Rule(
        "RA003",
        "async-helper",
        "A helper becomes `async def`.",
        "What it waits for has an asynchronous equivalent, and every caller can await it.",
    ),
    Rule("RA004", "await-call", "A call gains `await`.", "What it calls is a coroutine function."),
    Rule(
        "RA005",
        "asyncio-run",
        "A call in a test or a script is wrapped in `asyncio.run()`.",
        "What it calls is a coroutine function now.",
    ),
    Rule(
        "RA010",
        "asyncio-sleep",
        "`time.sleep` becomes `asyncio.sleep`.",
        "It holds the event loop.",
    ),
    Rule(
        "RA020",
        "aiohttp",
        "A `requests` call becomes its aiohttp equivalent.",
        "It holds the event loop.",
    ),
    Rule(
        "RA021",
        "over-aiohttp",
        "A `requests` call goes over aiohttp through the helper `over_aiohttp`.",
        "It holds the event loop, and only what requests makes of its arguments and its answer is surely the same.",
    ),
    Rule(
        "RA022",
        "httpx",
        "An `httpx` request is made on an `AsyncClient`.",
        "It holds the event loop.",
    ),
    Rule(
        "RA030",
        "offload-call",
        "A blocking call is sent to a worker thread.",
        "It holds the event loop, and has no equivalent that is surely the same.",
    ),
    Rule(
        "RA031",
        "offload-body",
        "A whole body is sent to a worker thread.",
        "What blocks in it belongs together in one thread, or stands where nothing can be awaited.",
    ),
    Rule(
        "RA032",
        "share-connection",
        "A connection made outside of an action is opened without the thread check.",
        "It is used from one worker thread from now on, and never from two at once.",
    ),
    Rule(
        "RA101",
        "blocking-call",
        "A blocking call stays on the event loop.",
        "While it waits, every other conversation waits too.",
        "Move it to a function of its own, or make the code around it able to await.",
    ),
    Rule(
        "RA102",
        "caller-outside",
        "A call outside the given paths needs a change.",
        "What it calls is a coroutine function now.",
        "Run rasa-asyncify on a wider path, or change the call by hand.",
    ),
    Rule(
        "RA103",
        "old-sdk",
        "The project's SDK doesn't await its actions.",
        "A coroutine function would never run.",
        "Upgrade to rasa-sdk 1.5 or later (1.7 for forms), then run rasa-asyncify again.",
    ),
    Rule(
        "RA104",
        "never-awaited",
        "A method that the SDK never awaits blocks.",
        "It holds the event loop, and cannot become a coroutine function.",
        "Do the slow part elsewhere: at import, or in `run` before it is needed.",
    ),
    Rule(
        "RA105",
        "could-be-native",
        "A helper stays synchronous because of a caller that can't await it.",
        "It runs in a worker thread instead: right, but a hop dearer than awaiting it.",
    ),
)

RULES = {rule.code: rule for rule in _RULES}
