"""What is written out with aiohttp sends the same as requests, whatever an action may put into it."""

from __future__ import annotations

import asyncio
import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fixture_cases import migrate_tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording_server import RecordingServer, Reply

CALLS = """
import requests
from rasa_sdk import Action


def with_params(url, value, other):
    return requests.get(url, params={"first": value, "second": other}, timeout=5).status_code


def with_pairs(url, value, other):
    return requests.get(url, [("one", value), ("one", other)], timeout=5).status_code


def with_form(url, value, other):
    fields = {"first": value}
    fields["second"] = other
    return requests.post(url, data=fields, timeout=5).status_code


def with_text(url, value, other):
    return requests.post(url, data=f"{value}", headers={"X-Kind": "text"}, timeout=5).status_code


def with_json(url, value, other):
    return requests.post(url, json={"first": value, "more": [other]}, timeout=5).status_code


def with_headers(url, value, other):
    headers = {"X-First": value, "X-Second": other, "Accept-Language": "en"}
    return requests.get(url, headers=headers, timeout=5).status_code


def with_auth(url, value, other):
    return requests.get(url, auth=(value, other), headers={"X-Kind": "auth"}, timeout=5).status_code


class ActionAll(Action):
    def name(self):
        return "action_all"

    def run(self, dispatcher, tracker, domain):
        url, value = tracker.get_slot("url"), tracker.get_slot("value")
        with_params(url, value, value)
        with_pairs(url, value, value)
        with_form(url, value, value)
        with_text(url, value, value)
        with_json(url, value, value)
        with_headers(url, value, value)
        with_auth(url, value, value)
        return []
"""
TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=8)
NUMBERS = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
SLOT = st.one_of(st.none(), st.booleans(), NUMBERS, TEXT)
FIELD = st.one_of(SLOT, st.lists(SLOT, max_size=3), st.tuples(SLOT, SLOT))
DOCUMENT = st.recursive(SLOT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=5)
HEADER = st.none() | st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8)
LATIN = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=8)


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ModuleType, ModuleType]]:
    """The calls as they were, and migrated."""
    folder = tmp_path_factory.mktemp("properties")
    project = folder / "project"
    for name, text in {"__init__.py": "", "actions.py": CALLS}.items():
        (project / "actions").mkdir(parents=True, exist_ok=True)
        (project / "actions" / name).write_text(text, encoding="utf-8")
    shutil.copytree(project / "actions", folder / "plain_calls")
    assert not migrate_tree(project).errors
    shutil.copytree(project / "actions", folder / "aiohttp_calls")
    assert "requests" not in (folder / "aiohttp_calls/actions.py").read_text(encoding="utf-8")
    assert len(Path(folder / "aiohttp_calls/_http.py").read_text(encoding="utf-8").splitlines()) <= 40
    sys.path.insert(0, str(folder))
    yield tuple(importlib.import_module(f"{name}.actions") for name in ("plain_calls", "aiohttp_calls"))
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def backend() -> Iterator[RecordingServer]:
    with RecordingServer() as server:
        server.on("/it", Reply.text("ok"))
        yield server


@pytest.mark.parametrize(
    ("function", "values"),
    [
        ("with_params", FIELD),
        ("with_pairs", FIELD),
        ("with_form", FIELD),
        ("with_text", TEXT.filter(bool)),
        ("with_json", DOCUMENT),
        ("with_headers", HEADER),
        ("with_auth", LATIN),
    ],
)
def test_the_same_is_sent(
    sides: tuple[Any, Any], backend: RecordingServer, function: str, values: st.SearchStrategy[Any]
) -> None:
    plain, native = (getattr(side, function) for side in sides)

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(values, values)
    def check(value: Any, other: Any) -> None:
        url = f"{backend.url}/it"
        assert plain(url, value, other) == asyncio.run(native(url, value, other)) == 200
        was, now = backend.take()
        assert now.meaning == was.meaning

    check()
