"""The times of a dialling side: how long it waits for what, and before it dials again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hive.core.backoff import RECONNECT_CAP_US
from hive.record import record

LOCAL_CAP_US: Final = 100_000
"""The longest wait before a socket of this machine is dialled again."""


@record
class LinkTuning:
    """Times of a link in microseconds.

    `greeting_us` is how long HELLO may stay unanswered; the session counts as silent `silence_beats` beats, but
    at least `silence_floor_us`, after something that wants an answer. Where answers were slow of late more than once,
    because packets are lost, it is four times the second slowest, at most `silence_cap_us`: dialling anew would not be
    quicker. A refusal backs off more slowly than a lost connection: it changes when people change something.
    """

    greeting_us: int = 1_000_000
    silence_beats: int = 10
    silence_floor_us: int = 2_000_000
    silence_cap_us: int = 10_000_000
    backoff_base_us: int = 20_000
    backoff_cap_us: int = RECONNECT_CAP_US
    refused_base_us: int = 100_000
    refused_cap_us: int = 5_000_000


def tuning_of(endpoints: Sequence[str]) -> LinkTuning:
    """Return the usual times; whoever dials only this machine disturbs no network and has no crowd beside it."""
    if endpoints and all(endpoint.startswith("ipc://") for endpoint in endpoints):
        return LinkTuning(backoff_cap_us=LOCAL_CAP_US)
    return LinkTuning()
