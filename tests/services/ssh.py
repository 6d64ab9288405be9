"""An SSH server for the user `bot` (password `secret`), with SFTP. Its address is in SSH_HOST and SSH_PORT."""

from __future__ import annotations

import contextlib
import os
import shutil
import socketserver
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.processes import Unavailable, folder


@dataclass(frozen=True)
class Ssh:
    """The server on 127.0.0.1, and the folder that it serves."""

    port: int
    home: Path

    @contextlib.contextmanager
    def empty(self) -> Iterator[Mapping[str, str]]:
        """Have it with one file, `menu.txt`, of two lines."""
        for path in self.home.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        (self.home / "menu.txt").write_bytes(b"soup\nfish\n")
        yield {"SSH_HOST": "127.0.0.1", "SSH_PORT": str(self.port)}


@contextlib.contextmanager
def serve() -> Iterator[Ssh]:
    """Run paramiko's server in threads. Raises Unavailable where it isn't installed."""
    try:
        import paramiko
    except ImportError as error:
        raise Unavailable("paramiko is not installed") from error
    with folder() as home:
        key = paramiko.ECDSAKey.generate()

        class Connection(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with (
                    contextlib.suppress(EOFError, paramiko.SSHException),
                    paramiko.Transport(self.request) as t,
                ):
                    t.add_server_key(key)
                    t.set_subsystem_handler("sftp", paramiko.SFTPServer, _files(home))
                    t.start_server(server=_shell(home))
                    t.join()

        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Connection) as server:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            try:
                yield Ssh(int(server.server_address[1]), home)
            finally:
                server.shutdown()


def _shell(home: Path) -> Any:
    """Whom it lets in, and what it runs: `cat FILE` in its folder, and nothing else."""
    import paramiko

    class Shell(paramiko.ServerInterface):
        def check_auth_password(self, username: str, password: str) -> int:
            known = (username, password) == ("bot", "secret")
            return paramiko.AUTH_SUCCESSFUL if known else paramiko.AUTH_FAILED

        def check_channel_request(self, kind: str, chanid: int) -> int:
            allowed = kind == "session"
            return paramiko.OPEN_SUCCEEDED if allowed else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

        def check_channel_exec_request(self, channel: Any, command: bytes) -> bool:
            threading.Thread(target=_run, args=(home, channel, command.decode()), daemon=True).start()
            return True

    return Shell()


def _run(home: Path, channel: Any, command: str) -> None:
    """Answer as the command would, once the client knows that it may run."""
    channel.get_transport().global_request(
        "done@example.test", wait=True
    )  # read after the request was answered
    program, _, name = command.partition(" ")
    with channel:
        if program == "cat" and (home / name).is_file():
            channel.sendall((home / name).read_bytes())
            channel.send_exit_status(0)
        else:
            channel.sendall_stderr(f"{command}: not found\n".encode())
            channel.send_exit_status(127)


def _files(home: Path) -> Any:
    """The part of SFTP that clients of one flat folder need."""
    import paramiko

    class Files(paramiko.SFTPServerInterface):
        def list_folder(self, path: str) -> Any:
            return [self._attributes(found) for found in sorted(home.iterdir())]

        def stat(self, path: str) -> Any:
            return self._answer(lambda: self._attributes(self._place(path)))

        lstat = stat

        def open(self, path: str, flags: int, attr: Any) -> Any:
            def opened() -> Any:
                descriptor = os.open(self._place(path), flags | getattr(os, "O_BINARY", 0), 0o600)
                handle = paramiko.SFTPHandle(flags)
                mode = "wb" if flags & (os.O_WRONLY | os.O_RDWR) else "rb"
                handle.readfile = handle.writefile = os.fdopen(descriptor, mode)
                return handle

            return self._answer(opened)

        def remove(self, path: str) -> Any:
            return self._answer(lambda: self._place(path).unlink() or paramiko.SFTP_OK)

        def _place(self, path: str) -> Path:
            return home / Path(path).name

        def _attributes(self, path: Path) -> Any:
            return paramiko.SFTPAttributes.from_stat(path.stat(), path.name)

        def _answer(self, work: Any) -> Any:
            try:
                return work()
            except OSError as error:
                return paramiko.SFTPServer.convert_errno(error.errno)

    return Files
