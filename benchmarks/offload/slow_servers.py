"""Servers that keep their clients waiting, any number of them at once: for mail, and in front of MongoDB."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time

FIND = b"\x02find\x00"  # how a MongoDB command document starts that finds documents


class SlowServer(socketserver.ThreadingTCPServer):
    """A context manager around a server on 127.0.0.1, which is slow once for each thing that it is asked."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handler: type[socketserver.BaseRequestHandler], seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.seconds = seconds
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class SlowSmtp(SlowServer):
    """Takes any letter, after a while, and drops it."""

    def __init__(self, seconds: float) -> None:
        super().__init__(_SmtpSession, seconds)


class _SmtpSession(socketserver.StreamRequestHandler):
    server: SlowSmtp
    disable_nagle_algorithm = True

    def handle(self) -> None:
        self.say("220 localhost")
        for line in self.rfile:
            command = line[:4].upper().strip()
            if command == b"DATA":
                self.say("354 go on")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                time.sleep(self.server.seconds)
            self.say("221 bye" if command == b"QUIT" else "250 OK")

    def say(self, text: str) -> None:
        with contextlib.suppress(ConnectionError):
            self.wfile.write(text.encode() + b"\r\n")


class SlowFinds(SlowServer):
    """Passes everything between clients and the MongoDB server on a port; what finds documents comes late."""

    def __init__(self, seconds: float, mongodb_port: int) -> None:
        super().__init__(_Passing, seconds)
        self.mongodb_port = mongodb_port


class _Passing(socketserver.BaseRequestHandler):
    server: SlowFinds
    request: socket.socket

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.mongodb_port)) as mongodb:
            back = threading.Thread(target=_pass_on, args=(mongodb, self.request, 0.0), daemon=True)
            back.start()
            _pass_on(self.request, mongodb, self.server.seconds)
            back.join()


def _pass_on(one: socket.socket, other: socket.socket, seconds: float) -> None:
    """Send what comes from one socket to the other until it ends."""
    with contextlib.suppress(OSError):
        while data := one.recv(1 << 16):
            if FIND in data:
                time.sleep(seconds)
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
