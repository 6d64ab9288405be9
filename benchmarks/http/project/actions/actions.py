"""Two actions that ask a backend, once in a way that aiohttp can and once in one that needs a thread."""

import requests
from rasa_sdk import Action
from requests.auth import HTTPDigestAuth

WEATHER = "http://127.0.0.1:5005/weather"  # the benchmark puts its own backend's port here


class ActionWeather(Action):
    def name(self):
        return "action_weather"

    def run(self, dispatcher, tracker, domain):
        response = requests.get(WEATHER)
        weather = response.json()
        dispatcher.utter_message(text=weather["text"])
        return []


class ActionWeatherDigest(Action):
    """The backend never asks for the password, so the request is the same as without one."""

    def name(self):
        return "action_weather_digest"

    def run(self, dispatcher, tracker, domain):
        response = requests.get(WEATHER, auth=HTTPDigestAuth("user", "password"))
        weather = response.json()
        dispatcher.utter_message(text=weather["text"])
        return []
