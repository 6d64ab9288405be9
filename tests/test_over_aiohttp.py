"""`await over_aiohttp(requests.get, url, ...)` does what `requests.get(url, ...)` does.

Both are called with the same arguments, against a server that keeps what it is sent: the response as a program
sees it, the exception's class and the requests as they arrive, down to their headers, must be the same. Each case
runs in both modes, with a client session a call and with one that all calls share.
"""

from __future__ import annotations

import functools
import io
import socket
from unittest import mock

import pytest
import requests
from over_aiohttp_comparing import ROUTES, VERBS, known_difference, session
from recording_server import Reply
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.util import Retry

pytest_plugins = ["over_aiohttp_comparing"]


# --- responses ---------------------------------------------------------------------------------

ANSWERS = [path for path in ROUTES if not path.startswith(("/slow", "/flaky", "/digest"))]


@pytest.mark.parametrize("path", [*ANSWERS, "/no-such-path"])
def test_same_answer(both, path):
    """Also of failures: a server that hangs up, a body that ends early, 31 redirects."""
    assert both.threads(lambda do, url: do(requests.get, url + path)) == {"loop"}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_same_redirects(both, verb, status, request):
    """The method may become GET, and the body go with it."""
    if (verb, status) == ("delete", 301):
        known_difference(request, "aiohttp says of a DELETE without a body that it has 0 bytes")
    both.check(lambda do, url: do(getattr(requests, verb), f"{url}/{status}", data={"a": "1"}))


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("path", ["/302", "/json", "/loop"])
def test_redirects_left_alone_or_wanted(both, verb, path):
    for follow in (True, False):
        call = getattr(requests, verb)
        both.check(lambda do, url, c=call, f=follow: do(c, url + path, allow_redirects=f))


ARGUMENTS = [
    {"params": {"q": None, "many": ["a", 1], "b": True}, "headers": {"X-Key": b"1", "Accept": None}},
    {"json": {"nights": 3}, "cookies": {"c": "1"}},
    {"files": {"photo": ("a.txt", b"abc", "text/plain", {"X-Part": "1"})}, "data": {"a": "ø"}},
    {"files": [("f", ("ø.txt", "abc"))]},
    {"data": "Tromsø", "headers": {"Content-Type": "text/plain"}},
    {"auth": ("ada", "pässword")},
    {"auth": requests.auth.HTTPProxyAuth("ada", "password")},
    {
        "headers": {
            "User-Agent": "bot/1",
            "Accept-Encoding": "identity",
            "Connection": "close",
            "Host": "a.test",
        }
    },
    {"headers": {"Expect": "100-continue"}, "data": b"abc"},
    {"timeout": (3, None)},
    {"timeout": requests.adapters.TimeoutSauce(connect=3, read=3)},
    {"timeout": 0},
    {"timeout": "5"},
    {"timeout": (1, 2, 3)},
    {"proxies": {"http": "http://127.0.0.1:9"}},
    {"no_such_argument": 1},
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=[",".join(a) + f"-{n}" for n, a in enumerate(ARGUMENTS)])
@pytest.mark.parametrize("verb", ["get", "post"])
def test_same_arguments(both, verb, arguments):
    both.check(lambda do, url: do(getattr(requests, verb), f"{url}/echo", **arguments))


@pytest.mark.parametrize(
    ("path", "timeout", "error"),
    [
        ("/slow", 0.2, requests.ReadTimeout),
        ("/slow", (5, 0.2), requests.ReadTimeout),
        ("/slow-body", 0.2, requests.ConnectionError),
    ],
)
def test_same_time_outs(both, path, timeout, error):
    outcome, _ = both.check(lambda do, url: do(requests.get, url + path, timeout=timeout))
    assert outcome["error"] is error


@pytest.mark.parametrize(
    "url",
    ["nope", "ftp://x/", "http://", "http://*x/", "http://x:99999/", "http://nope.invalid/", "//x", "", None],
)
def test_same_refusal_of_urls(both, url):
    with mock.patch.object(socket, "getaddrinfo", side_effect=socket.gaierror(-2, "unknown")):
        both.check(lambda do, _: do(requests.get, url))


@pytest.mark.parametrize(
    "rest",
    [
        "//json",
        "/a/../json",
        "/a b/ø?x=%2F&y=a+b&z=ø#f",
        "/json?",
        "/json?a=b?c",
        "/%zz",
        "/a%2fb\\c;d",
        "?q",
    ],
)
def test_same_urls(both, rest):
    both.check(lambda do, url: do(requests.get, url + rest))
    both.check(lambda do, url: do(requests.get, url.replace("//", "//user:p%40ss@") + rest))


