"""What callers ask for and what they are told, as names and as digests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hive.ids import TaskId, task_id_for_key
from hive.wire.messages import Header, Outcome, Submit
from simulation.sim.engine import shape_of

if TYPE_CHECKING:
    from simulation.sim.plan import Submission
    from simulation.sim.scenario import Scenario


def task_of(ask: Submission, seed: int) -> TaskId:
    """Return the id of a task: its key's, or one of its own."""
    if ask.key:
        return task_id_for_key(ask.key)
    return TaskId(ask.number.to_bytes(8, "big") + (seed & (1 << 63) - 1).to_bytes(8, "big"))


def submit_of(header: Header, ask: Submission, scenario: Scenario) -> Submit:
    """Return what a caller sends: one value without a name, or one for each input; a wish names its type instead."""
    number = b"<%d>" % ask.number
    nodes = next(nodes for nodes in scenario.nodes if nodes.capability == ask.capability)
    want = nodes.output if ask.wished and scenario.makes_alone(ask.capability) else ""
    named: tuple[tuple[str, str, int], ...] = ()
    body: tuple[bytes, ...] = (number,)
    if nodes.also or want:
        named = tuple((name, scenario.given(kind), 1) for name, kind in shape_of(nodes))
        body = tuple(kind.encode() + number for _, kind, _ in named)
    return Submit(header, "" if want else ask.capability, want, named, ask.min_confidence, ask.key, body=body)


def digest_of(outcome: Outcome) -> str:
    """Return what stands for an outcome: what it says of the payload, or the code of its error."""
    if outcome.state != "done":
        return str(outcome.error.get("code", ""))
    return b"".join(outcome.body).replace(b"[", b"<").replace(b"]", b">").decode()


def scheduled(asks: Sequence[Submission]) -> list[tuple[int, str, Submission]]:
    """Return everything that callers do of their own accord: (instant, what, about)."""
    found = []
    for ask in asks:
        found.append((ask.at_us, "submit", ask))
        if ask.again_us >= 0:
            found.append((ask.at_us + ask.again_us, "submit", ask))
        if ask.cancel_us >= 0:
            found.append((ask.at_us + ask.cancel_us, "cancel", ask))
    return found
