"""HTTP calls over aiohttp, so that they don't hold the event loop."""

import asyncio
import contextvars
import datetime
import inspect
import io
import os
import ssl
import sys
import time
import types
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPMessage
from pathlib import Path

import aiohttp
import requests
import urllib3
import yarl
from requests.adapters import HTTPAdapter
from requests.utils import NETRC_FILES, prepend_scheme_if_needed, select_proxy
from urllib3.util.ssl_ import create_urllib3_context

_VERBS = ("delete", "get", "head", "options", "patch", "post", "put", "request")
_PLAIN_AUTH = (type(None), tuple, requests.auth.HTTPBasicAuth)
_WHOLE_CALLS = ThreadPoolExecutor(max_workers=32, thread_name_prefix="http-calls")
_TLS_CONTEXTS = {}
_no_netrc_until = 0.0
_FAILURES = (
    (aiohttp.ClientProxyConnectionError, requests.exceptions.ProxyError),
    (aiohttp.ClientHttpProxyError, requests.exceptions.ProxyError),
    (aiohttp.ClientSSLError, requests.exceptions.SSLError),
    (aiohttp.ClientPayloadError, requests.exceptions.ChunkedEncodingError),
    (aiohttp.ClientError, requests.exceptions.ConnectionError),
)


class _UnsentRequests(requests.Session):
    """A session that prepares requests and hands them back."""

    def send(self, request, **settings):
        return request, settings


async def over_aiohttp(call, /, *args, **kwargs):
    """Return or raise what ``call(*args, **kwargs)`` does: ``requests.get``, a session's ``post`` and the like.

    requests prepares the request, follows redirects and makes the response; aiohttp sends and receives. What it
    can't do alike (hooks, streams, retries, other transports) requests does itself, in a thread.
    """
    session = getattr(call, "__self__", None) or requests.Session()
    if not _is_plain(call, session):
        return await _whole_in_thread(call, *args, **kwargs)
    named = _by_name(call, args, kwargs)
    if type(named.get("auth") or session.auth) not in _PLAIN_AUTH:  # may ask more than once
        return await _whole_in_thread(call, **named)
    if await _reads_files(session, named):
        request, settings = await asyncio.to_thread(_prepare, session, call, named)
    else:
        request, settings = _prepare(session, call, named, trust_env=False)
        if session.trust_env and _environment_matters(request.url):
            given = named.get("proxies") or {}, *map(named.get, ("stream", "verify", "cert"))
            settings.update(session.merge_environment_settings(request.url, *given))
    if not _fits_aiohttp(session, request, settings):
        return await _whole_in_thread(session.send, request, **settings)
    follow = settings.pop("allow_redirects")
    history = []
    response = await _exchange(session, request, settings, follow)
    while follow and session.get_redirect_target(response):
        history.append(response)
        response.history = history[1:]
        if len(history) > session.max_redirects:
            text = f"Exceeded {session.max_redirects} redirects."
            raise requests.TooManyRedirects(text, response=response)
        request = await asyncio.to_thread(_redirect, session, request, response, settings)
        session.get_adapter(request.url)  # refuses what is no HTTP
        response = await _exchange(session, request, settings, follow)
    response.history = history
    if session.get_redirect_target(response):
        response._next = await asyncio.to_thread(_redirect, session, request, response, settings)
    _ = response.content  # decodes it, which may fail
    return response


def _insides():
    """What carries out the calls of requests, and what tests, tracers and caches replace."""
    functions = [getattr(requests.api, verb) for verb in _VERBS]
    methods = [getattr(requests.Session, verb) for verb in _VERBS]
    return functions, methods, [requests.Session, requests.Session.send, HTTPAdapter.send]


_INSIDES = _insides()
_UNTOUCHED = all(inside.__module__.startswith("requests.") for group in _INSIDES for inside in group)


