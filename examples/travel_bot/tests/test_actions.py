from actions.actions import (
    ActionBookTrip,
    ActionCancelBooking,
    ActionItinerary,
    ActionWeather,
)
from actions.bookings import bookings_of, save_booking


def texts(dispatcher):
    return [message["text"] for message in dispatcher.messages]


def test_weather(weather_service, dispatcher, track):
    events = ActionWeather().run(dispatcher, track(destination="Oslo"), {})
    assert texts(dispatcher) == ["It is 4°C and cloudy in Oslo."]
    assert [(event["name"], event["value"]) for event in events] == [("temperature", 4)]


def test_weather_of_an_unknown_place(weather_service, dispatcher, track):
    action = ActionWeather()
    assert action.run(dispatcher, track(destination="Atlantis"), {}) == []
    assert texts(dispatcher) == ["Sorry, the weather service does not answer."]


def test_weather_when_the_service_is_down(dispatcher, track, monkeypatch):
    monkeypatch.setenv("WEATHER_URL", "http://127.0.0.1:9")
    assert ActionWeather().run(dispatcher, track(destination="Oslo"), {}) == []
    assert texts(dispatcher) == ["Sorry, the weather service does not answer."]


def test_booking_is_stored(dispatcher, track):
    tracker = track(traveller="grace", destination="Lisbon", nights="3")
    events = ActionBookTrip().run(dispatcher, tracker, {})
    assert texts(dispatcher) == ["Booked! Your number is 1."]
    assert events[0]["value"] == 1
    assert [str(booking) for booking in bookings_of("grace")] == [
        "#1: 3 nights in Lisbon"
    ]


def test_cancelling(dispatcher, track):
    number = save_booking("ada", "Oslo", 2)
    ActionCancelBooking().run(dispatcher, track(booking=number), {})
    assert texts(dispatcher) == ["Booking 1 is cancelled."]
    assert bookings_of("ada") == []


def test_nobody_cancels_what_another_has_booked(dispatcher, track):
    number = save_booking("grace", "Oslo", 2)
    ActionCancelBooking().run(dispatcher, track(booking=number), {})
    assert texts(dispatcher) == ["I know of no such booking."]
    assert len(bookings_of("grace")) == 1


def test_itinerary(dispatcher, track, tmp_path):
    save_booking("ada", "Oslo", 2)
    save_booking("ada", "Lisbon", 5)
    ActionItinerary().run(dispatcher, track(), {})
    itinerary = tmp_path / "itinerary-2.txt"
    assert dispatcher.messages[0]["attachment"] == str(itinerary)
    assert itinerary.read_text(encoding="utf-8") == (
        "#1: 2 nights in Oslo\n#2: 5 nights in Lisbon\n"
    )


def test_no_itinerary_without_bookings(dispatcher, track, tmp_path):
    ActionItinerary().run(dispatcher, track(), {})
    assert texts(dispatcher) == ["You have no bookings."]
    assert not list(tmp_path.glob("*.txt"))
