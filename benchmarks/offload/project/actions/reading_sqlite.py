"""A connection to SQLite for each call, which only reads."""

import os
import sqlite3
import time

from rasa_sdk import Action

SECONDS = float(os.environ["SECONDS"])


class ActionQuery(Action):
    def name(self):
        return "action_query"

    def run(self, dispatcher, tracker, domain):
        connection = sqlite3.connect("reading.db")
        connection.create_function("pause", 1, time.sleep)
        row = connection.execute("SELECT ?, pause(?)", (tracker.get_slot("number"), SECONDS)).fetchone()
        connection.close()
        dispatcher.utter_message(text=row[0])
        return []


class ActionCursor(Action):
    """A cursor's rows, each of which takes its time when the loop comes to it."""

    def name(self):
        return "action_cursor"

    def run(self, dispatcher, tracker, domain):
        connection = sqlite3.connect("reading.db")
        connection.create_function("pause", 1, time.sleep)
        rows = 0
        for _, _ in connection.execute(
            "SELECT column1, pause(?) FROM (VALUES (1), (2), (3), (4))", (SECONDS / 4,)
        ):
            rows += 1
        connection.close()
        dispatcher.utter_message(text=tracker.get_slot("number") if rows == 4 else f"{rows} rows")
        return []
