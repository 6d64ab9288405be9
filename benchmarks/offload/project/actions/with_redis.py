"""Redis: one client for all calls, which has a connection for each thread that needs one."""

import os

import redis
from rasa_sdk import Action

client = redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
client.config_set("hz", 100)  # it would look for time-outs ten times a second


class ActionRedis(Action):
    def name(self):
        return "action_redis"

    def run(self, dispatcher, tracker, domain):
        number = tracker.get_slot("number")
        client.set(f"number:{number}", number)
        client.blpop(f"nothing:{number}", timeout=float(os.environ["SECONDS"]))
        dispatcher.utter_message(text=client.get(f"number:{number}"))
        return []
