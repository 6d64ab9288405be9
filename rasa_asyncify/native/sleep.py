"""``time.sleep`` becomes ``asyncio.sleep`` (https://docs.python.org/3/library/asyncio-task.html#asyncio.sleep)."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rasa_asyncify.calls.sites import Site
from rasa_asyncify.edits import Edit, Sleep
from rasa_asyncify.native.strategy import Held, Refused, Strategy
from rasa_asyncify.project.spans import span


class AsyncioSleep(Strategy):
    """``await asyncio.sleep(seconds)``. One that may be given less than 0, where ``time.sleep`` fails, isn't taken."""

    native = "asyncio.sleep"
    asks = False

    def offer(self, site: Site, held: Held) -> None:
        if not _is_plain(site.node):
            raise Refused("")  # goes to a thread as it is, which says enough

    def edits(self, site: Site) -> Iterator[Edit]:
        assert isinstance(site.node, ast.Call)
        yield Sleep(span(site.node, site.scope.module), "RA010", "time.sleep() holds the event loop")


def _is_plain(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and len(node.args) == 1
        and not node.keywords
        and not isinstance(node.args[0], (ast.Starred, ast.UnaryOp))
    )