def test_same_with_a_proxy(both, monkeypatch):
    """Given in the call or by the environment; credentials in its address go to it alone."""
    both.server.on("/x", Reply.ECHO)
    with_password = both.server.url.replace("//", "//user:word@")
    proxies = {"http": with_password}
    both.check(lambda do, url: do(requests.get, "http://api.test/x?q=1", proxies=proxies))
    monkeypatch.setenv("http_proxy", both.server.url)
    _, sent = both.check(lambda do, url: do(requests.get, "http://api.test/x"))
    assert sent[0][1] == "http://api.test/x"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    _, sent = both.check(lambda do, url: do(requests.get, f"{url}/json"))
    assert sent[0][1] == "/json"


# --- what requests does itself, in a thread ------------------------------------------------------


class ApiSession(requests.Session):
    """A client of one's own: who knows what it overrides."""

    def request(self, method, url, **kwargs):
        return super().request(method, url.replace("/api", "/echo"), headers={"X-Key": "7"}, **kwargs)


class ApiKey(requests.auth.AuthBase):
    """Only sets a header, which shows when the request is prepared."""

    def __call__(self, request):
        request.headers["X-Key"] = "7"
        return request


class NotSent(HTTPAdapter):
    """Answers by itself, as the stand-ins of tests do."""

    def send(self, request, **settings):
        response = requests.Response()
        response.status_code, response.url, response.request = 418, request.url, request
        response.raw, response.elapsed = HTTPResponse(b"tea", status=418), ELAPSED
        return response


ELAPSED = type(requests.Response().elapsed)(seconds=1)


def shouting(response, *args, **kwargs):
    response.reason = response.reason.upper()


RETRIES = Retry(total=3, status_forcelist=[503], backoff_factor=0)
IN_A_THREAD = {
    "hooks": lambda do, url: do(requests.get, f"{url}/json", hooks={"response": shouting}),
    "hooks of the session": lambda do, url: do(session(hooks={"response": [shouting]}).get, f"{url}/302"),
    "stream": lambda do, url: do(requests.get, f"{url}/lines", stream=True),
    "stream of the session": lambda do, url: do(session(stream=True).get, f"{url}/lines"),
    "retries": lambda do, url: do(session(HTTPAdapter(max_retries=RETRIES)).get, f"{url}/flaky"),
    "retries, in vain": lambda do, url: do(session(HTTPAdapter(max_retries=2)).get, f"{url}/closed"),
    "session of a class of one's own": lambda do, url: do(ApiSession().get, f"{url}/api"),
    "generator": lambda do, url: do(requests.post, f"{url}/echo", data=(part for part in (b"a", b"b"))),
    "generator, redirected": lambda do, url: do(requests.post, f"{url}/307", data=iter([b"a"])),
    "file": lambda do, url: do(requests.post, f"{url}/echo", data=io.BytesIO(b"abc")),
    "header in Latin-1": lambda do, url: do(requests.get, f"{url}/echo", headers={"X-City": "Tromsø"}),
    "digest": lambda do, url: do(requests.get, f"{url}/digest", auth=requests.auth.HTTPDigestAuth("a", "b")),
    "auth of a class of one's own": lambda do, url: do(requests.get, f"{url}/302", auth=ApiKey()),
    "partial": lambda do, url: do(functools.partial(requests.get, timeout=5), f"{url}/json"),
    "another function": lambda do, url: do(lambda path: requests.get(url + path), "/json"),
}


@pytest.mark.parametrize("case", IN_A_THREAD.values(), ids=IN_A_THREAD)
def test_requests_itself_in_a_thread(both, case):
    with mock.patch("requests.auth.os.urandom", bytes), mock.patch("requests.auth.time.ctime", str):
        assert both.threads(case) == {"thread"}


WITHOUT_CONNECTION = {
    "adapter that answers": lambda do, url: do(session(NotSent()).get, f"{url}/json"),
    "proxy that needs PySocks": lambda do, url: do(
        requests.get, url, proxies={"http": "socks5://127.0.0.1:9"}
    ),
    "header that nobody can send": lambda do, url: do(requests.get, url, headers={"X-Snow": "\u2603"}),
    "header of two lines": lambda do, url: do(requests.get, url, headers={"X": "a\nb"}),
    "mock": lambda do, url: do(mock.Mock(return_value="canned"), url, params={}),
    "failing mock": lambda do, url: do(mock.MagicMock(side_effect=requests.Timeout), url),
}


@pytest.mark.parametrize("case", WITHOUT_CONNECTION.values(), ids=WITHOUT_CONNECTION)
def test_requests_itself_without_a_connection(both, case):
    missing = requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")
    with mock.patch("requests.adapters.SOCKSProxyManager", side_effect=missing):  # as without PySocks
        assert both.threads(case) == set()
