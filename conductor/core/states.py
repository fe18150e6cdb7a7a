"""States and transitions as tables. An event that a state does not list is a fault of ours and changes nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class TaskState(StrEnum):
    """Where a task stands. `accepting` and `planning` show as `queued` outside."""

    ACCEPTING = "accepting"
    PLANNING = "planning"
    QUEUED = "queued"
    RUNNING = "running"
    CLOSING = "closing"
    DONE = "done"
    FAILED = "failed"
    DEAD_LETTERED = "dead_lettered"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"


class NodeState(StrEnum):
    """Where a node stands. Only a ready node is given work."""

    JOINING = "joining"
    READY = "ready"
    SUSPECT = "suspect"
    DRAINING = "draining"
    QUARANTINED = "quarantined"
    LOST = "lost"


T, N = TaskState, NodeState
FINAL: Final = frozenset({T.DONE, T.FAILED, T.DEAD_LETTERED, T.CANCELLED, T.EXPIRED, T.REFUSED})
OPEN: Final = frozenset(T) - FINAL

TASK: Final[dict[tuple[TaskState, str], TaskState]] = {
    (T.PLANNING, "planned"): T.QUEUED,
    (T.PLANNING, "planned_durable"): T.ACCEPTING,
    (T.ACCEPTING, "committed"): T.QUEUED,
    (T.QUEUED, "placed"): T.RUNNING,
    (T.RUNNING, "placed"): T.RUNNING,
    (T.RUNNING, "unplaced"): T.QUEUED,
    (T.RUNNING, "next_step"): T.QUEUED,
    (T.QUEUED, "next_step"): T.QUEUED,
    (T.QUEUED, "unplaced"): T.QUEUED,
}

NODE: Final[dict[tuple[NodeState, str], NodeState]] = {
    (N.JOINING, "granted"): N.READY,
    (N.JOINING, "flapping"): N.QUARANTINED,
    (N.JOINING, "drains"): N.DRAINING,
    (N.JOINING, "gone"): N.LOST,
    (N.READY, "silent"): N.SUSPECT,
    (N.READY, "drains"): N.DRAINING,
    (N.READY, "gone"): N.LOST,
    (N.SUSPECT, "beat"): N.READY,
    (N.SUSPECT, "drains"): N.DRAINING,
    (N.SUSPECT, "gone"): N.LOST,
    (N.DRAINING, "gone"): N.LOST,
    (N.QUARANTINED, "released"): N.READY,
    (N.QUARANTINED, "drains"): N.DRAINING,
    (N.QUARANTINED, "gone"): N.LOST,
}

SHOWN: Final = {T.ACCEPTING: T.QUEUED, T.PLANNING: T.QUEUED, T.CLOSING: T.RUNNING}


_NAMES: Final = {state: SHOWN.get(state, state).value for state in TaskState}
_COUNTERS: Final = {state: f"tasks_{state.value}" for state in TaskState}


def shown(state: TaskState) -> str:
    """Return the state as the API names it."""
    return _NAMES[state]


def counter(state: TaskState) -> str:
    """Return the counter of the tasks that came to this state."""
    return _COUNTERS[state]


class InvariantError(AssertionError):
    """The core would break one of its own rules: a fault of ours, with the story so far."""


def next_task(state: TaskState, event: str) -> TaskState:
    """Return the state after `event`; raise InvariantError if the table has no such move."""
    try:
        return TASK[state, event]
    except KeyError:
        raise InvariantError(f"a task that is {state} cannot be {event}") from None


def next_node(state: NodeState, event: str) -> NodeState:
    """Return the state after `event`; raise InvariantError if the table has no such move."""
    try:
        return NODE[state, event]
    except KeyError:
        raise InvariantError(f"a node that is {state} cannot take {event}") from None
