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
        "RA022",
        "httpx",
        "An `httpx` request is made on an `AsyncClient`.",
        "It holds the event loop.",
    ),
    Rule(
        "RA023",
        "own-native",
        "A call becomes that of the replacement which the project's settings name.",
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
        "RA033",
        "offload-block",
        "Statements are sent to a worker thread, as a function within the function.",
        "They use something that belongs in one thread, or that no other action may use in between.",
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
    Rule(
        "RA106",
        "unknown-call",
        "A call of a library that isn't known.",
        "It stays as it is: if it blocks, it holds the event loop.",
        "Name it in the setting `blocking`, or in `non-blocking` to have it pass.",
    ),
    Rule(
        "RA107",
        "could-gather",
        "A loop waits for one call after the other, as it did before.",
        "No call needs another's result.",
        "Start them together with `asyncio.gather`, a few at a time where there may be many.",
    ),
    Rule(
        "RA108",
        "unknown-database",
        "A call looks like that of a database.",
        "What it is called on isn't known, so that it stays as it is: if it blocks, it holds the event loop.",
        "Annotate the object, or name its class in the setting `blocking`.",
    ),
    Rule(
        "RA109",
        "unseen-call",
        "A call that reading can't follow may reach something of the project that blocks.",
        "If it does, every other conversation waits meanwhile.",
        "Annotate what is called with its class or protocol, or call it by `asyncio.to_thread`. If it never is what "
        "the message names, put that into the setting `non-blocking`.",
    ),
    Rule(
        "RA111",
        "cpu-bound",
        "A call that computes is sent to a worker thread.",
        "Python computes in one thread at a time: the others go on, more slowly, and nothing is done sooner.",
        "If it takes long, run it in another process, or behind a service of its own.",
    ),
    Rule(
        "RA112",
        "half-done",
        "An action can be cancelled between two things that it changes outside.",
        "The server cancels an action that waits when its client hangs up or its time is over; one that never "
        "awaited ran to its end.",
        "Make both one transaction, or see that the first can be done again without harm, or await one coroutine "
        "function that does both through `asyncio.shield`.",
    ),
    Rule(
        "RA113",
        "shared-state",
        "Another action can get between two uses of a variable of a module or a class.",
        "Until now no other action ran between the two.",
        "Use it without waiting in between, or hold an `asyncio.Lock` (in worker threads a `threading.Lock`) around "
        "both. What belongs to one conversation goes into a local variable or a slot.",
    ),
    Rule(
        "RA114",
        "action-state",
        "An action keeps something on itself.",
        "There is one instance for all conversations, and now they take turns in it.",
        "Use a local variable, or a slot.",
    ),
    Rule(
        "RA115",
        "thread-local",
        "What has other contents in every thread is used in several: a `threading.local`, a database in memory.",
        "All actions had the event loop's thread; from now on each call may run in another one.",
        "Use a `contextvars.ContextVar`, which goes along into worker threads, and a database in a file.",
    ),
    Rule(
        "RA116",
        "process-wide",
        "Something is set for the whole process.",
        "Other actions, which run at the same time now, see it too.",
        "Use a parameter instead: an absolute path or `cwd=`, a formatter that takes a locale, a call's own time-out.",
    ),
    Rule(
        "RA117",
        "random-seed",
        "The global random generator is seeded.",
        "Actions that run at the same time draw from it in turns, so that none gets its own sequence.",
        "Use a `random.Random(seed)` of its own.",
    ),
)

RULES = {rule.code: rule for rule in _RULES}
