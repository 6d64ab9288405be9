"""The servers that cases ask for, each by what speaks its protocol, and the watch over named calls."""

from __future__ import annotations

import asyncio
import importlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import services
from call_watch import noting_calls

TESTS = Path(__file__).resolve().parent
Use = Callable[[ModuleType, Mapping[str, str]], int]


def count_keys(redis: ModuleType, env: Mapping[str, str]) -> int:
    client = redis.from_url(env["REDIS_URL"])
    found = client.dbsize()
    client.set("city", "Oslo")
    return int(found)


def count_documents(pymongo: ModuleType, env: Mapping[str, str]) -> int:
    with pymongo.MongoClient(env["MONGODB_URL"]) as client:
        found = client.bot.cities.count_documents({})
        client.bot.cities.insert_many({"name": f"city {number}"} for number in range(150))
        assert len(list(client.bot.cities.find())) == 150  # more than one batch
    return int(found)


def count_postgresql_tables(psycopg2: ModuleType, env: Mapping[str, str]) -> int:
    return count_tables(psycopg2.connect(env["POSTGRES_DSN"]), "public")


def count_mysql_tables(pymysql: ModuleType, env: Mapping[str, str]) -> int:
    names = {"host": "HOST", "user": "USER", "password": "PASSWORD", "database": "DATABASE"}
    arguments = {argument: env[f"MYSQL_{name}"] for argument, name in names.items()}
    connection = pymysql.connect(port=int(env["MYSQL_PORT"]), **arguments)
    return count_tables(connection, env["MYSQL_DATABASE"])


def count_tables(connection: Any, schema: str) -> int:
    cursor = connection.cursor()
    cursor.execute(f"SELECT count(*) FROM information_schema.tables WHERE table_schema = '{schema}'")
    (found,) = cursor.fetchone()
    cursor.execute("CREATE TABLE city (name varchar(20))")
    connection.commit()
    connection.close()
    return int(found)


@pytest.mark.parametrize(
    ("name", "library", "use"),
    [
        ("mongodb", "pymongo", count_documents),
        ("mysql", "pymysql", count_mysql_tables),
        ("postgresql", "psycopg2", count_postgresql_tables),
        ("redis", "redis", count_keys),
    ],
)
def test_a_service_is_empty_each_time(name: str, library: str, use: Use) -> None:
    module = pytest.importorskip(library)
    for _ in range(2):
        try:
            with services.start(name) as env:
                assert use(module, env) == 0
        except services.Unavailable as reason:
            pytest.skip(str(reason))


@pytest.mark.parametrize("name", ["mongodb", "mysql", "odbc", "postgresql", "redis"])
def test_a_service_without_its_program_says_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(f"services.{name}")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda *args, **kwargs: None)
    with pytest.raises(services.Unavailable, match="is not installed"), module.serve():
        pass


def test_a_service_stops_with_the_process() -> None:
    script = "import services; stack = services.start('redis'); print(stack.__enter__()['REDIS_PORT'])"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, timeout=60)
    if "Unavailable" in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    from services.processes import answers

    assert done.returncode == 0, done.stderr
    assert not answers(int(done.stdout))


HELD = """
import sqlite3

class Query:
    def one(self):
        connection = sqlite3.connect(":memory:")
        return connection.execute("SELECT 1").fetchone()

    @classmethod
    def both(cls):
        return cls().one(), cls().one()

async def run():
    return Query.both()
"""


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("sqlite3.connect", [6, 6]),  # a function in C
        ("Connection.execute", [7, 7]),  # a method in C
        ("execute", [7, 7]),
        ("Other.execute", []),
        ("actions.Query.one", [11, 11]),  # a method in Python
        ("Query.both", [14]),
    ],
)
def test_named_calls_are_noted_while_the_loop_runs(tmp_path: Path, name: str, lines: list[int]) -> None:
    (tmp_path / "actions.py").write_text(HELD, encoding="utf-8")
    names: dict[str, Any] = {"__name__": "actions"}
    exec(compile(HELD, str(tmp_path / "actions.py"), "exec"), names)

    async def elsewhere() -> Any:
        return await asyncio.to_thread(names["Query"].both)

    with noting_calls(tmp_path, [name]) as calls:
        names["Query"].both()  # no loop runs
        asyncio.run(elsewhere())  # nor in that thread
        sqlite3.connect(os.fspath(tmp_path / "x.db")).close()  # not the project's
        assert not calls
        asyncio.run(names["run"]())
    assert [(call.function, call.place) for call in calls] == [(name, f"actions.py:{line}") for line in lines]
