"""What the services share: finding a program, starting it in a temporary folder, stopping it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

PATIENCE = 60.0  # seconds for a server to start, on a busy machine


class Unavailable(Exception):
    """A service can't be had here; the text says why."""


class Server(Protocol):
    """A server that runs."""

    def empty(self) -> contextlib.AbstractContextManager[Mapping[str, str]]:
        """Have it with nothing in it. Gives the environment variables that say where it is."""


def program(name: str, more: Iterable[Path] = ()) -> Path:
    """Where a program is: on PATH, where Debian keeps servers, or in one of the folders `more`.

    Raises Unavailable where it is in none of them.
    """
    places = [os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin", *map(str, more)]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise Unavailable(f"{name} is not installed")
    return Path(found)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextlib.contextmanager
def folder(user: str | None = None) -> Iterator[Path]:
    """A temporary folder for a server's data, removed at the end; it is `user`'s, where one is given."""
    path = Path(tempfile.mkdtemp(prefix="rasa-asyncify-"))
    try:
        if user is not None:
            import pwd  # not on Windows, where there is no root

            account = pwd.getpwnam(user)
            os.chown(path, account.pw_uid, account.pw_gid)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def user_for_servers() -> str | None:
    """Who runs a server that refuses to be run by root; None where we aren't root."""
    is_root = sys.platform != "win32" and os.geteuid() == 0
    return "nobody" if is_root else None


def as_user(user: str | None, data: Path) -> dict[str, Any]:
    """The options of `run` and `running` for a program in the folder `data`, as another user where one is given."""
    options: dict[str, Any] = {"cwd": data}
    if user is not None:
        options.update(user=user, group=data.stat().st_gid, extra_groups=[])
    return options


def run(command: Sequence[str | Path], **options: Any) -> None:
    """Run a program to its end. Raises Unavailable with the end of its output where it fails."""
    try:
        subprocess.run(
            command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, **options
        )
    except subprocess.CalledProcessError as error:
        output = error.output.decode(errors="replace").strip()
        raise Unavailable(f"{Path(command[0]).name} failed: {output[-300:]}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{Path(command[0]).name} failed: {error}") from error


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    is_ready: Callable[[], bool],
    *,
    stop: signal.Signals = signal.SIGTERM,
    **options: Any,
) -> Iterator[None]:
    """Run a server in the background, from the moment it is ready, until a signal stops it.

    Raises Unavailable where it ends before that, or takes too long.
    """
    name = Path(command[0]).name
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **options
            )
        except OSError as error:
            raise Unavailable(f"{name} failed: {error}") from error
        try:
            deadline = time.monotonic() + PATIENCE
            while not is_ready():
                if process.poll() is not None:
                    output.seek(0)
                    text = output.read().decode(errors="replace").strip()
                    raise Unavailable(f"{name} ended: {text[-300:]}")
                if time.monotonic() > deadline:
                    raise Unavailable(f"{name} was not ready after {PATIENCE:.0f} s")
                time.sleep(0.05)
            yield
        finally:
            _stop(process, stop)


def _stop(process: subprocess.Popen[bytes], by: signal.Signals) -> None:
    if sys.platform == "win32":
        process.terminate()
    else:
        process.send_signal(by)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def answers(port: int, sent: bytes = b"", start: bytes = b"") -> bool:
    """Whether a server on 127.0.0.1 takes a connection, and answers what is sent to it with `start`."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(sent)
            return not start or connection.recv(64).startswith(start)
    except OSError:
        return False
