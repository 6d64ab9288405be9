"""Two actions that spend their time waiting for a backend.

The first is the article's: it sleeps, as a stand-in for a long call. The second makes the
call, with a client that has no async version to put in its place, so that a migration has to
offload it.
"""

import json
import os
import time
import urllib.request

from rasa_sdk import Action


class ActionLongCall(Action):
    def name(self):
        return "action_long_call"

    def run(self, dispatcher, tracker, domain):
        time.sleep(float(os.environ["BACKEND_SECONDS"]))
        dispatcher.utter_message(text="The backend is done.")
        return []


class ActionBackend(Action):
    def name(self):
        return "action_backend"

    def run(self, dispatcher, tracker, domain):
        with urllib.request.urlopen(os.environ["BACKEND_URL"]) as response:
            answer = json.load(response)
        dispatcher.utter_message(text=answer["status"])
        return []
