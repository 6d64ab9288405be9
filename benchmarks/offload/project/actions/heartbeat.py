"""How long the event loop gets nothing else done: asked for by the benchmark, no part of what it measures."""

import asyncio
import time

from rasa_sdk import Action

TICK = 0.005  # seconds
beating = set()
longest = 0.0


async def beat():
    global longest
    while True:
        due = time.perf_counter() + TICK
        await asyncio.sleep(TICK)
        longest = max(longest, time.perf_counter() - due)


class ActionLongestHold(Action):
    """Says how late the latest beat was, in seconds, since it was last asked; starts the beating."""

    def name(self):
        return "action_longest_hold"

    async def run(self, dispatcher, tracker, domain):
        global longest
        if not beating:
            beating.add(asyncio.create_task(beat()))
        dispatcher.utter_message(text=str(longest))
        longest = 0.0
        return []
