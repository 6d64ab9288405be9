from unittest.mock import patch

import pytest
import requests

from actions.actions import ActionPrice


@patch("actions.exchange.requests.get")
def test_price_in_another_currency(get, dispatcher, track):
    get.return_value.json.return_value = {"rate": 1.5}
    ActionPrice().run(dispatcher, track(nights="2", currency="USD"), {})
    assert dispatcher.messages[0]["text"] == "That is 240.00 USD."
    assert get.call_args[0][0].endswith("/rates/EUR/USD")


@patch("actions.exchange.requests.get", side_effect=requests.ConnectionError("down"))
def test_no_rates(get, dispatcher, track):
    assert ActionPrice().run(dispatcher, track(nights="2", currency="USD"), {}) == []
    assert dispatcher.messages[0]["text"] == (
        "Sorry, I have no exchange rates at the moment."
    )


@pytest.mark.parametrize("currency", [None, "EUR"])
def test_euros_need_no_rate(dispatcher, track, currency):
    with patch("actions.exchange.requests.get") as get:
        ActionPrice().run(dispatcher, track(nights="2", currency=currency), {})
    assert dispatcher.messages[0]["text"] == "That is 160.00 EUR."
    assert not get.called
