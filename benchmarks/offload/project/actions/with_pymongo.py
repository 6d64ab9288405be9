"""MongoDB: one client for all calls, as its makers recommend."""

import os

import pymongo
from rasa_sdk import Action

database = pymongo.MongoClient(os.environ["SLOW_MONGODB_URL"])["bot"]


class ActionMongo(Action):
    def name(self):
        return "action_mongo"

    def run(self, dispatcher, tracker, domain):
        number = tracker.get_slot("number")
        database["numbers"].replace_one({"_id": number}, {"read": number}, upsert=True)
        found = database["numbers"].find_one({"_id": number})
        dispatcher.utter_message(text=found["read"])
        return []
