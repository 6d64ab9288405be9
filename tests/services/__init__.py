"""Servers for the cases whose libraries talk to one: each started once a test process, on a port of its own.

A service is a module of this package with `serve() -> ContextManager[Server]`, entered when it is first
asked for and left when the process ends.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
from collections.abc import Iterator, Mapping

from services.processes import Server, Unavailable

__all__ = ["NAMES", "Unavailable", "start"]

NAMES = ("ftp", "imap", "mongodb", "mysql", "odbc", "pop", "postgresql", "redis", "smtp", "ssh", "telnet")

_started: dict[str, Server | Unavailable] = {}
_at_exit = contextlib.ExitStack()
atexit.register(_at_exit.close)


@contextlib.contextmanager
def start(name: str) -> Iterator[Mapping[str, str]]:
    """Have the server of that name, with nothing in it. Gives the environment variables that say where it is.

    Raises:
        Unavailable: its program isn't there, or doesn't start.
        ValueError: there is no such service.
    """
    if name not in NAMES:
        raise ValueError(f"no service {name!r}; there are {', '.join(NAMES)}")
    if name not in _started:
        _started[name] = _serve(name)
    server = _started[name]
    if isinstance(server, Unavailable):
        raise server
    with server.empty() as variables:
        yield variables


def _serve(name: str) -> Server | Unavailable:
    """Start a server until the process ends; what prevents it is kept, so that it is tried once only."""
    module = importlib.import_module(f"services.{name}")
    try:
        server: Server = _at_exit.enter_context(module.serve())
    except Unavailable as reason:
        return reason
    return server
