"""What HTTP calls need to do as they did before, without holding the event loop."""

import functools

import httpx


@functools.cache
def tls_context():
    """The TLS settings of every httpx client, which take some 30 ms to load: only once."""
    return httpx.create_ssl_context()
