"""Client of the weather service."""

import logging
import os
from typing import Any, Dict, Optional, Text

import requests

from actions.errors import BackendError

logger = logging.getLogger(__name__)


def service_url() -> Text:
    return os.environ.get("WEATHER_URL", "http://localhost:8080")


def current_weather(city: Text) -> Dict[Text, Any]:
    """The weather in a city, as the service describes it.

    Raises:
        BackendError: the service is slow, down, or does not know the city.
    """
    try:
        response = requests.get(f"{service_url()}/weather/{city}", timeout=5)
        response.raise_for_status()
        weather = response.json()  # {"temperature": 21, "sky": "clear"}
    except requests.exceptions.Timeout:
        raise BackendError("the weather service is slow today")
    except requests.RequestException as error:
        logger.warning("weather in %s: %s", city, error)
        raise BackendError("the weather service does not answer") from error
    return weather


class Places:
    """The places that the weather service knows."""

    def __init__(self, country: Optional[Text] = None) -> None:
        self.country = country

    def find(self, name: Text) -> Optional[Text]:
        """The name of a place as it is usually written, or None."""
        response = requests.get(
            f"{service_url()}/places",
            params={"name": name, "country": self.country},
            timeout=5,
        )
        if response.status_code != 200:
            return None
        found = response.json()["places"]
        return found[0] if found else None

    def exists(self, name: Text) -> bool:
        return self.find(name) is not None
