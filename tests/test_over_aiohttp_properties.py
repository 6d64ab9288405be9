"""Whatever `params`, `data` and `headers` are: what arrives means the same, or the same exception is raised.

Values are generated, with a fixed seed: dicts and lists of pairs, text with surrogates and control characters,
bytes, numbers, Decimal, dates, nested lists, None. First for `over_aiohttp`, which takes them at run time; then for
source text, in which the tool sees literals and may choose aiohttp's own arguments.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests
from execution import action_call, loaded
from fixture_cases import migrate_tree, quiet_logs
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from recording_server import RecordedRequest, RecordingServer, Reply

from rasa_asyncify.edits import AiohttpCall, Edit, InlineRequest
from rasa_asyncify.emitted.over_aiohttp import over_aiohttp

pytestmark = pytest.mark.slow

# What a library says of itself and of the connection, unless the caller says it.
OWN_HEADERS = ("python-requests/", "python-urllib3/", "Python/", "keep-alive", "gzip, deflate")
stable = settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck), max_examples=150
)


@pytest.fixture(scope="module")
def backend() -> Iterator[RecordingServer]:
    with RecordingServer({"/": Reply.json({"ok": True})}) as server:
        yield server


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """One event loop for all calls."""
    loop = asyncio.new_event_loop()
    yield loop.run_until_complete
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def meaning(request: RecordedRequest) -> tuple[Any, ...]:
    """A request as the server's program understands it."""
    headers = sorted(pair for pair in request.headers if not pair[1].startswith(OWN_HEADERS))
    return request.method, request.segments, request.query, headers, request.body


# --- values at run time --------------------------------------------------------------------------

anything = (
    st.text(max_size=8)
    | st.text(st.characters(categories=["Cs", "Cc", "L", "P"]), max_size=4)
    | st.sampled_from(["a b+c", "a&b=c", "%2F", "\n"])
)
numbers = st.integers() | st.floats() | st.decimals() | st.booleans()
dates = st.dates() | st.datetimes()
scalars = st.none() | anything | st.binary(max_size=6) | numbers | dates
values = scalars | st.lists(scalars, max_size=3) | st.lists(st.lists(scalars, max_size=2), max_size=2)
keys = anything | st.integers() | st.binary(max_size=4) | st.none()
pairs = st.lists(st.tuples(keys, values), max_size=3)
params = st.dictionaries(keys, values, max_size=4) | pairs | anything | st.binary(max_size=8) | scalars
bodies = params | st.lists(scalars, max_size=3)
header_names = st.from_regex(r"X-[A-Za-z0-9!#$%&'*+.^_`|~-]{1,6}", fullmatch=True) | st.sampled_from(
    "Accept accept Authorization Content-Type Cookie Host User-Agent Connection Accept-Encoding Expect Range X: "
    "Tromsø".split(" ")
)
header_values = st.text(st.characters(codec="ascii"), max_size=8) | anything | st.binary(max_size=6) | scalars
headers = st.dictionaries(header_names | st.just(b"X-Bytes"), header_values, max_size=4)


def known_difference(sent: list[tuple[Any, ...]]) -> bool:
    """What urllib3 does last of all: it escapes `%`, `[` and `]` in a query, where requests leaves them, and adds
    headers that were asked to be left out. Control characters in headers, which aiohttp refuses, are no more likely.
    """
    return any(
        re.search(r"%5B|%5D|%25(?![0-9A-Fa-f]{2})", target.partition("?")[2])
        or not {("accept-encoding", "identity")}.isdisjoint(headers)
        or any(re.search(r"^python-urllib3/|[\x00-\x08\x0b-\x1f\x7f]", value) for _, value in headers)
        for _, target, headers, _ in sent
    )


