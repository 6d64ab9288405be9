"""A PostgreSQL server. POSTGRES_DSN names a database of the run's own, as libpq's PGHOST and its kin do."""

from __future__ import annotations

import contextlib
import itertools
import signal
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from services.processes import (
    PATIENCE,
    answers,
    as_user,
    folder,
    free_port,
    program,
    run,
    running,
    user_for_servers,
)

_DEBIAN = sorted(
    Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True
)
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)  # a server that takes connections answers it with N
_PROTOCOL = 3 << 16


@dataclass(frozen=True)
class PostgreSQL:
    """The server on 127.0.0.1."""

    port: int
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @contextlib.contextmanager
    def empty(self) -> Iterator[Mapping[str, str]]:
        """Have a database with nothing in it. It is dropped at the end, whoever may still be connected."""
        name = f"case_{next(self._numbers)}"
        _execute(self.port, f"CREATE DATABASE {name}")
        try:
            yield {
                "POSTGRES_DSN": f"postgresql://postgres@127.0.0.1:{self.port}/{name}",
                "PGHOST": "127.0.0.1",
                "PGPORT": str(self.port),
                "PGUSER": "postgres",
                "PGDATABASE": name,
            }
        finally:
            _execute(self.port, f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def serve() -> Iterator[PostgreSQL]:
    """Run postgres, which lets everybody in. Raises Unavailable where it can't be run."""
    initdb, postgres = program("initdb", _DEBIAN), program("postgres", _DEBIAN)
    port = free_port()
    user = user_for_servers()
    with folder(user) as data:
        options = as_user(user, data)
        run(
            [initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"], **options
        )
        command = [postgres, "-D", data, "-F", "-p", str(port), "-c", "listen_addresses=127.0.0.1"]
        command += ["-c", "unix_socket_directories="]
        is_ready = lambda: answers(port, _SSL_REQUEST, b"N")  # noqa: E731
        # SIGTERM would wait for the clients to leave.
        with running(command, is_ready, stop=signal.SIGINT, **options):
            yield PostgreSQL(port)


def _execute(port: int, sql: str) -> None:
    """Run one statement, by the wire protocol: neither psql nor a client library need be there."""
    parameters = b"user\0postgres\0database\0postgres\0\0"
    startup = struct.pack("!ii", 8 + len(parameters), _PROTOCOL) + parameters
    text = sql.encode() + b"\0"
    address = ("127.0.0.1", port)
    with (
        socket.create_connection(address, timeout=PATIENCE) as connection,
        connection.makefile("rb") as received,
    ):
        connection.sendall(startup)
        _until_ready(received)
        connection.sendall(b"Q" + struct.pack("!i", 4 + len(text)) + text)
        _until_ready(received)


def _until_ready(received: BinaryIO) -> None:
    """Read messages up to ReadyForQuery. Raises RuntimeError for an ErrorResponse."""
    kind = b""
    while kind != b"Z":
        kind, length = struct.unpack("!ci", received.read(5))
        body = received.read(length - 4)
        if kind == b"E":
            raise RuntimeError(body.decode(errors="replace"))
