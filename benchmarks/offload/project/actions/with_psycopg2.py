"""PostgreSQL: a connection for each call, and one for all."""

import os

import psycopg2
from rasa_sdk import Action

DSN = os.environ["POSTGRES_DSN"]
SECONDS = float(os.environ["SECONDS"])

connection = psycopg2.connect(DSN)


class ActionPostgres(Action):
    def name(self):
        return "action_postgres"

    def run(self, dispatcher, tracker, domain):
        own = psycopg2.connect(DSN)
        with own.cursor() as cursor:
            cursor.execute("SELECT %s, pg_sleep(%s)", (tracker.get_slot("number"), SECONDS))
            row = cursor.fetchone()
        own.close()
        dispatcher.utter_message(text=row[0])
        return []


class ActionPostgresShared(Action):
    """psycopg2 lets threads share a connection, but they share its transaction then."""

    def name(self):
        return "action_postgres_shared"

    def run(self, dispatcher, tracker, domain):
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE IF NOT EXISTS calls (number INTEGER)")
        cursor.execute("SELECT count(*) FROM calls")
        count = cursor.fetchone()[0] + 1
        cursor.execute("SELECT pg_sleep(%s)", (SECONDS,))
        cursor.execute("INSERT INTO calls VALUES (%s)", (count,))
        connection.commit()
        cursor.close()
        dispatcher.utter_message(text=str(count))
        return []
