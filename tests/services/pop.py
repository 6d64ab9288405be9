"""A POP3 server with two letters in the mailbox of `bot`. Its address is in POP_HOST and POP_PORT."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from services.in_threads import LETTERS, Conversation, listening


class _Session(Conversation):
    """What POP3 clients ask for; letters that were deleted are gone after QUIT."""

    mailbox: ClassVar[dict[int, str]]

    def handle(self) -> None:
        self.deleted: set[int] = set()
        self.user = ""
        self.say("+OK ready")
        for line in self.heard():
            verb, _, argument = line.partition(" ")
            answer = getattr(self, f"on_{verb.lower()}", None)
            self.say(answer(argument) if answer else "-ERR unknown")
            if verb.upper() == "QUIT":
                return

    @property
    def letters(self) -> dict[int, str]:
        return {number: text for number, text in self.mailbox.items() if number not in self.deleted}

    def on_user(self, name: str) -> str:
        self.user = name
        return "+OK"

    def on_pass(self, password: str) -> str:
        return "+OK" if (self.user, password) == ("bot", "secret") else "-ERR wrong password"

    def on_stat(self, _: str) -> str:
        return f"+OK {len(self.letters)} {sum(map(len, self.letters.values()))}"

    def on_list(self, number: str) -> str:
        if number:
            return f"+OK {number} {len(self.letters[int(number)])}"
        return "\r\n".join(["+OK", *(f"{n} {len(text)}" for n, text in self.letters.items()), "."])

    def on_retr(self, number: str) -> str:
        text = self.letters.get(int(number))
        return f"+OK\r\n{text}." if text else "-ERR no such letter"

    def on_dele(self, number: str) -> str:
        self.deleted.add(int(number))
        return "+OK"

    def on_noop(self, _: str) -> str:
        return "+OK"

    def on_quit(self, _: str) -> str:
        for number in self.deleted:
            self.mailbox.pop(number, None)
        return "+OK bye"


@dataclass(frozen=True)
class Pop:
    """The server on 127.0.0.1."""

    port: int
    mailbox: dict[int, str] = field(default_factory=dict)

    @contextlib.contextmanager
    def empty(self) -> Iterator[Mapping[str, str]]:
        """Have it with the two letters."""
        self.mailbox.clear()
        self.mailbox.update(enumerate(LETTERS, start=1))
        yield {"POP_HOST": "127.0.0.1", "POP_PORT": str(self.port)}


@contextlib.contextmanager
def serve() -> Iterator[Pop]:
    """Run the server in a thread."""
    mailbox: dict[int, str] = {}
    with listening(type("_Own", (_Session,), {"mailbox": mailbox})) as port:
        yield Pop(port, mailbox)
