"""A local HTTP server that plays scripted replies and keeps every request it was sent."""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

# What an HTTP library says about itself or the connection, not what the caller asked for.
LIBRARY_HEADERS = frozenset({"user-agent", "accept-encoding", "amz-sdk-invocation-id", "connection", "host"})


_OF_BODIES = {"content-type", "content-length", "transfer-encoding"}


@dataclass(frozen=True)
class RecordedRequest:
    """One request as it arrived.

    `segments` are the percent-decoded parts of the path, `query` the decoded pairs in their order,
    `headers` the pairs in their order with lower-case names, `target` the undecoded request target.
    """

    method: str
    target: str
    segments: tuple[str, ...]
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value sent under a name, or None."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    @property
    def meaning(self) -> tuple[Any, ...]:
        """What has to be equal whichever HTTP library sent the request."""
        free = LIBRARY_HEADERS if self.body else LIBRARY_HEADERS | _OF_BODIES
        headers = sorted(pair for pair in self.headers if pair[0] not in free)
        return (self.method, self.segments, self.query, tuple(headers), self.body)


@dataclass(frozen=True)
class Reply:
    """What the server does with one request.

    `delay` and `pause_in_body` are seconds: before anything is sent, and half-way through the body.
    `missing` bytes are promised in Content-Length and never sent. `chunked` sends the body in two
    chunks instead of promising a length; with something `missing` the last chunk doesn't come.
    `hang_up` closes the connection without an answer. `echo` answers with the request itself, as JSON.
    """

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    pause_in_body: float = 0.0
    missing: int = 0
    chunked: bool = False
    hang_up: bool = False
    echo: bool = False

    CLOSED: ClassVar[Reply]
    ECHO: ClassVar[Reply]
    EMPTY: ClassVar[Reply]
    BAD_JSON: ClassVar[Reply]

    @classmethod
    def json(cls, value: Any, status: int = 200) -> Reply:
        """An answer in JSON."""
        return cls(status, json.dumps(value).encode(), (("Content-Type", "application/json"),))

    @classmethod
    def text(cls, body: str | bytes, content_type: str = "text/plain; charset=utf-8") -> Reply:
        """An answer in a content type of one's own; a str is sent as UTF-8."""
        data = body.encode() if isinstance(body, str) else body
        return cls(200, data, (("Content-Type", content_type),))

    @classmethod
    def redirect(cls, location: str, status: int = 302) -> Reply:
        """A redirect; one to its own path is a redirect loop."""
        return cls(status, b"", (("Location", location),))

    @classmethod
    def truncated(cls, body: bytes, missing: int = 100) -> Reply:
        """A body that ends `missing` bytes before its Content-Length."""
        return cls(200, body, (("Content-Type", "application/json"),), missing=missing)

    def after(self, seconds: float) -> Reply:
        """The same reply, that many seconds late."""
        return replace(self, delay=seconds)


Reply.CLOSED = Reply(hang_up=True)
Reply.ECHO = Reply(echo=True)
Reply.EMPTY = Reply(headers=(("Content-Type", "application/json"),))
Reply.BAD_JSON = Reply(200, b'{"half": ', (("Content-Type", "application/json"),))


@dataclass
class _Script:
    """The replies to one path, in turn; the last one repeats."""

    replies: list[Reply]
    played: int = field(default=0)

    def next(self) -> Reply:
        reply = self.replies[min(self.played, len(self.replies) - 1)]
        self.played += 1
        return reply


