"""The tables are complete: every state can be reached and left, and an illegal event changes nothing."""

from __future__ import annotations

import pytest

from specialists.core.states import (
    ITEM_TRANSITIONS,
    NODE_TRANSITIONS,
    ItemState,
    NodeFaultError,
    NodeState,
    next_item,
    next_node,
)


def test_every_state_is_reached_and_only_the_last_are_never_left() -> None:
    items = {state for state, _ in ITEM_TRANSITIONS}
    assert set(ItemState) - items == {ItemState.GONE}
    assert set(ITEM_TRANSITIONS.values()) == set(ItemState) - {ItemState.QUEUED}
    assert set(NodeState) - {state for state, _ in NODE_TRANSITIONS} == {NodeState.DRAINED}
    assert set(NODE_TRANSITIONS.values()) == set(NodeState) - {NodeState.WORKING}


def test_an_illegal_event_is_refused() -> None:
    with pytest.raises(NodeFaultError, match="running cannot take 'started'"):
        next_item(ItemState.RUNNING, "started")
    with pytest.raises(NodeFaultError, match="drained cannot take 'drain'"):
        next_node(NodeState.DRAINED, "drain")
