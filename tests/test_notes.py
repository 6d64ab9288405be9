"""What `-v` tells of loops: where calls could be started together (RA107). For RA106 see test_own_entries.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fixture_cases import migrate_tree

from rasa_asyncify.cli import main
from rasa_asyncify.plan import Finding

ACTION = """
import os
import subprocess
import time

import requests
from bs4 import BeautifulSoup
from rasa_sdk import Action

API = os.environ["API_URL"]
SEEN = []


def temperature(city):
    return requests.get(f"{{API}}/weather", params={{"q": city}}, timeout=5).json()["temp"]


def order(dish):
    return requests.post(f"{{API}}/orders", json=dish, timeout=5).json()


class ActionIt(Action):
    def name(self):
        return "action_it"

    def run(self, dispatcher, tracker, domain):
        cities = tracker.get_slot("cities")
        found, total, last = [], 0, None
        {code}
        dispatcher.utter_message(text=f"{{found}} {{total}} {{last}}")
        return []
"""

# One call a turn, and what it gives is only kept.
TOGETHER = {
    "collected in a list": """
        for city in cities:
            found.append(temperature(city))
    """,
    "by way of a variable": """
        for city in cities:
            degrees = temperature(city)
            found.append(f"{city}: {degrees}")
    """,
    "kept in a dictionary": """
        found = {}
        for city in cities:
            found[city] = temperature(city)
    """,
    "under a condition": """
        for city in cities:
            if city != "Rome":
                found.append(temperature(city))
    """,
    "some are passed over": """
        for city in cities:
            if city == "Rome":
                continue
            found.append(temperature(city))
    """,
    "a list comprehension": """
        found = [temperature(city) for city in cities]
    """,
    "a dictionary comprehension": """
        found = {city: temperature(city) for city in cities}
    """,
    "requests itself": """
        for city in cities:
            answer = requests.get(f"{API}/weather", params={"q": city}, timeout=5)
            found.append(answer.json()["temp"])
    """,
    "what a thread does": """
        for city in cities:
            found.append(subprocess.check_output(["weather", city], text=True))
    """,
    "with a line in the log": """
        for city in cities:
            print(city)
            found.append(temperature(city))
    """,
    "the inner one of two loops": """
        for country in cities:
            found.append(country)
            for city in country:
                found.append(temperature(city))
    """,
}

# A turn needs an earlier one, or is seen by others before the next begins.
IN_TURN = {
    "a sum is carried on": """
        for city in cities:
            total += temperature(city)
    """,
    "what the turn before gave is sent": """
        for city in cities:
            last = temperature(f"{city} {last}")
    """,
    "what is collected is looked at": """
        for city in cities:
            if city not in found:
                found.append(temperature(city))
    """,
    "an item carries on": """
        counts = {"n": 0}
        for city in cities:
            counts["n"] = counts["n"] + temperature(city)
    """,
    "it breaks off": """
        for city in cities:
            found.append(temperature(city))
            if found:
                break
    """,
    "it returns": """
        for city in cities:
            if temperature(city) > 20:
                return []
    """,
    "an else": """
        for city in cities:
            found.append(temperature(city))
        else:
            total = 1
    """,
    "a failure is caught in each turn": """
        for city in cities:
            try:
                found.append(temperature(city))
            except requests.RequestException:
                pass
    """,
    "it utters": """
        for city in cities:
            dispatcher.utter_message(text=str(temperature(city)))
    """,
    "it writes a file": """
        for city in cities:
            with open("temperatures.txt", "a") as file:
                file.write(str(temperature(city)))
    """,
    "it posts": """
        for city in cities:
            found.append(order({"city": city}))
    """,
    "it sleeps in between": """
        for city in cities:
            found.append(temperature(city))
            time.sleep(1)
    """,
    "two calls in a turn": """
        for city in cities:
            found.append(temperature(city) - temperature("Oslo"))
    """,
    "it changes what the module keeps": """
        for city in cities:
            SEEN.append(temperature(city))
    """,
    "it changes the action": """
        for city in cities:
            self.last = temperature(city)
    """,
    "it computes, which threads don't share": """
        for city in cities:
            found.append(BeautifulSoup(city, "html.parser"))
    """,
    "nothing waits in it": """
        for city in cities:
            found.append(city)
    """,
    "a while loop": """
        while len(found) < 3:
            found.append(temperature("Oslo"))
    """,
}


def notes(project: Any, code: str) -> list[tuple[Finding, str]]:
    """What is told of the loops in an action's code, with the line that it is told of."""
    lines = [line.removeprefix("    ") if line.strip() else line for line in code.strip("\n").splitlines()]
    indented = "\n".join("    " + line for line in lines).strip()
    text = ACTION.format(code=indented)
    folder: Path = project({"actions.py": text})
    result = migrate_tree(folder)
    assert not result.errors
    assert not migrate_tree(folder).plan.notes
    lines = text.removeprefix("\n").splitlines()
    return [(note, lines[note.line - 1]) for note in result.plan.notes if note.rule == "RA107"]


@pytest.mark.slow
@pytest.mark.parametrize("code", TOGETHER.values(), ids=TOGETHER)
def test_calls_that_need_nothing_of_each_other(project: Any, code: str) -> None:
    ((note, line),) = notes(project, code)
    assert "() is called for one item after the other, and no call needs another's result" in note.message
    assert "`asyncio.gather`" in note.message
    assert "for city in" in line
    assert not note.blocks


@pytest.mark.slow
@pytest.mark.parametrize("code", IN_TURN.values(), ids=IN_TURN)
def test_calls_that_have_to_wait_for_their_turn(project: Any, code: str) -> None:
    assert notes(project, code) == []


def test_they_are_migrated_one_after_the_other(project: Any) -> None:
    """As they were; and the note comes with `-v` alone, with its place and no exit code."""
    text = ACTION.format(code="found = [temperature(city) for city in cities]").removeprefix("\n")
    line = 1 + next(n for n, each in enumerate(text.splitlines()) if "for city in cities" in each)
    folder: Path = project({"actions.py": text})
    quiet = CliRunner().invoke(main, ["--diff", str(folder)])
    loud = CliRunner().invoke(main, ["--diff", "-v", str(folder)])
    assert "+        found = [await temperature(city) for city in cities]" in quiet.output
    assert "gather" not in quiet.output
    assert f"actions.py:{line}: RA107 temperature() is called for one item after the other" in loud.output
    assert quiet.exit_code == loud.exit_code == 0