class RecordingServer:
    """A context manager: `with RecordingServer() as server: server.on("/x", Reply.json(1))`.

    A path without a script is answered by 404. `requests` holds what came, in order of arrival. With
    a server-side context for `tls` it speaks HTTPS.
    """

    def __init__(
        self, routes: Mapping[str, Reply] | None = None, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.requests: list[RecordedRequest] = []
        self._tls = tls
        self._scripts: dict[tuple[str, str | None], _Script] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        for path, reply in (routes or {}).items():
            self.on(path, reply)

    def on(self, path: str, *replies: Reply, method: str | None = None) -> None:
        """Script a decoded path (for one method, or for all): the replies come in turn.

        Raises:
            ValueError: no reply was given.
        """
        if not replies:
            raise ValueError(f"no reply for {path}")
        self._scripts[path, method] = _Script(list(replies))

    @property
    def port(self) -> int:
        """The port of 127.0.0.1 that it listens on."""
        return self._server.server_port

    @property
    def connections(self) -> int:
        """How many connections it has accepted so far."""
        return self._server.accepted

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def forget(self) -> None:
        """Start anew: without scripts and without requests."""
        with self._lock:
            self._scripts, self.requests = {}, []

    def take(self) -> list[RecordedRequest]:
        """The requests that came since the last call; forgets them."""
        with self._lock:
            taken, self.requests = self.requests, []
        return taken

    def answer(self, request: RecordedRequest) -> Reply:
        """Record a request and choose its reply."""
        path = "/" + "/".join(request.segments)
        with self._lock:
            self.requests.append(request)
            script = self._scripts.get((path, request.method)) or self._scripts.get((path, None))
            return script.next() if script else Reply(404)

    def wait(self, seconds: float) -> None:
        """Sleep, unless the server is being closed."""
        if seconds:
            self._closing.wait(seconds)

    def __enter__(self) -> RecordingServer:
        handler = type("Handler", (_Handler,), {"recorder": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._server.tls = self._tls
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="recording-server", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # many clients may come at once
    tls: ssl.SSLContext | None = None
    accepted = 0

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.accepted += 1
        if self.tls is not None:  # the handshake comes with the first read, in the handler's thread
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves, or that doesn't trust the certificate, is nothing to report."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    # Headers and body go out as two writes; without this the second waits for an ACK (40 ms).
    disable_nagle_algorithm = True
    recorder: RecordingServer

    def serve(self) -> None:
        request = self._read_request()
        reply = self.recorder.answer(request)
        self.recorder.wait(reply.delay)
        if reply.hang_up:
            self.close_connection = True
            return
        try:
            self._send(reply, _as_json(request) if reply.echo else reply.body)
        except OSError:  # the client has given up, as a client with a time-out does
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = serve
    do_CONNECT = serve  # what a proxy is asked for; to refuse it is all that is done here

    def _read_request(self) -> RecordedRequest:
        target = urlsplit(self.path)
        return RecordedRequest(
            method=self.command,
            target=self.path,
            segments=tuple(unquote(part) for part in target.path.split("/")[1:]),
            query=tuple(parse_qsl(target.query, keep_blank_values=True)),
            headers=tuple((key.lower(), value) for key, value in self.headers.items()),
            body=self._read_body(),
        )

    def _read_body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, reply: Reply, body: bytes) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if reply.echo:
            self.send_header("Content-Type", "application/json")
        if reply.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            body = _in_chunks(body) + (b"" if reply.missing else b"0\r\n\r\n")
        else:
            self.send_header("Content-Length", str(len(body) + reply.missing))
        self.end_headers()
        if self.command != "HEAD":
            middle = len(body) // 2 if reply.pause_in_body else 0
            self.wfile.write(body[:middle])
            self.recorder.wait(reply.pause_in_body)
            self.wfile.write(body[middle:])
        if reply.missing:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the requests are in the record."""


def _in_chunks(body: bytes) -> bytes:
    """Two chunks; the last one, which is empty, isn't among them."""
    middle = len(body) // 2
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:middle], body[middle:]) if part)


def _as_json(request: RecordedRequest) -> bytes:
    return json.dumps(
        {
            "method": request.method,
            "path": list(request.segments),
            "query": list(request.query),
            "headers": list(request.headers),
            "body": request.body.decode("utf-8", "replace"),
        }
    ).encode()
