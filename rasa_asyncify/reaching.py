"""Questions about what a function comes to by its calls, answered once for all functions on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

_Node = TypeVar("_Node")


class Reaching(Generic[_Node]):
    """Whether a walk comes to something that counts.

    ``look`` tells of a node whether it counts itself, and where the walk goes on.
    """

    def __init__(self, look: Callable[[_Node], tuple[bool, Iterable[_Node]]]) -> None:
        self.look = look
        self._known: dict[_Node, bool] = {}

    def forget(self) -> None:
        """Drop what was remembered, after the calls have changed."""
        self._known.clear()

    def __call__(self, start: _Node) -> bool:
        """Whether a walk from ``start`` does."""
        came_from: dict[_Node, _Node | None] = {start: None}
        todo = [start]
        while todo:
            node = todo.pop()
            known = self._known.get(node)
            counts, onward = (known, ()) if known is not None else self.look(node)
            if counts:
                back: _Node | None = node
                while back is not None:
                    self._known[back] = True
                    back = came_from[back]
                return True
            for other in onward:
                if other not in came_from:
                    came_from[other] = node
                    todo.append(other)
        self._known.update(dict.fromkeys(came_from, False))
        return False


def spread(
    found: set[_Node],
    candidates: Iterable[_Node],
    joins: Callable[[_Node], bool],
    onward: Callable[[_Node], Iterable[_Node]],
) -> None:
    """Add the ``candidates`` that join what is ``found``, until none does any more.

    ``onward`` gives what may join because a node has.
    """
    wanted = dict.fromkeys(candidates)
    todo = [node for node in wanted if node not in found and joins(node)]
    while todo:
        node = todo.pop()
        if node in found:
            continue
        found.add(node)
        todo += [n for n in onward(node) if n in wanted and n not in found and joins(n)]
