"""What conversations share, so that they have to take turns. Each action answers with a count."""

# ruff: noqa: PTH110, PTH123

import json
import os
import sqlite3
import time
import urllib.request

from rasa_sdk import Action

SECONDS = float(os.environ["SECONDS"])
TABLE = "CREATE TABLE IF NOT EXISTS counter (last INTEGER)"
FIRST = "INSERT INTO counter SELECT 0 WHERE NOT EXISTS (SELECT * FROM counter)"


def opened(path):
    connection = sqlite3.connect(path)
    connection.create_function("pause", 1, time.sleep)
    connection.execute("PRAGMA synchronous = OFF")  # what a disk takes would vary
    connection.execute(TABLE)
    connection.execute(FIRST)
    connection.commit()
    return connection


connection = opened("module.db")


class ActionModule(Action):
    """A connection that the module holds."""

    def name(self):
        return "action_module"

    def run(self, dispatcher, tracker, domain):
        last, _ = connection.execute("SELECT last, pause(?) FROM counter", (SECONDS,)).fetchone()
        connection.execute("UPDATE counter SET last = ?", (last + 1,))
        connection.commit()
        dispatcher.utter_message(text=str(last + 1))
        return []


class ActionInstance(Action):
    """A connection that the action's instance holds, which is one for all conversations."""

    def __init__(self):
        self.connection = None

    def name(self):
        return "action_instance"

    def run(self, dispatcher, tracker, domain):
        if self.connection is None:
            self.connection = opened("instance.db")
        cursor = self.connection.cursor()
        cursor.execute("SELECT last, pause(?) FROM counter", (SECONDS,))
        last, _ = cursor.fetchone()
        cursor.execute("UPDATE counter SET last = ?", (last + 1,))
        self.connection.commit()
        dispatcher.utter_message(text=str(last + 1))
        return []


class ActionWrites(Action):
    """A connection a call, on a database that all calls write."""

    def name(self):
        return "action_writes"

    def run(self, dispatcher, tracker, domain):
        own = opened("writes.db")
        last, _ = own.execute("SELECT last, pause(?) FROM counter", (SECONDS,)).fetchone()
        own.execute("UPDATE counter SET last = ?", (last + 1,))
        own.commit()
        own.close()
        dispatcher.utter_message(text=str(last + 1))
        return []


class ActionFile(Action):
    """A file that is read, changed and written back, with something slow in between."""

    def name(self):
        return "action_file"

    def run(self, dispatcher, tracker, domain):
        count = 0
        if os.path.exists("count.json"):
            with open("count.json") as file:
                count = json.load(file)
        urllib.request.urlopen(os.environ["SLOW_URL"])
        with open("count.json", "w") as file:
            json.dump(count + 1, file)
        dispatcher.utter_message(text=str(count + 1))
        return []
