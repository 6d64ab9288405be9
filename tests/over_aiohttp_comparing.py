"""The server that `over_aiohttp` is tried on, and how its runs are compared with those of requests itself.

Works on Python 3.9 as well, with requests, aiohttp and pytest alone. (Imported before it is a plugin, so:
PYTEST_DONT_REWRITE.)
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import gzip
import importlib.util
import itertools
import pickle
import socket
import threading
from unittest import mock

import pytest
import requests
from recording_server import RecordingServer, Reply

from rasa_asyncify.emitted import over_aiohttp as per_call

VERBS = ("get", "post", "put", "patch", "delete", "head", "options")
COOKIES = (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2; Path=/echo"), ("Set-Cookie", "gone=1; Max-Age=0"))
ROUTES = {
    "/json": [Reply.json({"city": "Oslo", "temp": 4})],
    "/echo": [Reply.json("here")],
    "/lines": [Reply.text("one\ntwo\r\n\nthree")],
    "/latin": [Reply.text("<p>Tromsø</p>".encode("latin-1"), "text/html")],
    "/utf16": [Reply.text('{"a": "ø"}'.encode("utf-16"), "application/json")],
    "/no-type": [Reply(200, b"\xff\x00\x01")],
    "/empty": [Reply.EMPTY],
    "/no-content": [Reply(204)],
    "/not-modified": [Reply(304, headers=(("ETag", '"x"'),))],
    "/gzip": [
        Reply(200, gzip.compress(b"hello"), (("Content-Encoding", "gzip"), ("X-A", "1"), ("X-A", "2")))
    ],
    "/not-gzip": [Reply(200, b"hello", (("Content-Encoding", "gzip"),))],
    "/chunks": [Reply(200, b"0123456789", chunked=True)],
    "/large": [Reply(200, b"x" * 300_000)],
    "/links": [Reply(200, b"", (("Link", '</p2>; rel="next"'), ("Content-Language", "nb")))],
    "/cookies": [Reply(200, b"", COOKIES)],
    "/cookies-on-the-way": [Reply(302, b"moved", (("Location", "/echo"), *COOKIES))],
    "/404": [Reply.json({"error": "no such city"}, status=404)],
    "/500": [Reply(500, b"oops")],
    "/closed": [Reply.CLOSED],
    "/truncated": [Reply.truncated(b"half")],
    "/chunks-truncated": [Reply(200, b"0123456789", chunked=True, missing=1)],
    "/slow": [Reply.json(1).after(3)],
    "/slow-body": [Reply(200, b"0123456789", pause_in_body=3)],
    "/bad-json": [Reply.BAD_JSON],
    "/flaky": [Reply(503), Reply(503), Reply.json("at last")],
    "/loop": [Reply.redirect("/loop")],
    "/twice": [Reply.redirect("/once", 301)],
    "/once": [Reply.redirect("echo?q=%2F+#end", 307)],
    "/nowhere": [Reply(302, b"no Location")],
    "/to-ftp": [Reply.redirect("ftp://example.org/")],
    "/to-no-host": [Reply.redirect("http://")],
    "/to-utf8": [Reply.redirect("/echo?city=Troms\xc3\xb8")],  # UTF-8, as Latin-1
    "/digest": [Reply(401, b"", (("WWW-Authenticate", 'Digest realm="r", nonce="n"'),)), Reply.json("known")],
    **{f"/{status}": [Reply.redirect("/echo", status)] for status in (300, 301, 302, 303, 307, 308)},
}


@pytest.fixture(scope="module")
def helper_server():
    with RecordingServer() as server:
        yield server


@pytest.fixture(scope="module")
def shared_helper(tmp_path_factory):
    """The helper as a project with `http-session = "shared"` gets it."""
    pytest.importorskip("libcst")
    from rasa_asyncify.rewrite.helpers import module_text

    path = tmp_path_factory.mktemp("shared") / "shared_http_calls.py"
    path.write_text(module_text(["over_aiohttp_shared"]), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=["per-call", "shared"])
def both(request, helper_server, monkeypatch, tmp_path):
    """Calls requests, and `over_aiohttp`, without this machine's proxies and passwords."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    helper = per_call if request.param == "per-call" else request.getfixturevalue("shared_helper")
    monkeypatch.setattr(helper, "_no_netrc_until", 0.0)  # what another test found
    helper_server.forget()
    return Both(helper_server, helper)


