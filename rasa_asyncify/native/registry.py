"""All strategies, in the order in which they are asked: the first that takes a call has it."""

from __future__ import annotations

from collections.abc import Callable

from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.call_graph.test_doubles import Patches
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.native.for_httpx.clients import AsyncHttpx
from rasa_asyncify.native.for_requests.forms import InlineAiohttp
from rasa_asyncify.native.own import OwnReplacement
from rasa_asyncify.native.sleep import AsyncioSleep
from rasa_asyncify.native.strategy import Held, Refused, Strategy
from rasa_asyncify.project.model import Module


class Registry:
    """The strategies for one project.

    ``shared`` tells which modules' requests go over one client session. Without
    ``uses_aiohttp`` none goes over aiohttp.
    """

    def __init__(
        self, graph: Graph, patches: Patches, shared: Callable[[Module], bool], *, uses_aiohttp: bool = True
    ) -> None:
        self.patches = patches
        self.requests = InlineAiohttp(graph, patches, shared, wanted=uses_aiohttp)
        self.strategies: tuple[Strategy, ...] = (
            AsyncioSleep(),
            OwnReplacement(),
            self.requests,
            AsyncHttpx(graph, patches),
        )

    def check(self, site: Site) -> None:
        """Refuse what no strategy may take.

        Raises:
            Refused: where a test would no longer find what it replaces.
        """
        if any(self.patches.covers(name, site.scope.module) for name in site.blockers):
            raise Refused("a test replaces it by its path")

    def offer(self, site: Site, held: Held) -> Strategy:
        """The strategy that takes the call.

        Raises:
            Refused: where none does, with the last one's reason.
        """
        refused = Refused("")
        for strategy in self.strategies:
            if site.native is not None and strategy.serves(site.native):
                try:
                    strategy.offer(site, held)
                except Refused as reason:
                    refused = reason
                else:
                    return strategy
        raise refused
