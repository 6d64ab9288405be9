"""An SMTP server that takes letters from anybody, and logs in `bot` (password `secret`).

Its address is in SMTP_HOST, SMTP_PORT (plain, with STARTTLS) and SMTP_SSL_PORT (TLS from the start). Each
letter becomes a file `sent/1.txt`, `sent/2.txt`, ... of the working directory, which is the project's while
its actions run.
"""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

from services.processes import PATIENCE, Unavailable


class _Mailbox:
    """Writes down what arrives."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        _keep(envelope, f"login {session.auth_data}, TLS {session.ssl is not None}")
        return "250 OK"


def _keep(envelope: Any, session: str) -> None:
    letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
    head = [
        f"from {envelope.mail_from} to {', '.join(envelope.rcpt_tos)}",
        session,
        *(f"{name}: {letter[name]}" for name in ("From", "To", "Subject") if letter[name]),
    ]
    sent = Path("sent")
    sent.mkdir(exist_ok=True)
    number = len(list(sent.iterdir())) + 1
    text = "\n".join([*head, *_parts(letter)]) + "\n"
    (sent / f"{number}.txt").write_bytes(text.encode("utf-8"))


def _parts(letter: EmailMessage) -> Iterator[str]:
    """Each part's type, name and content. The boundaries between them are random, and left out."""
    for part in letter.walk():
        if not part.is_multipart():
            content = part.get_payload(decode=True).decode("utf-8", "replace")
            yield f"-- {part.get_content_type()} {part.get_filename() or ''}".rstrip()
            yield content.replace("\r\n", "\n").rstrip("\n")


@dataclass(frozen=True)
class Smtp:
    """The server on 127.0.0.1; it keeps nothing."""

    port: int
    ssl_port: int

    @contextlib.contextmanager
    def empty(self) -> Iterator[Mapping[str, str]]:
        """Have it."""
        yield {
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(self.port),
            "SMTP_SSL_PORT": str(self.ssl_port),
        }


@contextlib.contextmanager
def serve() -> Iterator[Smtp]:
    """Run aiosmtpd in threads. Raises Unavailable where it, or trustme, isn't installed."""
    try:
        import trustme
        from aiosmtpd.smtp import AuthResult
    except ImportError as error:
        raise Unavailable(f"{error.name} is not installed") from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1", "localhost").configure_cert(context)

    def log_in(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        if (data.login, data.password) != (b"bot", b"secret"):
            return AuthResult(success=False, handled=False)
        return AuthResult(success=True, auth_data="bot")

    common = {"authenticator": log_in, "auth_require_tls": False}
    with _listening(tls_context=context, **common) as port, _listening(tls=context, **common) as ssl_port:
        yield Smtp(port, ssl_port)


@contextlib.contextmanager
def _listening(tls: ssl.SSLContext | None = None, **options: Any) -> Iterator[int]:
    """Have aiosmtpd serve a new port of 127.0.0.1, in a thread with a loop of its own. Gives the port."""
    from aiosmtpd.smtp import SMTP

    ready: Future[tuple[int, Callable[[], None]]] = Future()

    async def work() -> None:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        server = await loop.create_server(
            lambda: SMTP(_Mailbox(), hostname="localhost", loop=loop, **options), "127.0.0.1", 0, ssl=tls
        )
        port = server.sockets[0].getsockname()[1]
        ready.set_result((port, partial(loop.call_soon_threadsafe, stopped.set)))
        await stopped.wait()
        server.close()

    thread = threading.Thread(target=asyncio.run, args=(work(),), daemon=True)
    thread.start()
    port, stop = ready.result(timeout=PATIENCE)
    try:
        yield port
    finally:
        stop()
        thread.join(PATIENCE)
