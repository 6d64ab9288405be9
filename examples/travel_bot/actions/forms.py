from typing import Any, Dict, Text

from rasa_sdk import FormValidationAction, Tracker
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.types import DomainDict

from actions.weather import Places


class ValidateTripForm(FormValidationAction):
    def __init__(self) -> None:
        self.places = Places()

    def name(self) -> Text:
        return "validate_trip_form"

    def validate_destination(
        self,
        slot_value: Any,
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: DomainDict,
    ) -> Dict[Text, Any]:
        """A destination is a place that the weather service knows."""
        if self.places.exists(slot_value):
            return {"destination": self.places.find(slot_value)}
        dispatcher.utter_message(text=f"I don't know where {slot_value} is.")
        return {"destination": None}

    def validate_nights(
        self,
        slot_value: Any,
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: DomainDict,
    ) -> Dict[Text, Any]:
        """One night to four weeks."""
        if str(slot_value).isdigit() and 1 <= int(slot_value) <= 28:
            return {"nights": int(slot_value)}
        dispatcher.utter_message(text="We book 1 to 28 nights.")
        return {"nights": None}
