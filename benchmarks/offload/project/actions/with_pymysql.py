"""MySQL, or MariaDB: a connection for each call."""

import os

import pymysql
from rasa_sdk import Action


class ActionMysql(Action):
    def name(self):
        return "action_mysql"

    def run(self, dispatcher, tracker, domain):
        connection = pymysql.connect(
            host=os.environ["MYSQL_HOST"],
            port=int(os.environ["MYSQL_PORT"]),
            user=os.environ["MYSQL_USER"],
            password=os.environ["MYSQL_PASSWORD"],
            database=os.environ["MYSQL_DATABASE"],
            ssl_disabled=True,  # a handshake computes, which is no waiting
        )
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s, SLEEP(%s)", (tracker.get_slot("number"), float(os.environ["SECONDS"])))
            row = cursor.fetchone()
        connection.close()
        dispatcher.utter_message(text=row[0])
        return []
