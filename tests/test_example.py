"""The bundled example, migrated as its README says: its tests, the server, the event loop."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from execution import Outcome, blocking_calls, migrate, pickled
from fixture_cases import quiet_logs
from interpreters import INTERPRETERS
from recording_server import RecordingServer, Reply

from benchmarks.action_server import ActionServer

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "travel_bot"
DOMAIN = {
    "slots": {"destination": {"mappings": []}, "nights": {"mappings": []}},
    "forms": {"trip_form": {"required_slots": ["destination", "nights"]}},
}
# Every action, in an order in which each finds what it needs.
CALLS = [
    ("action_weather", {"destination": "Oslo"}),
    ("action_weather", {"destination": "Atlantis"}),
    ("action_price", {"nights": "2", "currency": "EUR"}),
    ("action_price", {"nights": "2", "currency": "USD"}),
    ("action_price", {"nights": "2", "currency": "XXX"}),
    ("action_itinerary", {"traveller": "ada"}),
    ("action_book_trip", {"traveller": "ada", "destination": "Oslo", "nights": "3"}),
    ("action_itinerary", {"traveller": "ada"}),
    ("action_cancel_booking", {"traveller": "grace", "booking": 1}),
    ("action_cancel_booking", {"traveller": "ada", "booking": 1}),
    ("validate_trip_form", {"destination": "oslo", "nights": "40"}),
    ("validate_trip_form", {"destination": "atlantis", "nights": "4"}),
]


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_to(tmp_path_factory.mktemp("before"))


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy_to(tmp_path_factory.mktemp("after"))
    done = migrate(folder, ".")
    assert done.returncode == 0, done.stderr
    return folder


def copy_to(parent: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache")
    return Path(shutil.copytree(EXAMPLE, parent / "travel_bot", ignore=ignored))


@pytest.fixture
def services() -> Iterator[RecordingServer]:
    """The weather service and the exchange-rate service, at one address."""
    routes = {
        "/weather/Oslo": Reply.json({"temperature": 4, "sky": "cloudy"}),
        "/rates/EUR/USD": Reply.json({"rate": 1.5}),
        "/rates/EUR/XXX": Reply.json({"error": "no such currency"}, status=404),
    }
    with RecordingServer(routes) as server:
        server.on("/places", Reply.json({"places": ["Oslo"]}), Reply.json({"places": ["Oslo"]}))
        yield server


def settings(folder: Path, services: RecordingServer) -> dict[str, str]:
    return {
        "WEATHER_URL": services.url,
        "EXCHANGE_URL": services.url,
        "BOOKINGS_DB": str(folder / "bookings.db"),
        "ITINERARIES": "itineraries",
        "HOTEL_DELAY": "0.05",
    }


def project_in(folder: Path, tmp_path: Path) -> Path:
    """A copy that runs may leave files in."""
    copy = Path(shutil.copytree(folder, tmp_path / folder.parent.name))
    (copy / "itineraries").mkdir()
    return copy


@pytest.mark.slow
@pytest.mark.parametrize("python", INTERPRETERS)
def test_own_tests_pass_before_and_after(before: Path, after: Path, python: str) -> None:
    if "pytest" not in run_python(python, before, "-c", HAS_PYTEST).stdout:
        pytest.skip(f"{python} has no pytest")
    was = run_python(python, before, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    now = run_python(python, after, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert was.returncode == 0, was.stdout
    assert now.returncode == 0, now.stdout
    passed = [done.stdout.strip().splitlines()[-1].split(" in ")[0] for done in (was, now)]
    assert passed[0] == passed[1]


HAS_PYTEST = "import importlib.util as u; print('pytest' if u.find_spec('pytest') else '')"


def run_python(python: str, folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}
    return subprocess.run(
        [python, *args],
        cwd=folder,
        env={**env, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_every_action_is_async_and_nothing_remains(after: Path) -> None:
    again = migrate(after, "--check", ".")
    assert again.returncode == 0, again.stderr
    sources = "".join(path.read_text(encoding="utf-8") for path in after.glob("actions/*.py"))
    assert "    def run(" not in sources


@pytest.mark.slow
def test_behaviour_is_the_same_and_the_loop_is_free(
    before: Path, after: Path, services: RecordingServer, tmp_path: Path
) -> None:
    outcomes: list[list[Outcome]] = []
    held = []
    for folder in (project_in(before, tmp_path), project_in(after, tmp_path)):
        with quiet_logs():
            reports = [
                blocking_calls(
                    folder,
                    action,
                    slots=slots,
                    domain=DOMAIN if action.startswith("validate_") else None,
                    server=services,
                    env=settings(folder, services),
                )
                for action, slots in CALLS
            ]
        outcomes.append([report.outcome for report in reports])
        held.append([call for report in reports for call in report.calls])
    for (action, slots), was, now in zip(CALLS, *outcomes, strict=True):
        assert now.behaviour == was.behaviour, (action, slots)
        assert was.error is None, (action, was.error)
    assert held[0]
    assert held[1] == []


def test_action_instances_can_be_pickled(after: Path, tmp_path: Path) -> None:
    assert pickled(project_in(after, tmp_path))


@pytest.mark.parametrize("python", INTERPRETERS)
def test_it_starts_on_the_real_server(
    after: Path, services: RecordingServer, tmp_path: Path, python: str
) -> None:
    folder = project_in(after, tmp_path)
    with ActionServer(folder, python=python, env=settings(folder, services)) as server:
        weather = server.call("action_weather", slots={"destination": "Oslo"})
        assert weather.texts == ["It is 4°C and cloudy in Oslo."]
        price = server.call("action_price", slots={"nights": "2", "currency": "USD"})
        assert price.texts == ["That is 240.00 USD."]
        slots = {"traveller": "ada", "destination": "Oslo", "nights": "3"}
        assert server.call("action_book_trip", slots=slots).texts == ["Booked! Your number is 1."]
        assert server.call("action_itinerary", slots=slots).status == 200
        cancelled = server.call("action_cancel_booking", slots={**slots, "booking": 1})
        assert cancelled.texts == ["Booking 1 is cancelled."]
        form = server.call("validate_trip_form", slots={"destination": "oslo", "nights": "3"}, domain=DOMAIN)
        values = {event["name"]: event["value"] for event in form.body["events"]}
        assert values == {"destination": "Oslo", "nights": 3}
        assert "never awaited" not in server.log


@pytest.mark.slow
@pytest.mark.parametrize("python", INTERPRETERS)
@pytest.mark.parametrize(
    ("action", "slots"),
    [
        ("action_weather", {"destination": "Oslo"}),
        ("action_price", {"nights": "2", "currency": "USD"}),
        ("action_book_trip", {"traveller": "ada", "destination": "Oslo", "nights": "3"}),
    ],
)
def test_calls_do_not_wait_for_each_other(
    after: Path,
    services: RecordingServer,
    tmp_path: Path,
    python: str,
    action: str,
    slots: dict[str, str],
) -> None:
    """Eight calls of half a second each would take four seconds, one after the other."""
    services.on("/weather/Oslo", Reply.json({"temperature": 4, "sky": "cloudy"}).after(0.5))
    services.on("/rates/EUR/USD", Reply.json({"rate": 1.5}).after(0.5))
    folder = project_in(after, tmp_path)
    env = {**settings(folder, services), "HOTEL_DELAY": "0.5"}
    with ActionServer(folder, python=python, env=env) as server:
        server.call(action, slots=slots)
        seconds, answers = server.call_together(action, 8, slots=slots)
    assert [answer.status for answer in answers] == [200] * 8
    assert 0.5 <= seconds < 2.5
