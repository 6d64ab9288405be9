import asyncio

import pytest

from actions.forms import ValidateTripForm

DOMAIN = {
    "slots": {"destination": {"mappings": []}, "nights": {"mappings": []}},
    "forms": {"trip_form": {"required_slots": ["destination", "nights"]}},
}


def test_destination_is_written_properly(weather_service, dispatcher, track):
    form = ValidateTripForm()
    assert form.validate_destination("lisbon", dispatcher, track(), DOMAIN) == {
        "destination": "Lisbon"
    }


def test_unknown_destination(weather_service, dispatcher, track):
    form = ValidateTripForm()
    result = form.validate_destination("atlantis", dispatcher, track(), DOMAIN)
    assert result == {"destination": None}
    assert dispatcher.messages[0]["text"] == "I don't know where atlantis is."


@pytest.mark.parametrize(
    "value, nights", [("3", 3), (28, 28), ("0", None), ("x", None)]
)
def test_nights(value, nights, dispatcher, track):
    form = ValidateTripForm()
    assert form.validate_nights(value, dispatcher, track(), DOMAIN)["nights"] == nights


def test_whole_form(weather_service, dispatcher, track):
    tracker = track(destination="oslo", nights="40")
    events = asyncio.run(ValidateTripForm().run(dispatcher, tracker, DOMAIN))
    values = {event["name"]: event["value"] for event in events}
    assert values["destination"] == "Oslo"
    assert values["nights"] is None
