import logging
from abc import ABC, abstractmethod
from typing import Any, Dict, List, Text

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.errors import BackendError

logger = logging.getLogger(__name__)


class TravelAction(Action, ABC):
    """An action that apologises when one of its backends is down."""

    @abstractmethod
    def answer(
        self, dispatcher: CollectingDispatcher, tracker: Tracker
    ) -> List[Dict[Text, Any]]:
        """Talk to the backends and to the traveller. Returns the events."""

    def run(
        self,
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: Dict[Text, Any],
    ) -> List[Dict[Text, Any]]:
        try:
            return self.answer(dispatcher, tracker)
        except BackendError as error:
            logger.warning("%s failed: %s", self.name(), error)
            dispatcher.utter_message(text=f"Sorry, {error}.")
            return []


def traveller(tracker: Tracker) -> Text:
    """The name that bookings are filed under."""
    return tracker.get_slot("traveller") or tracker.sender_id
