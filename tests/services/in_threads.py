"""What the servers written in Python share: they run in a thread of the tests' own process."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator

LETTERS = (
    "From: Ada <ada@example.test>\r\nTo: bot@example.test\r\nSubject: Booking 7\r\n\r\nTwo nights.\r\n",
    "From: Bob <bob@example.test>\r\nTo: bot@example.test\r\nSubject: Invoice\r\n\r\nWhere is it?\r\n",
)
"""What the mailbox of the user `bot` (password `secret`) holds at first."""


class Conversation(socketserver.StreamRequestHandler):
    """One client's connection: it says lines, and gets lines back."""

    disable_nagle_algorithm = True

    def say(self, text: str) -> None:
        """Send lines; the last line break is added."""
        self.wfile.write(text.encode("utf-8") + b"\r\n")

    def heard(self) -> Iterator[str]:
        """The client's lines, without their line breaks, until it hangs up."""
        with contextlib.suppress(ConnectionError):
            while line := self.rfile.readline():
                yield line.decode("utf-8", "replace").rstrip("\r\n")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextlib.contextmanager
def listening(conversation: type[Conversation]) -> Iterator[int]:
    """Have each client of a new port of 127.0.0.1 served in a thread. Gives the port."""
    with _Server(("127.0.0.1", 0), conversation) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()
