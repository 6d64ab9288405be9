"""A Redis server that keeps nothing on disk. Its address is in REDIS_URL, REDIS_HOST and REDIS_PORT."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.processes import answers, folder, free_port, program, running


@dataclass(frozen=True)
class Redis:
    """The server on 127.0.0.1."""

    port: int

    @contextlib.contextmanager
    def empty(self) -> Iterator[Mapping[str, str]]:
        """Have it with no keys, in none of its databases."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(b"FLUSHALL SYNC\r\n")
            assert connection.recv(64) == b"+OK\r\n"
        yield {
            "REDIS_URL": f"redis://127.0.0.1:{self.port}/0",
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(self.port),
        }


@contextlib.contextmanager
def serve() -> Iterator[Redis]:
    """Run redis-server. Raises Unavailable where it can't be run."""
    redis_server = program("redis-server")
    port = free_port()
    with folder() as data:
        command = [redis_server, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(data)]
        command += ["--save", "", "--appendonly", "no", "--daemonize", "no"]
        with running(command, lambda: answers(port, b"PING\r\n", b"+PONG")):
            yield Redis(port)
