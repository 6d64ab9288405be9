"""Where the programs block, and a few leaves that don't."""

from __future__ import annotations

from .model import Construct, construct

API = 'API = os.environ["API_URL"]'
NOTE = "from constructs.journal import note"

LEAVES: list[Construct] = [
    construct(
        "sleep",
        """
        def pause_N(key):
            note("pause_N", key)
            time.sleep(0.002)
            return f"paused {key}"
        """,
        "pause_N",
        NOTE,
        "import time",
    ),
    construct(
        "sleep, imported by name",
        """
        def nap_N(key):
            note("nap_N", key)
            sleep(0.002)
            return f"napped {key}"
        """,
        "nap_N",
        NOTE,
        "from time import sleep",
    ),
    construct(
        "requests.get",
        """
        def item_N(key):
            note("item_N", key)
            response = requests.get(f"{API}/items/{key}", timeout=5)
            return response.json()["value"]
        """,
        "item_N",
        NOTE,
        "import os",
        "import requests",
        API,
        inline='requests.get(f"{API}/items/{$key}", timeout=5).json()["value"]',
    ),
    construct(
        "requests.post",
        """
        def order_N(key):
            note("order_N", key)
            answer = post(API + "/orders", json={"key": key})
            return f"{answer.status_code} {answer.text}"
        """,
        "order_N",
        NOTE,
        "import os",
        "from requests import post",
        API,
    ),
    construct(
        "requests.Session",
        """
        def listed_N(key):
            note("listed_N", key)
            with requests.Session() as session:
                session.headers["X-Key"] = "seven"
                return session.get(f"{API}/items/{key}").text
        """,
        "listed_N",
        NOTE,
        "import os",
        "import requests",
        API,
    ),
    construct(
        "requests.get, failing for some",
        """
        def strict_N(key):
            note("strict_N", key)
            found = requests.get(f"{API}/items/{key}").json()
            if found["value"] == "bad":
                raise ValueError(f"no such item: {key}")
            return found["value"]
        """,
        "strict_N",
        NOTE,
        "import os",
        "import requests",
        API,
    ),
    construct(
        "reading a file",
        """
        def words_N(key):
            note("words_N", key)
            with open("data/words.txt", encoding="utf-8") as file:
                return f"{file.readline().strip()} {key}"
        """,
        "words_N",
        NOTE,
        inline='open("data/words.txt", encoding="utf-8").read()',
    ),
    construct(
        "reading a path",
        """
        def text_N(key):
            note("text_N", key)
            return Path("data/words.txt").read_text(encoding="utf-8") + str(key)
        """,
        "text_N",
        NOTE,
        "from pathlib import Path",
        inline='Path("data/words.txt").read_text(encoding="utf-8")',
    ),
    construct(
        "writing a file",
        """
        def log_N(key):
            note("log_N", key)
            with open("data/log.txt", "a", encoding="utf-8") as file:
                file.write(f"log_N {key};")
            return "logged"
        """,
        "log_N",
        NOTE,
    ),
    construct(
        "sqlite3, a query",
        """
        def row_N(key):
            note("row_N", key)
            connection = sqlite3.connect("data/shop.db")
            try:
                found = connection.execute("SELECT price FROM goods WHERE name = ?", (key,)).fetchone()
            finally:
                connection.close()
            return found[0] if found else None
        """,
        "row_N",
        NOTE,
        "import sqlite3",
    ),
    construct(
        "sqlite3, a change",
        """
        def insert_N(key):
            note("insert_N", key)
            with closing(sqlite3.connect("data/shop.db")) as connection:
                connection.execute("INSERT INTO sold VALUES (?, ?)", ("insert_N", key))
                connection.commit()
            return "sold"
        """,
        "insert_N",
        NOTE,
        "import sqlite3",
        "from contextlib import closing",
    ),
    construct(
        "subprocess.run",
        """
        def shell_N(key):
            note("shell_N", key)
            return subprocess.run(["true"]).returncode
        """,
        "shell_N",
        NOTE,
        "import subprocess",
    ),
    construct(
        "urlopen",
        """
        def opened_N(key):
            note("opened_N", key)
            with urllib.request.urlopen(f"{API}/items/{key}") as answer:
                return json.load(answer)["value"]
        """,
        "opened_N",
        NOTE,
        "import json",
        "import os",
        "import urllib.request",
        API,
    ),
    construct(
        "nothing that blocks",
        """
        def plain_N(key):
            note("plain_N", key)
            return f"plain {key}"
        """,
        "plain_N",
        NOTE,
    ),
    construct(
        "nothing that blocks, failing for some",
        """
        def checked_N(key):
            note("checked_N", key)
            if key == "bad":
                raise LookupError(key)
            return key
        """,
        "checked_N",
        NOTE,
    ),
]
