"""A Telnet server that logs in `bot` and answers questions. Its address is in TELNET_HOST and TELNET_PORT."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.in_threads import Conversation, listening


class _Shell(Conversation):
    """A prompt that knows `status ORDER` and `exit`; it negotiates no options."""

    def handle(self) -> None:
        words = self.heard()
        self.wfile.write(b"login: ")
        user = next(words, "")
        self.wfile.write(b"Password: ")
        if (user, next(words, "")) != ("bot", "secret"):
            self.say("Login incorrect")
            return
        self.wfile.write(b"$ ")
        for line in words:
            if line == "exit":
                self.say("bye")
                return
            self.say(f"order {line.removeprefix('status ')}: shipped")
            self.wfile.write(b"$ ")


@dataclass(frozen=True)
class Telnet:
    """The server on 127.0.0.1; it holds nothing."""

    port: int

    @contextlib.contextmanager
    def empty(self) -> Iterator[Mapping[str, str]]:
        """Have it."""
        yield {"TELNET_HOST": "127.0.0.1", "TELNET_PORT": str(self.port)}


@contextlib.contextmanager
def serve() -> Iterator[Telnet]:
    """Run the server in a thread."""
    with listening(_Shell) as port:
        yield Telnet(port)
