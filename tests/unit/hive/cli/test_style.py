"""Bars, durations and the colours of states."""

from __future__ import annotations

import pytest

from conductor.core.states import NodeState
from hive.cli.style import bar, colour, millis, state_text
from hive.clients.result import FINAL_STATES


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        (0, 8, "········"),
        (8, 8, "████████"),
        (4, 8, "████····"),
        (1, 1000, "▏·······"),
        (99, 8, "████████"),
        (-1, 8, "········"),
        (1, 0, "········"),
    ],
)
def test_a_bar_is_never_empty_for_something_nor_longer_than_its_place(
    part: float, whole: float, expected: str
) -> None:
    assert bar(part, whole).plain == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.1234, "0.12 ms"), (1.26, "1.3 ms"), (99.4, "99.4 ms"), (250, "250 ms"), (12_340, "12.3 s")],
)
def test_durations_are_short(value: float, expected: str) -> None:
    assert millis(value) == expected


@pytest.mark.parametrize("state", sorted({*(state.value for state in NodeState), *FINAL_STATES}))
def test_every_state_of_a_node_or_task_has_its_colour(state: str) -> None:
    assert colour(state) != "default"
    assert state_text(state).plain == f"● {state}"


def test_what_is_no_state_has_none() -> None:
    assert colour("?") == "default"
