"""Clients that post action calls one after another, each on a connection that it keeps.

    python clients.py PORT ACTION --clients 64 --warm-up 1 --seconds 3 --text "Sunny."

Prints how many calls a second were answered, as JSON: the rate between the first and the last answer
that came within the `seconds` after the warm-up. Then every client waits for its last answer, so
that the server is idle at the end. Exits 1, with the reason, where an answer is another than the
action's message, where too few come to give a rate, or where the server hangs up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from importlib.metadata import version


class Failed(Exception):
    """The server did not answer as it should."""


async def ask_until(end: float, port: int, action: str, text: str) -> list[float]:
    """Post calls of `action` until `end`. Returns when each was answered, in `perf_counter` time.

    Raises:
        Failed: an answer is not 200 with `text` as a message.
        OSError, EOFError: the server hung up.
    """
    expected = f'"text":{json.dumps(text)}'.encode()
    post = request(action)
    answered = []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < end:
        writer.write(post)
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(content_length(head))
        answered.append(time.perf_counter())
        if not head.startswith(b"HTTP/1.1 200 ") or expected not in body:
            raise Failed((head + body).decode(errors="replace"))
    writer.close()
    await writer.wait_closed()
    return answered


def content_length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0])


def request(action: str) -> bytes:
    """One call of an action, as Rasa makes it, from the request line to the end of the body."""
    tracker = {"sender_id": "benchmark", "slots": {}, "latest_message": {}, "events": [], "active_loop": {}}
    call = {"next_action": action, "sender_id": "benchmark", "tracker": tracker, "domain": {}}
    # Rasa sends its version; the server warns at each call without one.
    body = json.dumps({**call, "version": version("rasa-sdk")}).encode()
    head = (
        "POST /webhook HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def rate(args: argparse.Namespace) -> float:
    """Answers a second, over all clients. Raises as `ask_until`, or Failed where there are too few."""
    started = time.perf_counter() + args.warm_up
    end = started + args.seconds
    clients = [ask_until(end, args.port, args.action, args.text) for _ in range(args.clients)]
    lists = await asyncio.gather(*clients)
    within = [moment for moments in lists for moment in moments if started <= moment < end]
    if len(within) < 2:
        raise Failed(f"{len(within)} answers in {args.seconds:g} s are too few")
    return (len(within) - 1) / (max(within) - min(within))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("port", type=int)
    parser.add_argument("action")
    parser.add_argument("--clients", type=int, required=True)
    parser.add_argument("--warm-up", type=float, required=True, help="seconds before the measure")
    parser.add_argument("--seconds", type=float, required=True, help="seconds of the measure")
    parser.add_argument("--text", required=True, help="what the action is to utter")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        print(json.dumps(asyncio.run(rate(arguments()))))
    except (Failed, OSError, EOFError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
