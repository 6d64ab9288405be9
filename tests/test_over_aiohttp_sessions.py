"""`over_aiohttp` over several calls: sessions, many at once, cancelled ones; and what it never does."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import re
import socket
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest
import requests
from over_aiohttp_comparing import VERBS, jar, known_difference, session
from recording_server import Reply

pytest_plugins = ["over_aiohttp_comparing"]


# --- sessions ------------------------------------------------------------------------------------


async def log_in_and_ask(do, url):
    """Cookies come from an answer and from a redirect; `gone` has expired, `b` is for /echo alone."""
    with requests.Session() as http:
        http.headers["X-Key"] = "7"
        http.params = {"lang": "nb"}
        http.auth = ("ada", "password")
        http.cookies["own"] = "0"
        await do(http.get, f"{url}/cookies", cookies={"Once": "1"})
        await do(http.post, f"{url}/cookies-on-the-way", data={"a": 1}, headers={"X-Key": None})
        await do(http.get, f"{url}/json", params={"lang": "en"}, auth=("grace", "other"))
        return jar(http.cookies)


def test_a_session_keeps_what_it_is_told(both):
    _, sent = both.check(log_in_and_ask)
    cookies = [dict(headers)["cookie"].split("; ") for _, _, headers, _ in sent]
    assert [{c[0] for c in each} for each in cookies] == [set("oO"), set("oa"), set("oab"), set("oa")]


def test_calls_without_a_session_keep_nothing(both):
    async def twice(do, url):
        await do(requests.get, f"{url}/cookies-on-the-way")
        return (await do(requests.get, f"{url}/echo")).text

    _, sent = both.check(twice)
    assert [bool(dict(headers).get("cookie")) for _, _, headers, _ in sent] == [False, True, False]


def test_to_another_host_the_password_stays_behind(both):
    both.server.on("/away", Reply.redirect(both.server.url.replace("127.0.0.1", "localhost") + "/echo"))
    given = {"auth": ("ada", "password"), "cookies": {"c": "1"}}
    _, sent = both.check(lambda do, url: do(requests.get, f"{url}/away", **given))
    assert ["authorization" in dict(headers) for _, _, headers, _ in sent] == [True, False]


@pytest.mark.parametrize("limit", [0, 1, 5, 30])
def test_as_many_redirects_as_the_session_allows(both, limit):
    outcome, sent = both.check(lambda do, url: do(session(max_redirects=limit).get, f"{url}/loop"))
    assert outcome["error"] is requests.TooManyRedirects
    assert len(sent) == limit + 1


@pytest.mark.parametrize("verb", VERBS)
def test_an_answer_that_never_comes_is_asked_for_once(both, verb):
    """aiohttp would send a GET again; the server may have acted on it."""
    outcome, sent = both.check(lambda do, url: do(getattr(requests, verb), f"{url}/closed"))
    assert outcome["error"] is requests.ConnectionError
    assert len(sent) == 1


@pytest.mark.parametrize("verb", VERBS)
def test_asked_for_once_after_an_earlier_answer(both, verb, request):
    """The connection of the first call may be kept, and a second one be made for the second call."""
    if both.shared and verb not in ("post", "patch"):
        known_difference(request, "aiohttp sends it again where the connection was an earlier call's")

    async def twice(do, url):
        await do(requests.get, f"{url}/json")
        return await do(getattr(requests, verb), f"{url}/closed")

    _, sent = both.check(twice)
    assert len(sent) == 2


def test_netrc_unless_the_session_does_not_trust_the_environment(both, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ada password secret\n")
    _, sent = both.check(lambda do, url: do(requests.get, f"{url}/302"))
    assert all("authorization" in dict(headers) for _, _, headers, _ in sent)
    _, sent = both.check(lambda do, url: do(session(trust_env=False).get, f"{url}/302"))
    assert not any("authorization" in dict(headers) for _, _, headers, _ in sent)


# --- the event loop ------------------------------------------------------------------------------


def test_fifty_at_once_on_one_session(both):
    """Each gets its own answer; their cookies meet in the session."""
    for n in range(50):
        cookie = ("Set-Cookie", f"c{n}={n}")
        both.server.on(f"/{n}/of-50", Reply(200, f"{n}".encode(), (cookie,)).after(0.3))

    async def together(url):
        with requests.Session() as http:
            calls = [both.helper.over_aiohttp(http.get, f"{url}/{n}/of-50") for n in range(50)]
            return [r.text for r in await asyncio.gather(*calls)], len(http.cookies)

    started = time.perf_counter()
    assert asyncio.run(together(both.server.url)) == ([str(n) for n in range(50)], 50)
    assert time.perf_counter() - started < 3
    assert len(both.server.take()) == 50


@contextlib.contextmanager
def hanging_server():
    """Its address, and an event that is set when a client that waits for an answer goes away."""
    gone = threading.Event()

    def serve():
        connection, _ = listening.accept()
        with connection:
            while connection.recv(65536):
                pass
        gone.set()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/", gone


@pytest.mark.parametrize("how", ["cancel", "wait_for"])
def test_cancelling_closes_the_connection(both, how):
    """As Sanic does when the client hangs up; nothing is left that warns."""

    async def cancelled(url):
        complaints = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
        if how == "wait_for":
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(both.helper.over_aiohttp(requests.get, url), 0.2)
        else:
            task = asyncio.ensure_future(both.helper.over_aiohttp(requests.get, url))
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        closed = await asyncio.get_running_loop().run_in_executor(None, gone.wait, 5)
        return closed, complaints

    with hanging_server() as (url, gone), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert asyncio.run(cancelled(url)) == (True, [])
        gc.collect()
    assert [w for w in caught if issubclass(w.category, ResourceWarning)] == []


def test_the_loop_is_never_blocked(both, tmp_path, monkeypatch):
    """Not by netrc, nor by certificates, which are files."""
    pytest.importorskip("blockbuster")
    from loop_watch import noting

    async def everything(url):
        await log_in_and_ask(both.helper.over_aiohttp, url)
        for path in ("/302", "/gzip", "/large", "/twice"):
            await both.helper.over_aiohttp(requests.get, url + path)
        for verify in (True, False, requests.certs.where()):
            with contextlib.suppress(requests.ConnectionError):
                await both.helper.over_aiohttp(requests.get, url.replace("http", "https"), verify=verify)

    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ada password secret\n")
    with noting(Path(both.helper.__file__).parent) as calls:
        asyncio.run(everything(both.server.url))
    assert calls == []


QUIET = """
import asyncio, sys, requests
sys.path.insert(0, sys.argv[2])
helper = __import__(sys.argv[3])
async def main(url):
    asyncio.get_running_loop().slow_callback_duration = 60  # the machine may be busy
    for path in ("/json", "/loop", "/closed", "/truncated", "/chunks-truncated", "/not-gzip"):
        try:
            await helper.over_aiohttp(requests.get, url + path)
        except requests.RequestException:
            pass
    try:
        await helper.over_aiohttp(requests.get, url + "/slow", timeout=0.1)
    except requests.Timeout:
        print("done")
