"""A MariaDB server, which MySQL's clients talk to. MYSQL_HOST, MYSQL_PORT, MYSQL_USER, MYSQL_PASSWORD and
MYSQL_DATABASE say where a database of the run's own is."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from services.processes import answers, as_user, folder, free_port, program, run, running, user_for_servers

_USER, _PASSWORD = "bot", "secret"


@dataclass(frozen=True)
class MySQL:
    """The server on 127.0.0.1, and the program that sends it statements."""

    port: int
    client: Path
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @contextlib.contextmanager
    def empty(self) -> Iterator[Mapping[str, str]]:
        """Have a database with nothing in it. It isn't dropped: that would wait for connections left open."""
        name = f"case_{next(self._numbers)}"
        command = [self.client, "--no-defaults", "--protocol=TCP", "-h", "127.0.0.1", f"-P{self.port}"]
        run([*command, f"-u{_USER}", f"-p{_PASSWORD}", "-e", f"CREATE DATABASE {name} CHARACTER SET utf8mb4"])
        yield {
            "MYSQL_HOST": "127.0.0.1",
            "MYSQL_PORT": str(self.port),
            "MYSQL_USER": _USER,
            "MYSQL_PASSWORD": _PASSWORD,
            "MYSQL_DATABASE": name,
        }


@contextlib.contextmanager
def serve() -> Iterator[MySQL]:
    """Run mariadbd, with one user who may do everything. Raises Unavailable where it can't be run."""
    install, mariadbd, client = program("mariadb-install-db"), program("mariadbd"), program("mariadb")
    port = free_port()
    user = user_for_servers()
    with folder(user) as data:
        options = as_user(user, data)
        at_start = data / "start.sql"
        at_start.write_text(
            f"CREATE USER {_USER}@'%' IDENTIFIED BY '{_PASSWORD}';\nGRANT ALL ON *.* TO {_USER}@'%';\n",
            encoding="utf-8",
        )
        at_start.chmod(0o644)
        database = data / "mysql"
        run([install, "--no-defaults", f"--datadir={database}", "--skip-test-db"], **options)
        command = [mariadbd, "--no-defaults", f"--datadir={database}", f"--init-file={at_start}"]
        command += ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={data / 'socket'}"]
        command += ["--skip-name-resolve", "--max-connections=500", "--innodb-flush-log-at-trx-commit=0"]
        with running(command, lambda: answers(port), **options):
            yield MySQL(port, client)
