"""A server that MongoDB's clients talk to: mongomock behind MongoDB's wire protocol (mongodb_server.py).

No package of a registry installs a real one. MONGODB_URL says where it is.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.processes import PATIENCE, Unavailable, answers, free_port, running

_TESTS = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class MongoDB:
    """The server on 127.0.0.1, with a client of our own."""

    port: int
    client: Any

    @contextlib.contextmanager
    def empty(self) -> Iterator[Mapping[str, str]]:
        """Have it without databases."""
        for name in self.client.list_database_names():
            self.client.drop_database(name)
        yield {"MONGODB_URL": f"mongodb://127.0.0.1:{self.port}/"}


@contextlib.contextmanager
def serve() -> Iterator[MongoDB]:
    """Run the server in a process of its own. Raises Unavailable where a package that it needs isn't there."""
    for name in ("pymongo", "mongomock"):
        if importlib.util.find_spec(name) is None:
            raise Unavailable(f"{name} is not installed")
    from pymongo import MongoClient

    port = free_port()
    command = [sys.executable, "-m", "services.mongodb_server", str(port)]
    with (
        running(command, lambda: answers(port), cwd=_TESTS),
        MongoClient(port=port, serverSelectionTimeoutMS=PATIENCE * 1000) as client,
    ):
        yield MongoDB(port, client)
