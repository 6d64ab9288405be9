"""What was decided, once and for all: edits and findings are read from it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from rasa_asyncify.call_graph.entries import Entries
from rasa_asyncify.call_graph.graph import Graph
from rasa_asyncify.call_graph.test_doubles import Patches
from rasa_asyncify.calls.overrides import Overrides
from rasa_asyncify.calls.sites import Site
from rasa_asyncify.deciding.draft import Outcome
from rasa_asyncify.native.registry import Registry
from rasa_asyncify.native.strategy import Strategy
from rasa_asyncify.project.model import Function, Module
from rasa_asyncify.threads.block import Block, Moved
from rasa_asyncify.threads.offload import Offload


@dataclass(frozen=True)
class Inputs:
    """What decisions are made from.

    ``kept`` must stay synchronous, with the reason. ``may_write`` tells whether a module lies in the given paths.
    """

    graph: Graph
    entries: Entries
    patches: Patches
    overrides: Overrides
    registry: Registry
    kept: Mapping[Function, str]
    may_write: Callable[[Module], bool]
    _writable: dict[Module, bool] = field(default_factory=dict)

    def writable(self, module: Module) -> bool:
        """Whether the module may be changed."""
        known = self._writable.get(module)
        if known is None:
            known = self.may_write(module) and not self.entries.left_alone(module)
            self._writable[module] = known
        return known


@dataclass(frozen=True)
class Await:
    """The call gives a coroutine; ``either``: or the value itself."""

    either: bool = False


@dataclass(frozen=True)
class Native:
    """The call is made in its asynchronous form."""

    strategy: Strategy


@dataclass(frozen=True, eq=False)
class ThreadBlock:
    """Statements that go to a thread together: the names they bind, and whether one action at a time may be in them."""

    block: Block
    moved: Moved
    alone: bool


@dataclass(frozen=True)
class InBlock:
    """The site goes to a thread with the statements around it."""

    within: ThreadBlock


@dataclass(frozen=True)
class Stuck:
    """Nothing can be done about the site, which goes on blocking the event loop."""

    reason: str


Decision: TypeAlias = Await | Native | Offload | InBlock | Stuck


@dataclass(frozen=True)
class MovedBody:
    """An entry point becomes a coroutine function that sends its old body to a thread."""

    reason: str
    alone: bool


@dataclass(frozen=True)
class Decisions(Outcome):
    """The outcome.

    ``converted``: become coroutine functions. ``moved``: those of them whose old body runs in a thread. ``kept``:
    helpers that stay synchronous though something in them has an asynchronous equivalent, with the reason.

    ``sites``: what happens at the sites of functions on the event loop; nothing where a site isn't in it. ``refused``:
    sites whose native form is ruled out, with the reason. ``interrupted``: coroutine functions in which uses of what is
    for one action at a time have an ``await`` between them.
    """

    converted: frozenset[Function]
    moved: Mapping[Function, MovedBody]
    kept: Mapping[Function, str]
    sites: Mapping[Site, Decision]
    blocks: Mapping[Function, tuple[ThreadBlock, ...]]
    refused: Mapping[Site, str]
    interrupted: Mapping[Function, tuple[ast.AST, ...]]

    def at(self, site: Site) -> Decision | None:
        """What happens at the site."""
        return self.sites.get(site)

    def stuck(self) -> Mapping[Site, str]:
        """The sites that nothing can be done about, with the reasons."""
        return {site: found.reason for site, found in self.sites.items() if isinstance(found, Stuck)}

    def around(self, node: ast.AST, function: Function | None) -> ThreadBlock | None:
        """The block that ``node`` stands in."""
        blocks = self.blocks.get(function, ()) if function is not None else ()
        return next((found for found in blocks if id(node) in found.block.nodes), None)
