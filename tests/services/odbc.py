"""No server: the ODBC driver for SQLite, which is a package of the system. ODBC_DRIVER names it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from services.processes import Unavailable

_NAME = "SQLite3"


class Driver:
    """The driver; the databases are files of whoever opens them."""

    @contextlib.contextmanager
    def empty(self) -> Iterator[Mapping[str, str]]:
        """There is nothing to empty."""
        yield {"ODBC_DRIVER": _NAME}


@contextlib.contextmanager
def serve() -> Iterator[Driver]:
    """Look for the driver. Raises Unavailable where it, or pyodbc, isn't there."""
    try:
        import pyodbc
    except ImportError as error:  # also where unixODBC's library is missing
        raise Unavailable(f"pyodbc, or what it needs, is not installed: {error}") from error
    if _NAME not in pyodbc.drivers():
        raise Unavailable("the ODBC driver for SQLite is not installed")
    yield Driver()
