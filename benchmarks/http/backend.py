"""A backend that answers each GET after a while, any number at once, and counts what it has seen.

    python backend.py 0.05

Prints the port that it chose, and serves until it is terminated. `/seen` is answered at once, with
the counts as JSON. It is a bare protocol because on two cores a web framework would take its time
from the server that is measured.
"""

from __future__ import annotations

import asyncio
import json
import sys

TEXT = "Sunny, 21 degrees."
HEAD_END = b"\r\n\r\n"


class Seen:
    """How many requests came so far, and on how many connections."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests = 0


class Connection(asyncio.Protocol):
    """Answers the requests of one connection, each `seconds` after it came."""

    def __init__(self, seen: Seen, seconds: float) -> None:
        self._seen = seen
        self._seconds = seconds
        self._received = b""
        self._is_new = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while HEAD_END in self._received:
            head, _, self._received = self._received.partition(HEAD_END)
            if head.startswith(b"GET /seen "):
                self._transport.write(answer(vars(self._seen)))
                continue
            self._seen.requests += 1
            self._seen.connections += self._is_new
            self._is_new = False
            asyncio.get_running_loop().call_later(self._seconds, self._transport.write, WEATHER)


def answer(body: object) -> bytes:
    """A whole HTTP answer with a JSON body; the connection stays open."""
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


WEATHER = answer({"text": TEXT})


async def main() -> None:
    seen, seconds = Seen(), float(sys.argv[1])
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(seen, seconds), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