def _is_plain(call, session):
    """Whether the call is one of requests' own, with nothing put in its place."""
    return (
        (call in _INSIDES[0] or getattr(call, "__func__", None) in _INSIDES[1])
        and type(session) is requests.sessions.Session
        and not any(callable(getattr(requests.Session, name, None)) for name in vars(session))
        and _UNTOUCHED
        and _insides() == _INSIDES
    )


def _by_name(call, args, kwargs):
    """The arguments by the names that ``call`` has for them; a session's method takes others in their places."""
    arguments = inspect.signature(call).bind(*args, **kwargs).arguments
    return {**arguments.pop("kwargs", {}), **arguments}


async def _reads_files(session, kwargs):
    """Whether preparing a request may read files. That there is no netrc is believed for a second."""
    global _no_netrc_until
    if kwargs.get("files"):
        return True
    if kwargs.get("auth") or session.auth or not session.trust_env or time.monotonic() < _no_netrc_until:
        return False
    paths = [os.environ["NETRC"]] if "NETRC" in os.environ else [Path.home() / name for name in NETRC_FILES]
    found = await asyncio.to_thread(lambda: any(map(os.path.exists, paths)))
    _no_netrc_until = 0.0 if found else time.monotonic() + 1
    return found


def _environment_matters(url):
    """Whether the environment may say something of proxies, or of the certificates for ``url``."""
    if sys.platform in ("darwin", "win32"):
        return True
    bundles = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if url.startswith("https:") else ()
    return any(name.lower().endswith("_proxy") or name in bundles for name in os.environ)


async def _whole_in_thread(call, *args, **kwargs):
    context = contextvars.copy_context()

    def carry_out():
        try:
            return context.run(call, *args, **kwargs)
        except StopIteration as error:  # would hang the future
            raise RuntimeError("StopIteration in a call of requests") from error

    return await asyncio.get_running_loop().run_in_executor(_WHOLE_CALLS, carry_out)


def _prepare(session, call, kwargs, trust_env=True):
    """The request, and the settings to send it with."""
    unsent = _UnsentRequests()
    vars(unsent).update(vars(session))
    unsent.trust_env = session.trust_env and trust_env
    return getattr(unsent, call.__name__)(**kwargs)


def _redirect(session, request, response, settings):
    """The request that follows a response, by the same settings. For a thread: netrc is a file."""
    request = next(session.resolve_redirects(response, request, yield_requests=True, **settings))
    settings["proxies"] = session.rebuild_proxies(request, settings["proxies"])
    return request


def _fits_aiohttp(session, request, settings):
    """Whether aiohttp sends the same as requests would."""
    adapter = session.get_adapter(request.url)
    proxy = _proxy(request, settings) or ""
    length = request.headers.get("Content-Length", "0" if request.body is None else "unknown")
    headers = [_text(part) for header in request.headers.items() for part in header]
    return (
        type(adapter) is HTTPAdapter
        and adapter.max_retries.total == 0
        and not any(request.hooks.values())
        and not settings["stream"]
        and not proxy.startswith("socks")
        and isinstance(request.body, (str, bytes, type(None)))
        and length == str(len(_encoded(request.body) or b""))
        and all(part.isascii() and part.isprintable() for part in headers)
    )


async def _only_once(client, context, params):
    """Keep aiohttp from sending a request again over a second new connection; requests doesn't."""
    attempts = context.trace_request_ctx
    if attempts:
        raise aiohttp.ServerDisconnectedError()
    attempts.append(params)


_SENT_ONCE = aiohttp.TraceConfig()
_SENT_ONCE.on_connection_create_start.append(_only_once)


