"""What the project's settings name as the replacement of one of its own blocking functions is awaited in its place."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rasa_asyncify.calls.sites import Site
from rasa_asyncify.catalogue.own import OWN_NATIVE
from rasa_asyncify.edits import Edit, NativeCall
from rasa_asyncify.native.strategy import Held, Strategy
from rasa_asyncify.project.spans import span


class OwnReplacement(Strategy):
    """``await replacement(...)``, with the arguments as they are: the settings' word is taken for it."""

    native = OWN_NATIVE

    def serves(self, native: str) -> bool:
        return native.startswith(self.native)  # its name follows

    def offer(self, site: Site, held: Held) -> None:
        """Always."""

    def edits(self, site: Site) -> Iterator[Edit]:
        assert isinstance(site.node, ast.expr)
        assert site.native is not None
        reason = f"{site.blockers[0]}() holds the event loop; the settings name its replacement"
        at = span(site.node, site.scope.module)
        yield NativeCall(at, "RA023", reason, site.native.removeprefix(OWN_NATIVE))