for _ in range(2):
    asyncio.run(main(sys.argv[1]))
"""


def test_nothing_warns(both):
    path = Path(both.helper.__file__)
    command = [
        sys.executable,
        "-X",
        "dev",
        "-W",
        "error",
        "-c",
        QUIET,
        both.server.url,
        path.parent,
        path.stem,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("done\ndone\n", "")


# --- older versions ------------------------------------------------------------------------------

HERE = Path(__file__).resolve().parent
OLD_PYTHON = os.environ.get("RASA_ASYNCIFY_OLD_PYTHON")


@pytest.mark.skipif(OLD_PYTHON is None, reason="RASA_ASYNCIFY_OLD_PYTHON names no interpreter")
def test_on_an_older_python():
    """These tests themselves, with what aiohttp and requests are there."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "RASA"))}
    env["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), str(HERE)])
    options = ["-q", "-c", os.devnull, "--rootdir", HERE, "--noconftest", "-p", "no:cacheprovider"]
    chosen = [
        f"{HERE / 'test_over_aiohttp.py'}::test_{name}"
        for name in ("same_answer", "requests_itself_in_a_thread")
    ]
    command = [OLD_PYTHON, "-m", "pytest", *options, *chosen, __file__]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    if "No module named pytest" in done.stderr:
        pytest.skip(f"{OLD_PYTHON} has no pytest")
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 60