def same(backend: RecordingServer, run: Any, call: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Compare what is sent, byte by byte, and what comes of it."""
    outcomes = []
    for helped in (False, True):
        try:
            answer = run(over_aiohttp(call, *args, **kwargs)) if helped else call(*args, **kwargs)
            found: Any = answer.status_code, answer.url
        except Exception as error:
            found = type(error)
        sent = [(r.method, r.target, sorted(r.headers), r.body) for r in backend.take()]
        outcomes.append((found, sent))
    assume(not known_difference(outcomes[0][1]))
    assert outcomes[0] == outcomes[1]


@stable
@given(params)
def test_params(backend: RecordingServer, run: Any, params: Any) -> None:
    same(backend, run, requests.get, backend.url, params=params, timeout=5)


@stable
@given(bodies, st.sampled_from([requests.post, requests.put, requests.delete, requests.get]))
def test_data(backend: RecordingServer, run: Any, data: Any, call: Callable[..., Any]) -> None:
    same(backend, run, call, backend.url, data=data, timeout=5)


@stable
@given(headers, st.sampled_from([requests.get, requests.post]))
def test_headers(backend: RecordingServer, run: Any, headers: Any, call: Callable[..., Any]) -> None:
    same(backend, run, call, backend.url, headers=headers, timeout=5)


@stable
@given(st.text(max_size=12) | st.from_regex(r"[/.%2Ff?#;\\ @:&=+\[\]a]{1,12}", fullmatch=True))
def test_paths(backend: RecordingServer, run: Any, path: str) -> None:
    same(backend, run, requests.get, f"{backend.url}/{path}", timeout=5)


@stable
@given(
    st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=2)
    )
)
def test_json(backend: RecordingServer, run: Any, value: Any) -> None:
    same(backend, run, requests.post, backend.url, json=value, timeout=5)


# --- literals in source text -----------------------------------------------------------------------

SLOTS = {
    "city": "Tromsø & Åre",
    "empty": None,
    "blank": "",
    "nights": 3,
    "price": 1.5,
    "sure": True,
    "list": ["a", 1],
}
slot = st.sampled_from(list(SLOTS)).map(lambda name: f"tracker.get_slot({name!r})")
plain_text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=5)
texts = plain_text.map(repr) | st.sampled_from(["'a b+c'", "'a&b'", "'51.5,-0.1'", "'a@b.no'", "'%2F'", "''"])
f_strings = st.builds(
    "f'{}{{{}}}'".format, st.sampled_from(["", "x-", "{{}} "]), slot.map(lambda s: s.replace("'", '"'))
)
small = st.integers(-9, 10**20).map(repr) | st.floats(allow_nan=False, allow_infinity=False).map(repr)
leaves = texts | f_strings | small | st.sampled_from(["None", "True", "False", "b'bytes'"])
items = leaves | slot | st.lists(leaves, max_size=2).map(lambda some: f"[{', '.join(some)}]")


def display(keys: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """The source of a dict, its keys in source text as well."""
    some = st.lists(st.tuples(keys, values), max_size=3, unique_by=lambda pair: pair[0])
    return some.map(lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}")


names = st.sampled_from(["'q'", "'lang'", "'a b'", "'ø'", "1"])
of_pairs = st.lists(st.tuples(names, items), max_size=3).map(
    lambda pairs: "[" + ", ".join(f"({key}, {value})" for key, value in pairs) + "]"
)
json_leaves = texts | f_strings | small | st.sampled_from(["None", "True", "False"]) | slot
arguments = st.fixed_dictionaries(
    {},
    optional={
        "params": display(names, items) | of_pairs | texts | slot,
        "data": display(names, items) | of_pairs | texts | leaves | slot,
        "json": display(names, json_leaves | json_leaves.map("[{}]".format)) | json_leaves,
        "headers": display(
            st.sampled_from(["'X-Key'", "'Accept'", "'Content-Type'", "'User-Agent'", "'x-key'"]),
            texts | f_strings | st.sampled_from(["None", "'a/b'", "b'bytes'", "'Bearer 1'"]),
        ),
        "auth": st.just("('ada', 'password')"),
        "cookies": st.just("{'c': '1'}"),
    },
)
ACTION = """
class Action{n}(Action):
    def name(self):
        return "action_{n}"

    def run(self, dispatcher, tracker, domain):
        city = tracker.get_slot("city")
        try:
            response = {call}
        except requests.RequestException:
            dispatcher.utter_message(text="no answer")
        else:
            dispatcher.utter_message(text=str(response.status_code))
        return []
"""
HEAD = "import requests\nfrom rasa_sdk import Action\n\n"


@st.composite
def calls(draw: Any) -> str:
    """One call, without the class around it."""
    given = draw(arguments)
    if given.keys() >= {"data", "json"}:
        del given["json"]
    verb = draw(st.sampled_from(["get", "post", "put", "patch", "delete"]))
    url = draw(
        st.sampled_from(["'API/'", "'API/?q=1'", "'API/?a=%2F&b=c+d'", "'API/a b'", "f'API/?q={city}'"])
    )
    more = "".join(f", {name}={value}" for name, value in given.items())
    return f"requests.{verb}({url}{more}, timeout=5)"


def run_all(project: Path, count: int, backend: RecordingServer) -> list[tuple[Any, ...]]:
    """What each action's run said and sent."""
    found = []
    with quiet_logs(), loaded(project) as executor:

        async def one(number: int) -> Any:
            try:
                answer = await executor.run(action_call(f"action_{number}", slots=SLOTS))
            except Exception as error:
                return "failed", isinstance(error, requests.RequestException)
            return answer.model_dump()["responses"][0]["text"]

        async def each() -> None:
            for number in range(count):
                said = await one(number)
                found.append((said, [meaning(request) for request in backend.take()]))

        asyncio.run(each())
    return found


def compare(folder: Path, some: Sequence[str], backend: RecordingServer) -> Counter[type[Edit]]:
    """Run the calls before and after their migration. Returns which forms they took."""
    for copy in ("before", "after"):
        (folder / copy / "actions").mkdir(parents=True)
        (folder / copy / "actions" / "__init__.py").touch()
        text = HEAD + "\n".join(ACTION.format(n=n, call=call) for n, call in enumerate(some))
        text = text.replace("API", backend.url)
        (folder / copy / "actions" / "actions.py").write_text(text, encoding="utf-8")
    result = migrate_tree(folder / "after")
    assert not result.errors
    before, after = (run_all(folder / copy, len(some), backend) for copy in ("before", "after"))
    for call, was, now in zip(some, before, after, strict=True):
        assert now == was, call
    return Counter(type(edit) for plan in result.plan.modules.values() for edit in plan.edits)


def test_literals(backend: RecordingServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    """25 calls a project, of which a good part must take either form for this to say anything."""
    forms: Counter[type[Edit]] = Counter()

    @settings(stable, max_examples=6)
    @given(st.lists(calls(), min_size=25, max_size=25))
    def check(some: list[str]) -> None:
        forms.update(compare(tmp_path_factory.mktemp("project"), some, backend))

    check()
    assert forms[InlineRequest] > 20
    assert forms[AiohttpCall] > 20
