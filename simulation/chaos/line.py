"""The ways in which a caller asks: what it is told each time, and the port that HTTP and the wire implement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from simulation.chaos.payloads import digest_of

DOUBTFUL: Final = frozenset(
    {"unreachable", "draining", "expired", "internal", "node_lost", "lease_expired", "store_unavailable"}
)
"""Codes after which nobody knows whether a submission was taken: it may have been, and only its receipt was lost."""
PASSING: Final = frozenset(
    {
        "queue_full",
        "quota_exceeded",
        "planning_unavailable",
        "no_node",
        "no_route",
        "capability_unknown",
        "link_down",
    }
)
"""Codes that say nothing certain of what is not durable: a conductor may have begun with it, and died; gateways and
clients then ask again under the same id, and this is the answer of the next one, which knows nothing of the first."""


@dataclass(frozen=True, slots=True)
class Order:
    """One submission. `task` is an id that the caller chose, `key` an idempotency key; both may be empty."""

    payload: str
    capability: str
    label: str
    deadline_ms: int
    durable: bool
    hold: bool
    key: str = ""
    task: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """How a call ended: `ok`, `fail` or `unknown`, with what a history keeps of it."""

    kind: str
    task: str = ""
    state: str = ""
    digest: str = ""
    code: str = ""
    again_s: float = 0.0


class Line(Protocol):
    """Asks one site. No method raises for what a mesh does: it is told."""

    async def submit(self, order: Order) -> Told:
        """Submit a durable task, or run one that is not and wait for its outcome."""
        ...

    async def read(self, task: str, wait_s: float) -> Told:
        """Ask where a task stands, and wait so long for its outcome."""
        ...

    async def cancel(self, task: str) -> Told:
        """Cancel a task."""
        ...

    async def close(self) -> None:
        """Hang up."""
        ...


def refused(code: str, again_s: float = 0.0, *, durable: bool = True) -> Told:
    """Return what an error without an outcome means: certainly nothing was accepted, or nobody knows."""
    doubtful = code in DOUBTFUL or (code in PASSING and not durable)
    return Told("unknown" if doubtful else "fail", code=code, again_s=again_s)


def ended(task: str, state: str, output: object, error: object) -> Told:
    """Return what an answer that names a state means."""
    if state == "done":
        return Told("ok", task, state, digest_of(output))
    code = str(error.get("code", "")) if isinstance(error, dict) else ""
    return Told("ok", task, state, code)
