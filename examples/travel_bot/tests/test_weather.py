import pytest

from actions.errors import BackendError
from actions.weather import Places, current_weather


def test_current_weather(weather_service):
    assert current_weather("Lisbon") == {"temperature": 24, "sky": "clear"}


def test_unknown_city(weather_service):
    with pytest.raises(BackendError, match="does not answer"):
        current_weather("Atlantis")


def test_places_are_found_as_they_are_written(weather_service):
    places = Places()
    assert places.find("oslo") == "Oslo"
    assert not places.exists("atlantis")
