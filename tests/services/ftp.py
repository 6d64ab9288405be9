"""An FTP server for the user `bot` (password `secret`). Its address is in FTP_HOST and FTP_PORT."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.processes import Unavailable, folder


@dataclass(frozen=True)
class Ftp:
    """The server on 127.0.0.1, and the folder that it serves."""

    port: int
    home: Path

    @contextlib.contextmanager
    def empty(self) -> Iterator[Mapping[str, str]]:
        """Have it with one file, `menu.txt`, of three lines."""
        for path in self.home.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        (self.home / "menu.txt").write_bytes(b"soup\r\npasta\r\ncake\r\n")
        yield {"FTP_HOST": "127.0.0.1", "FTP_PORT": str(self.port)}


@contextlib.contextmanager
def serve() -> Iterator[Ftp]:
    """Run pyftpdlib in a thread. Raises Unavailable where it isn't installed."""
    try:
        from pyftpdlib.authorizers import DummyAuthorizer
        from pyftpdlib.handlers import FTPHandler
        from pyftpdlib.servers import FTPServer
    except ImportError as error:
        raise Unavailable("pyftpdlib is not installed") from error
    with folder() as home:
        users = DummyAuthorizer()
        users.add_user("bot", "secret", str(home), perm="elradfmwMT")
        handler = type("_Own", (FTPHandler,), {"authorizer": users})
        server = FTPServer(("127.0.0.1", 0), handler)
        with _serving(server):
            yield Ftp(int(server.address[1]), home)


@contextlib.contextmanager
def _serving(server: Any) -> Iterator[None]:
    stopped = threading.Event()

    def work() -> None:  # all of it in one thread: the server isn't for two
        while not stopped.is_set():
            server.ioloop.loop(timeout=0.05, blocking=False)
        server.close_all()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
