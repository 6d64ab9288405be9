"""What the actions of the differential suite talk to: servers, a proxy, and addresses that fail."""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import ssl
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recording_server import RecordedRequest, RecordingServer

from differential.loading import Case, filled, reply

# What a placeholder needs beyond the standard library, or the platform it works on.
NEEDS = {"tls": "trustme", "mtls": "trustme", "ca": "trustme", "client": "trustme", "other_ca": "trustme"}
PLACEHOLDERS = ("server", "localhost", "address", "proxy", "refused", "deaf", *NEEDS)


@dataclass(frozen=True)
class Farm:
    """The servers by name, and what each placeholder stands for.

    `server` and `localhost` are one server under two names, `address` its host and port; `proxy` is a
    server that is sent absolute targets. `refused` refuses connections and `deaf` lets them wait.
    `tls` has a certificate for 127.0.0.1 that `ca` vouches for and `other_ca` doesn't; `mtls` wants a
    certificate of the client as well, such as the one in the file `client`.
    """

    servers: Mapping[str, RecordingServer]
    places: Mapping[str, str]

    def play(self, case: Case) -> None:
        """Script the servers for one run of a case."""
        for server in self.servers.values():
            server.forget()
        for route in case.routes:
            if route.on in self.servers:
                replies = [reply(**self._filled(given)) for given in route.replies]
                self.servers[route.on].on(route.path, *replies, method=route.method)

    def _filled(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """A reply's description; only where it redirects to can hold a placeholder."""
        redirect = given.get("redirect")
        return (
            {**given, "redirect": filled(redirect, self.places)} if isinstance(redirect, str) else {**given}
        )

    def take(self) -> dict[str, list[RecordedRequest]]:
        """The requests that came since the last call, by server."""
        return {name: server.take() for name, server in self.servers.items()}


def missing(case: Case) -> str | None:
    """The first thing that a case needs and this machine doesn't have, or None."""
    needed = {NEEDS[name] for name in NEEDS for text in case.texts() if f"{{{name}}}" in text}
    if case.part == "httpx":
        needed.add("httpx")
    absent = [name for name in sorted(needed) if importlib.util.find_spec(name) is None]
    if any("{deaf}" in text for text in case.texts()) and not sys.platform.startswith("linux"):
        absent.append("a full backlog that lets connections wait")
    return absent[0] if absent else None


@contextlib.contextmanager
def farm(folder: Path) -> Iterator[Farm]:
    """Start everything; certificates are written to `folder`."""
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(RecordingServer()) for name in ("server", "proxy")}
        port = servers["server"].port
        places = {
            "server": servers["server"].url,
            "localhost": f"http://localhost:{port}",
            "address": f"127.0.0.1:{port}",
            "proxy": servers["proxy"].url,
            "refused": f"http://{stack.enter_context(_refusing())}",
            "deaf": f"http://{stack.enter_context(_deaf())}",
        }
        places.update(dict.fromkeys(NEEDS, "https://127.0.0.1:9"))
        if importlib.util.find_spec("trustme") is not None:
            certificates = _certificates(folder)
            for name in ("tls", "mtls"):
                context = certificates.context(client=name == "mtls")
                servers[name] = stack.enter_context(RecordingServer(tls=context))
                places[name] = servers[name].url
            places.update(certificates.paths)
        yield Farm(servers, places)


@contextlib.contextmanager
def _refusing() -> Iterator[str]:
    """The address of a port that nobody listens on, and that nobody else is given."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


@contextlib.contextmanager
def _deaf() -> Iterator[str]:
    """The address of a port whose queue is full: on Linux a connection to it waits."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield f"127.0.0.1:{listening.getsockname()[1]}"


@dataclass(frozen=True)
class _Certificates:
    paths: Mapping[str, str]
    key_and_chain: str

    def context(self, *, client: bool) -> ssl.SSLContext:
        """A server's context; with `client` it wants a certificate from the other side."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.key_and_chain)
        if client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.paths["ca"])
        return context


def _certificates(folder: Path) -> _Certificates:
    import trustme

    authority = trustme.CA()
    paths = {name: (folder / f"{name}.pem").as_posix() for name in ("ca", "other_ca", "client", "own")}
    authority.cert_pem.write_to_path(paths["ca"])
    trustme.CA().cert_pem.write_to_path(paths["other_ca"])
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(paths["own"])
    authority.issue_cert("bot@example.org").private_key_and_cert_chain_pem.write_to_path(paths["client"])
    return _Certificates({k: v for k, v in paths.items() if k != "own"}, paths["own"])
