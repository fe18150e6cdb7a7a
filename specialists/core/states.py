"""The states of a node and of each attempt that it holds, as tables; docs draw their diagrams from them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class NodeState(StrEnum):
    """Where the node stands."""

    WORKING = "working"
    DRAINING = "draining"  # takes nothing new, finishes what it has
    DRAINED = "drained"  # has said goodbye


class ItemState(StrEnum):
    """Where one attempt stands on this node."""

    QUEUED = "queued"
    RUNNING = "running"
    ABANDONED = "abandoned"  # runs, but its grantor no longer wants it
    UNACKED = "unacked"  # answered or refused; kept until the grantor says that it has it
    GONE = "gone"


_N, _I = NodeState, ItemState
NODE_TRANSITIONS: Final[dict[tuple[NodeState, str], NodeState]] = {
    (_N.WORKING, "drain"): _N.DRAINING,
    (_N.DRAINING, "finished"): _N.DRAINED,
}
ITEM_TRANSITIONS: Final[dict[tuple[ItemState, str], ItemState]] = {
    (_I.QUEUED, "started"): _I.RUNNING,
    (_I.QUEUED, "refused"): _I.UNACKED,
    (_I.QUEUED, "dropped"): _I.GONE,
    (_I.RUNNING, "finished"): _I.UNACKED,
    (_I.RUNNING, "dropped"): _I.ABANDONED,
    (_I.ABANDONED, "finished"): _I.GONE,
    (_I.UNACKED, "acked"): _I.GONE,
    (_I.UNACKED, "dropped"): _I.GONE,
}


class NodeFaultError(RuntimeError):
    """The shell fed the core an event that its state forbids, or an invariant does not hold: our own fault."""


def next_node(state: NodeState, event: str) -> NodeState:
    """Return the state after `event`; raise NodeFaultError if the table has no such transition."""
    target = NODE_TRANSITIONS.get((state, event))
    if target is None:
        raise NodeFaultError(f"a node that is {state} cannot take {event!r}")
    return target


def next_item(state: ItemState, event: str) -> ItemState:
    """Return the state after `event`; raise NodeFaultError if the table has no such transition."""
    target = ITEM_TRANSITIONS.get((state, event))
    if target is None:
        raise NodeFaultError(f"an attempt that is {state} cannot take {event!r}")
    return target
