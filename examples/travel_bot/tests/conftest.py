import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

WEATHER = {
    "Oslo": {"temperature": 4, "sky": "cloudy"},
    "Lisbon": {"temperature": 24, "sky": "clear"},
}


class WeatherService(BaseHTTPRequestHandler):
    """What the bot needs of the real service."""

    def do_GET(self):
        url = urlsplit(self.path)
        parts = unquote(url.path).strip("/").split("/")
        if parts[0] == "places":
            name = parse_qs(url.query)["name"][0].title()
            self.reply(200, {"places": [name] if name in WEATHER else []})
        elif parts[0] == "weather" and parts[1] in WEATHER:
            self.reply(200, WEATHER[parts[1]])
        else:
            self.reply(404, {"error": "no such place"})

    def reply(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def weather_service(monkeypatch):
    server = HTTPServer(("127.0.0.1", 0), WeatherService)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    monkeypatch.setenv("WEATHER_URL", f"http://127.0.0.1:{server.server_port}")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def settings(monkeypatch, tmp_path):
    monkeypatch.setenv("BOOKINGS_DB", str(tmp_path / "bookings.db"))
    monkeypatch.setenv("ITINERARIES", str(tmp_path))
    monkeypatch.setenv("HOTEL_DELAY", "0.01")


@pytest.fixture
def dispatcher():
    return CollectingDispatcher()


@pytest.fixture
def track():
    """Makes a tracker from the values of slots."""

    def make(**slots):
        events = [{"event": "slot", "name": k, "value": v} for k, v in slots.items()]
        return Tracker("ada", slots, {}, events, False, None, {}, "action_listen")

    return make
