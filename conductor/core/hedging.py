"""When a slow attempt is worth a second one beside it, and what all of these together may cost.

Dean and Barroso, "The Tail at Scale", CACM 56(2), 2013: ask a second replica once the first has been out for longer
than nearly all requests take, and the tail goes for a few per cent of extra work. Here each fresh step earns its
capability a share of a hedge, so that the extra work stays bounded whatever the latencies do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from conductor.core.settings import Settings

if TYPE_CHECKING:
    from conductor.core.nodes import Node
    from conductor.core.pools import Pool
    from conductor.core.state import Capability
    from conductor.core.tasks import Task

_RATE: Final = 0.05
_WARM: Final = 100
"""Answers before the estimate is used."""


class Hedging:
    """What one capability has to go by: how long nearly all of its attempts take, and the hedges that it has earned.

    The quantile is tracked by multiplicative updates (DUMIQE: Yazidi and Hammer, "Multiplicative Update Methods for
    Incremental Quantile Estimation", IEEE Trans. Cybernetics 49(3), 2019): constant cost, no memory of samples, and it
    follows latencies that change. `after_us` is 0 until enough is known.
    """

    __slots__ = ("_down", "_estimate_us", "_seen", "_up", "after_us", "burst", "least_us", "share", "tokens")

    def __init__(self, settings: Settings) -> None:
        """Start with a full bucket and no estimate."""
        self.burst = settings.hedge_burst
        self.share = settings.hedge_share
        self.least_us = settings.hedge_least_us
        self.tokens = settings.hedge_burst
        self.after_us = 0
        self._up = 1.0 + _RATE * settings.hedge_quantile
        self._down = 1.0 - _RATE * (1.0 - settings.hedge_quantile)
        self._estimate_us = 0.0
        self._seen = 0

    def took(self, us: int) -> None:
        """Count the time from giving an attempt to hearing of its end."""
        estimate = self._estimate_us
        if estimate <= 0.0:
            estimate = float(us)
        elif us > estimate:
            estimate *= self._up
        else:
            estimate *= self._down
        self._estimate_us = estimate
        self._seen += 1
        if self._seen >= _WARM:
            self.after_us = max(self.least_us, int(estimate))

    def earned(self) -> None:
        """Count a fresh step."""
        self.tokens = min(self.burst, self.tokens + self.share)


def worth_it(capability: Capability, pool: Pool[Node], task: Task) -> bool:
    """Say whether a step that has just been given to a node should be looked at again before it is late.

    A step that moved, failed or lost its node is not hedged: what follows from that is decided elsewhere, and a task
    that takes nodes down must not be given two at once.
    """
    hedging = capability.hedging
    return bool(
        hedging.after_us
        and hedging.tokens >= 1.0
        and len(task.live) == 1
        and (len(pool.members) > 1 or len(capability.home) > 1)
        and not (task.tried or task.kills or task.failures)
    )
