"""Which work a node takes: an ordered list of rules, each with its reason. The first that objects refuses.

A refusal at once is worth more to a caller than an answer that comes too late: the conductor still has the time
to try another node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from specialists.core.batching import Item, WorkQueue
from specialists.core.events import Failed
from specialists.core.grantor import Grantor

_WEIGHT: Final = 1 / 8
_JUMP: Final = 8.0
_DOUBT: Final = 0.9
_BOUND: Final = 16


@dataclass(frozen=True, slots=True)
class NodeLimits:
    """What one node takes and keeps. Times are microseconds.

    `run_bound_us` is the longest time that one run may take, `max_batch` how many works it may hold.
    `drain_grace_us` is how long a draining node that has finished waits for the last acknowledgements.
    """

    run_bound_us: int = 1_000_000
    max_batch: int = 1
    max_body_bytes: int = 8 << 20
    max_unacked: int = 2048
    max_unacked_bytes: int = 16 << 20
    drain_grace_us: int = 1_000_000


class RunTime:
    """Exponentially weighted mean of the run time per work (weight 1/8 as in RFC 6298's smoothed RTT).

    Per work, not per run: batches cost more than single works, and what waits ahead is counted in works. One
    sample moves the mean to at most about twice its value, so that a run during which the machine stood still does
    not make the node refuse everything after it.
    """

    __slots__ = ("mean_us",)

    def __init__(self, first_us: int = 0) -> None:
        """Start from a measured warm-up run; 0 means unknown and refuses nothing."""
        self.mean_us = float(first_us)

    def ran(self, works: int, took_us: int) -> None:
        """Count a run of `works` that took `took_us` in all."""
        sample = took_us / works
        if self.mean_us <= 0:
            self.mean_us = sample
            return
        self.mean_us += _WEIGHT * (min(sample, _JUMP * self.mean_us) - self.mean_us)

    def estimate_us(self, ahead: int) -> int:
        """Return the time until a work would be finished that has `ahead` works before it."""
        return int((ahead + 1) * self.mean_us)

    def until_done_us(self, queue: WorkQueue, item: Item, now_us: int) -> int:
        """Return the time until `item` would be finished; the queue's order is looked at only where it matters."""
        estimate_us = self.estimate_us(queue.count)
        if item.deadline_us is not None and now_us + estimate_us > item.deadline_us:
            return self.estimate_us(queue.ahead_of(item.work.header.priority))
        return estimate_us

    def bound_us(self, works: int, limit_us: int) -> int:
        """Return the time within which a run of `works` ends: `limit_us`, or far less once runs have shown that.

        Who is told a bound waits that long before it sees that a run hangs, so a model that takes a millisecond
        must not claim its manifest's second each time.
        """
        if self.mean_us <= 0:
            return limit_us
        return min(limit_us, int(_BOUND * works * self.mean_us))

    def doubt(self) -> None:
        """Lower the estimate a little: it refused work on an idle node, and only work can correct it."""
        self.mean_us *= _DOUBT


def objection(
    item: Item, grantor: Grantor, limits: NodeLimits, *, draining: bool, estimate_us: int, now_us: int
) -> Failed | None:
    """Return what the first rule that objects to taking `item` says, or None."""
    header = item.work.header
    size_bytes = sum(map(len, item.work.body))
    if draining:
        return Failed("draining", "The node is stopping.")
    if grantor.inflight >= grantor.credit:
        return Failed("credit_exceeded", f"{grantor.inflight} of {grantor.credit} slots are taken.")
    if grantor.capability and header.capability and header.capability != grantor.capability:
        return Failed(
            "capability_unknown", f"Capability {header.capability} is not the one that this node offers."
        )
    if size_bytes > limits.max_body_bytes:
        return Failed("too_large", f"A body of {size_bytes} bytes; this node takes {limits.max_body_bytes}.")
    if item.deadline_us is None:
        return None
    if item.deadline_us <= now_us:
        return Failed("expired", "The deadline had passed when the work arrived.")
    if now_us + estimate_us > item.deadline_us:
        left_us = item.deadline_us - now_us
        return Failed(
            "deadline_too_short", f"{left_us} us are left; queueing and the run take about {estimate_us} us."
        )
    return None