# --- comparing ---------------------------------------------------------------------------------


def known_difference(request, reason):
    request.applymarker(pytest.mark.xfail(reason=reason, strict=True))


def session(mounted=None, **attributes):
    """A session with an adapter for plain HTTP, or with other attributes."""
    made = requests.Session()
    if mounted is not None:
        made.mount("http://", mounted)
    vars(made).update(attributes)
    return made


class Both:
    """`server` plays ROUTES, `helper` is the module with `over_aiohttp`.

    A case is a function of the call (`do(requests.get, url)`) and of the server's address.
    """

    def __init__(self, server, helper):
        self.server = server
        self.helper = helper
        self.shared = helper is not per_call
        self.script()

    def script(self):
        """Have every route start with its first reply."""
        for path, replies in ROUTES.items():
            self.server.on(path, *replies)

    def check(self, case):
        """Compare both ways to run a case. Returns its outcome, and the requests it made."""
        plain, helped = self._run(directly, case), self._run(self.helper.over_aiohttp, case)
        assert not unlike(plain, helped), unlike(plain, helped)
        return helped

    def threads(self, case):
        """The same, but returns who connects when the case runs through `over_aiohttp`: "loop", "thread" or both."""
        self.check(case)
        with connecting_threads() as threads:
            self._run(self.helper.over_aiohttp, case)
        return set(threads)

    def _run(self, call, case):
        self.script()
        with mock.patch("urllib3.filepost.choose_boundary", return_value="boundary"):
            found = asyncio.run(outcome(case(call, self.server.url)))
        return found, [(r.method, r.target, sorted(r.headers), r.body) for r in self.server.take()]


async def directly(call, /, *args, **kwargs):
    return call(*args, **kwargs)


def seen(response):
    """What a program can see of a response."""
    assert isinstance(response.elapsed, datetime.timedelta)
    return {
        "timed": response.elapsed > datetime.timedelta(0),
        **{name: getattr(response, name) for name in PLAIN},
        "headers": headers(response),
        "cookies": jar(response.cookies),
        "history": [(h.status_code, h.url, h.content, headers(h), jar(h.cookies)) for h in response.history],
        "next": response.next and request_of(response.next),
        "request": request_of(response.request),
        "json": result_of(response.json),
        "lines": list(response.iter_lines()),
        "pieces": list(itertools.islice(response.iter_content(4, decode_unicode=True), 10)),
        "raise_for_status": result_of(response.raise_for_status),
        "raw": (response.raw.status, response.raw.reason, response.raw.read(), response.raw.closed),
        "pickled": result_of(lambda: pickle.loads(pickle.dumps(response)).content),
    }


PLAIN = (
    "status_code reason text content encoding apparent_encoding url ok links is_redirect is_permanent_redirect"
).split()


def headers(response):
    return [(name, value) for name, value in response.headers.items() if name != "Date"]


def jar(cookies):
    return sorted((c.name, c.value, c.domain, c.path, c.expires) for c in cookies)


def request_of(request):
    body = request.body
    what = body if isinstance(body, (str, bytes, type(None))) else type(body)
    return request.method, request.url, sorted(request.headers.items()), what


def result_of(call):
    try:
        return call()
    except Exception as error:
        return type(error)


async def outcome(awaitable):
    """What is seen of the response, or of the exception that came in its place."""
    try:
        found = await awaitable
    except Exception as error:
        response = getattr(error, "response", None)
        answered = {} if response is None else seen(response)
        answered.pop("next", None)  # of the 31st redirect: nobody asks
        return {"error": type(error), **answered}
    return seen(found) if isinstance(found, requests.Response) else {"found": found}


def unlike(plain, helped):
    """What isn't the same, in few words."""
    (was, before), (now, after) = plain, helped
    found = {
        name: (was.get(name), now.get(name)) for name in {**now, **was} if was.get(name) != now.get(name)
    }
    if before != after:
        found["sent"] = before, after
    return {name: repr(pair)[:1500] for name, pair in found.items()}


@contextlib.contextmanager
def connecting_threads():
    """Note for each connection the thread that makes it."""
    threads = []
    connect = socket.socket.connect

    def noted(self, address):
        threads.append("loop" if threading.current_thread() is threading.main_thread() else "thread")
        connect(self, address)

    with mock.patch.object(socket.socket, "connect", noted):
        yield threads