def _new_session():
    """A client session that leaves cookies, proxies and headers to requests."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trace_configs=[_SENT_ONCE],
        max_line_size=65536,
        max_field_size=65536,
    )


async def _exchange(session, request, settings, follow):
    """Send one request and return its response, redirect or not. ``follow``: of redirects the body doesn't matter."""
    started = time.perf_counter()
    answer = None
    arguments = _aiohttp_arguments(request, settings)
    if request.url.startswith("https:") or settings["cert"]:
        key = settings["verify"], settings["cert"]
        if key not in _TLS_CONTEXTS:
            _TLS_CONTEXTS[key] = await asyncio.to_thread(_tls, *key)
        arguments["ssl"] = _TLS_CONTEXTS[key]
    try:
        async with _new_session() as client:
            async with client.request(**arguments) as answer:
                try:
                    body = await answer.read()
                except aiohttp.ClientPayloadError:
                    if not follow or "Location" not in answer.headers:
                        raise
                    body = b""
    except asyncio.TimeoutError as error:
        limit = arguments["timeout"]
        kind, text = requests.ReadTimeout, f"Read timed out. (read timeout={limit.sock_read})"
        if answer is not None:  # in the midst of the body
            kind = requests.ConnectionError
        elif "Connection timeout" in str(error):
            kind, text = (
                requests.ConnectTimeout,
                f"Connection timed out. (connect timeout={limit.sock_connect})",
            )
        raise kind(text, request=request) from error
    except UnicodeError as error:  # of a host that is no name
        raise urllib3.exceptions.LocationParseError(request.url) from error
    except aiohttp.ClientError as error:
        kind = next(kind for failure, kind in _FAILURES if isinstance(error, failure))
        raise kind(error, request=request) from error
    response = _response(session, request, answer, body)
    response.elapsed = datetime.timedelta(seconds=time.perf_counter() - started)
    return response


def _aiohttp_arguments(request, settings):
    """The request and its settings as aiohttp takes them."""
    timeout = settings["timeout"]
    connect, read = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    if not isinstance(timeout, urllib3.Timeout):
        timeout = urllib3.Timeout(connect=connect, read=read)  # refuses what requests refuses
    url = urllib3.util.parse_url(request.url)
    target = "/" + url.request_uri.lstrip("/")
    proxy = _proxy(request, settings)
    return {
        "method": request.method,
        "url": yarl.URL(f"{url.scheme}://{url.netloc}{target}", encoded=True),
        "headers": {name: _text(value) for name, value in request.headers.items()},
        "data": _encoded(request.body),
        "skip_auto_headers": ("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        "allow_redirects": False,
        "proxy": proxy and prepend_scheme_if_needed(proxy, "http"),
        "timeout": aiohttp.ClientTimeout(
            total=None, sock_connect=timeout.connect_timeout, sock_read=timeout.read_timeout
        ),
        "trace_request_ctx": [],
    }


def _proxy(request, settings):
    return select_proxy(request.url, settings["proxies"]) if settings["proxies"] else None


def _text(part):
    return part if isinstance(part, str) else part.decode("latin-1")


def _encoded(body):
    return body.encode() if isinstance(body, str) else body


def _response(session, request, answer, body):
    """The answer as requests makes it of what urllib3 reads."""
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.raw_headers]
    message = HTTPMessage()
    for name, value in headers:
        message[name] = value
    raw = urllib3.HTTPResponse(
        io.BytesIO(body),
        headers=headers,
        status=answer.status,
        reason=answer.reason.encode("utf-8", "surrogateescape").decode("latin-1"),
        preload_content=False,
        original_response=types.SimpleNamespace(msg=message, close=lambda: None, isclosed=lambda: True),
        request_method=request.method,
    )
    requests.cookies.extract_cookies_to_jar(session.cookies, request, raw)
    return session.get_adapter(request.url).build_response(request, raw)


def _tls(verify, cert):
    """The TLS settings of requests: its certificates, a file or folder of others, or no check at all."""
    context = create_urllib3_context()
    if verify:
        where = requests.certs.where() if verify is True else verify
        context.load_verify_locations(**{"capath" if Path(where).is_dir() else "cafile": where})
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cert:
        context.load_cert_chain(*([cert] if isinstance(cert, str) else cert))
    return context
