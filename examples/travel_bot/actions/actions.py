import os
import sqlite3
import time
from typing import Any, Dict, List, Text

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions import exchange
from actions.base import TravelAction, traveller
from actions.bookings import bookings_of, database, save_booking
from actions.weather import current_weather

PRICE_PER_NIGHT = 80  # euros


class ActionWeather(TravelAction):
    def name(self) -> Text:
        return "action_weather"

    def answer(
        self, dispatcher: CollectingDispatcher, tracker: Tracker
    ) -> List[Dict[Text, Any]]:
        city = tracker.get_slot("destination")
        weather = current_weather(city)
        dispatcher.utter_message(
            text=f"It is {weather['temperature']}°C and {weather['sky']} in {city}."
        )
        return [SlotSet("temperature", weather["temperature"])]


class ActionPrice(TravelAction):
    def name(self) -> Text:
        return "action_price"

    def answer(
        self, dispatcher: CollectingDispatcher, tracker: Tracker
    ) -> List[Dict[Text, Any]]:
        euros = PRICE_PER_NIGHT * int(tracker.get_slot("nights"))
        currency = tracker.get_slot("currency") or "EUR"
        price = euros if currency == "EUR" else euros * exchange.rate(currency)
        dispatcher.utter_message(text=f"That is {price:.2f} {currency}.")
        return [SlotSet("price", price)]


class ActionBookTrip(TravelAction):
    def name(self) -> Text:
        return "action_book_trip"

    def answer(
        self, dispatcher: CollectingDispatcher, tracker: Tracker
    ) -> List[Dict[Text, Any]]:
        # The hotel holds a room for a moment before it can be booked.
        time.sleep(float(os.environ.get("HOTEL_DELAY", "0.5")))
        number = save_booking(
            traveller(tracker),
            tracker.get_slot("destination"),
            int(tracker.get_slot("nights")),
        )
        dispatcher.utter_message(text=f"Booked! Your number is {number}.")
        return [SlotSet("booking", number)]


class ActionCancelBooking(Action):
    def name(self) -> Text:
        return "action_cancel_booking"

    def run(
        self,
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: Dict[Text, Any],
    ) -> List[Dict[Text, Any]]:
        number = tracker.get_slot("booking")
        with sqlite3.connect(database()) as connection:
            cursor = connection.cursor()
            cursor.execute(
                "DELETE FROM bookings WHERE id = ? AND traveller = ?",
                (number, traveller(tracker)),
            )
            cancelled = cursor.rowcount
        if not cancelled:
            dispatcher.utter_message(text="I know of no such booking.")
            return []
        dispatcher.utter_message(text=f"Booking {number} is cancelled.")
        return [SlotSet("booking", None)]


class ActionItinerary(Action):
    """Writes what is booked to a file that the web chat offers for download."""

    def name(self) -> Text:
        return "action_itinerary"

    def run(
        self,
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: Dict[Text, Any],
    ) -> List[Dict[Text, Any]]:
        bookings = bookings_of(traveller(tracker))
        if not bookings:
            dispatcher.utter_message(text="You have no bookings.")
            return []
        folder = os.environ.get("ITINERARIES", ".")
        path = os.path.join(folder, f"itinerary-{bookings[-1].id}.txt")
        with open(path, "w", encoding="utf-8") as itinerary:
            for booking in bookings:
                itinerary.write(f"{booking}\n")
        dispatcher.utter_message(text="Here is your itinerary.", attachment=path)
        return []
