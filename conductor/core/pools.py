"""Which of several equal nodes gets the next attempt.

Nodes that may serve the same capability with the same rights form a pool, kept in buckets by exact requests in
flight. The idle bucket is a queue that nodes join when they have nothing to do (join-idle-queue: Lu et al. 2011);
when none is idle, the least loaded bucket decides. Within a bucket the first few are compared by their measured run
time, so that equally ranked nodes of different speed are not treated alike, at constant cost for any number of nodes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container
from typing import Final, Generic, Protocol, TypeVar

_LOOK: Final = 4


class Placeable(Protocol):
    """What a pool needs to know of a node."""

    id: str
    inflight: int
    ewma_us: float


Member = TypeVar("Member", bound=Placeable)


class Pool(Generic[Member]):
    """Interchangeable nodes: one capability, one site, one model digest."""

    __slots__ = ("_buckets", "_where", "allowed_labels", "away", "members", "name", "rule", "site")

    def __init__(self, name: str, site: str, allowed_labels: int, rule: str, *, away: bool = False) -> None:
        """Start empty; `allowed_labels` is what may be at `site`, by `rule`. `away` marks another conductor's site."""
        self.name = name
        self.site = site
        self.allowed_labels = allowed_labels
        self.rule = rule
        self.away = away
        self.members: dict[str, Member] = {}  # all that serve in it, with a free slot or not
        self._buckets: list[OrderedDict[str, Member]] = [OrderedDict()]
        self._where: dict[str, int] = {}

    def offer(self, node: Member) -> None:
        """Take a node that has a free slot in, or move it to the bucket of its present load."""
        old = self._where.get(node.id)
        load = node.inflight
        if old is not None:
            if old == load:
                return
            del self._buckets[old][node.id]
        while len(self._buckets) <= load:
            self._buckets.append(OrderedDict())
        self._buckets[load][node.id] = node
        self._where[node.id] = load

    def withdraw(self, node: Member) -> None:
        """Take a node out: it has no free slot, or may not be used."""
        old = self._where.pop(node.id, None)
        if old is not None:
            del self._buckets[old][node.id]

    def pick(self, avoid: Container[str], *, idle_only: bool = False) -> Member | None:
        """Return the best node with a free slot that is not in `avoid`, or None."""
        for bucket in self._buckets[:1] if idle_only else self._buckets:
            if not bucket:
                continue
            best: Member | None = None
            looked = 0
            for node in bucket.values():
                if node.id in avoid:
                    continue
                if best is None or node.ewma_us < best.ewma_us:
                    best = node
                looked += 1
                if looked == _LOOK:
                    break
            if best is not None:
                return best
        return None
