"""Linked sites that a capability's steps may go to, the one that will answer first in front."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush, heapreplace
from typing import Final

from conductor.core.nodes import Node
from conductor.core.pools import Pool

_STALE: Final = 1.05
"""How much slower than it was thought to be a site may be before it has to queue up again."""


def answer_us(node: Node) -> float:
    """Return how long a linked site takes, by what it says and the link's round trip; more the busier it is."""
    trip = node.peer.rtt_us if node.peer is not None else 0.0
    return trip + (node.ewma_us or node.offer.latency_us) * (1.0 + node.offer.load * 4.0 + node.inflight)


class Nearest:
    """What linked sites have with a free slot, in a heap whose order is mended while it is read.

    So a choice among two hundred sites costs about what one among two does.
    """

    __slots__ = ("_count", "_current", "_heap")

    def __init__(self) -> None:
        """Start empty."""
        self._heap: list[tuple[float, int, Node]] = []
        self._current: dict[str, int] = {}
        self._count = 0

    def offer(self, node: Node) -> None:
        """Take a node that has a free slot in, or anew because it has become quicker or slower."""
        self._count += 1
        self._current[node.id] = self._count
        heappush(self._heap, (answer_us(node), self._count, node))
        if len(self._heap) > 4 * len(self._current) + 16:
            self._heap = [entry for entry in self._heap if self._current.get(entry[2].id) == entry[1]]
            heapify(self._heap)

    def withdraw(self, node: Node) -> None:
        """Take a node out."""
        self._current.pop(node.id, None)

    def first(self, fits: Callable[[Node], bool]) -> Node | None:
        """Return the node that will answer first of those that fit; it stays in."""
        heap, current = self._heap, self._current
        aside = []
        found = None
        while heap:
            entry = heap[0]
            score, count, node = entry
            if current.get(node.id) != count:
                heappop(heap)
                continue
            now = answer_us(node)
            if now > score * _STALE:
                heapreplace(heap, (now, count, node))
                continue
            if fits(node):
                found = node
                break
            aside.append(heappop(heap))
        for entry in aside:
            heappush(heap, entry)
        return found


class AwayPool(Pool[Node]):
    """What one linked site has of a capability: a pool of one, which is also in line among the other sites."""

    __slots__ = ("_nearest",)

    def __init__(self, name: str, site: str, allowed_labels: int, rule: str, nearest: Nearest) -> None:
        """Start empty."""
        super().__init__(name, site, allowed_labels, rule, away=True)
        self._nearest = nearest

    def offer(self, node: Node) -> None:
        """Take the site in, or to its new place in the line."""
        super().offer(node)
        self._nearest.offer(node)

    def withdraw(self, node: Node) -> None:
        """Take the site out."""
        super().withdraw(node)
        self._nearest.withdraw(node)
