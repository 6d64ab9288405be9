"""An IMAP server with two letters in the inbox of `bot`. Its address is in IMAP_HOST and IMAP_PORT."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from services.in_threads import LETTERS, Conversation, listening


@dataclass
class _Letter:
    text: str
    flags: set[str] = field(default_factory=set)


class _Session(Conversation):
    """What IMAP clients ask for, of one inbox. Letters have numbers from 1, and no UIDs."""

    inbox: ClassVar[list[_Letter]]

    def handle(self) -> None:
        self.say("* OK ready")
        for line in self.heard():
            tag, verb, *rest = line.split(" ", 2)
            answer = getattr(self, f"on_{verb.lower()}", None)
            self.say(f"{tag} {answer(' '.join(rest)) if answer else 'BAD unknown'}")
            if verb.upper() == "LOGOUT":
                return

    def on_capability(self, _: str) -> str:
        self.say("* CAPABILITY IMAP4rev1")
        return "OK done"

    def on_login(self, words: str) -> str:
        return "OK done" if words.replace('"', "") == "bot secret" else "NO wrong password"

    def on_select(self, _: str) -> str:
        self.say(f"* {len(self.inbox)} EXISTS\r\n* FLAGS (\\Seen \\Deleted)")
        return "OK [READ-WRITE] done"

    def on_search(self, words: str) -> str:
        """Of the criteria, `UNSEEN` and `FROM "..."` are known, and all else is ALL."""
        sender = re.search(r'FROM "(.+?)"', words)
        found = [
            str(number)
            for number, letter in enumerate(self.inbox, start=1)
            if not ("UNSEEN" in words and "\\Seen" in letter.flags)
            and (not sender or sender[1] in letter.text.partition("\r\n")[0])
        ]
        self.say(" ".join(["* SEARCH", *found]))
        return "OK done"

    def on_fetch(self, words: str) -> str:
        """Whatever is asked for, the letter comes as a whole, and has been seen."""
        for number in words.partition(" ")[0].split(","):
            letter = self.inbox[int(number) - 1]
            letter.flags.add("\\Seen")
            self.say(f"* {number} FETCH (RFC822 {{{len(letter.text)}}}\r\n{letter.text})")
        return "OK done"

    def on_store(self, words: str) -> str:
        numbers, _, flags = words.split(" ", 2)
        for number in numbers.split(","):
            letter = self.inbox[int(number) - 1]
            letter.flags.update(flags.strip("()").split())
            self.say(f"* {number} FETCH (FLAGS ({' '.join(sorted(letter.flags))}))")
        return "OK done"

    def on_expunge(self, _: str) -> str:
        for number in range(len(self.inbox), 0, -1):
            if "\\Deleted" in self.inbox[number - 1].flags:
                del self.inbox[number - 1]
                self.say(f"* {number} EXPUNGE")
        return "OK done"

    def on_noop(self, _: str) -> str:
        return "OK done"

    on_close = on_noop

    def on_logout(self, _: str) -> str:
        self.say("* BYE")
        return "OK done"


@dataclass(frozen=True)
class Imap:
    """The server on 127.0.0.1."""

    port: int
    inbox: list[_Letter]

    @contextlib.contextmanager
    def empty(self) -> Iterator[Mapping[str, str]]:
        """Have it with the two letters, unseen."""
        self.inbox[:] = [_Letter(text) for text in LETTERS]
        yield {"IMAP_HOST": "127.0.0.1", "IMAP_PORT": str(self.port)}


@contextlib.contextmanager
def serve() -> Iterator[Imap]:
    """Run the server in a thread."""
    inbox: list[_Letter] = []
    with listening(type("_Own", (_Session,), {"inbox": inbox})) as port:
        yield Imap(port, inbox)
