"""What blocks in the standard library. Each action answers with the number that it was asked with."""

# ruff: noqa: PTH123

import os
import smtplib
import subprocess
import urllib.request
from email.message import EmailMessage

from rasa_sdk import Action

SECONDS = os.environ["SECONDS"]
URL = os.environ["SLOW_URL"]


class ActionCall(Action):
    def name(self):
        return "action_call"

    def run(self, dispatcher, tracker, domain):
        urllib.request.urlopen(URL)
        dispatcher.utter_message(text=tracker.get_slot("number"))
        return []


class ActionSubprocess(Action):
    def name(self):
        return "action_subprocess"

    def run(self, dispatcher, tracker, domain):
        subprocess.run(["sleep", SECONDS], check=True)
        dispatcher.utter_message(text=tracker.get_slot("number"))
        return []


class ActionOpen(Action):
    """A file of its own for each conversation; the slow part is between its opening and its closing."""

    def name(self):
        return "action_open"

    def run(self, dispatcher, tracker, domain):
        number = tracker.get_slot("number")
        path = f"{tracker.sender_id}_{number}.txt"
        with open(path, "w+") as file:
            file.write(number)
            urllib.request.urlopen(URL)
            file.seek(0)
            read = file.read()
        dispatcher.utter_message(text=read)
        return []


class ActionMail(Action):
    def name(self):
        return "action_mail"

    def run(self, dispatcher, tracker, domain):
        number = tracker.get_slot("number")
        letter = EmailMessage()
        letter["From"] = letter["To"] = "bot@example.test"
        letter.set_content(number)
        with smtplib.SMTP(os.environ["SLOW_SMTP_HOST"], int(os.environ["SLOW_SMTP_PORT"])) as server:
            refused = server.send_message(letter)
        dispatcher.utter_message(text=f"{number}{refused or ''}")
        return []


class ActionBody(Action):
    """What it says depends on each line as it comes, so that only the whole body can go."""

    def name(self):
        return "action_body"

    def run(self, dispatcher, tracker, domain):
        for line in urllib.request.urlopen(URL):
            if b"done" in line:
                dispatcher.utter_message(text=tracker.get_slot("number"))
                return []
        return []
