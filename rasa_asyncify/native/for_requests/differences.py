"""What aiohttp does otherwise than requests, by the names that ``-v`` and the README have for it.

All of it takes input that an action hardly meets, or makes no difference to what an action says and does.
"""

from __future__ import annotations

NO_TIMEOUT = "no time-out given"
USER_AGENT = "User-Agent"
EXCEPTIONS = "exceptions"
CERTIFICATES = "certificates"
EMPTY_JSON = "an empty answer"
CHARSET = "charset"
NO_BODY = "Content-Type without a body"
PAUSE = "a pause inside the body"
SENT_AGAIN = "sent once more"
QUERY = "query strings"
URLS = "odd URLs"
REDIRECTS = "redirects"
HEADERS = "odd headers"
VALUES = "odd values"
PROXIES = "proxies"
CREDENTIALS = "two credentials"

# In the order of the README: the likeliest first.
ALL = (
    NO_TIMEOUT,
    USER_AGENT,
    EXCEPTIONS,
    CERTIFICATES,
    EMPTY_JSON,
    CHARSET,
    NO_BODY,
    PAUSE,
    SENT_AGAIN,
    QUERY,
    URLS,
    REDIRECTS,
    HEADERS,
    VALUES,
    PROXIES,
    CREDENTIALS,
)
ALWAYS = frozenset({USER_AGENT, EXCEPTIONS, CERTIFICATES, REDIRECTS, PROXIES})
