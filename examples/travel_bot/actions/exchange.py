"""Client of the exchange-rate service."""

import os
from typing import Text

import requests

from actions.errors import BackendError


def rate(currency: Text) -> float:
    """What one euro costs in another currency."""
    url = os.environ.get("EXCHANGE_URL", "http://localhost:8081")
    try:
        response = requests.get(f"{url}/rates/EUR/{currency}", timeout=3)
        response.raise_for_status()
        return response.json()["rate"]
    except requests.RequestException as error:
        raise BackendError("I have no exchange rates at the moment") from error
