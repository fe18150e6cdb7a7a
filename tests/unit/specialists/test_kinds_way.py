"""The way that all kinds take: groups of similar length, outputs that are checked, answers in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.errors import HiveError
from specialists.engine.base import Array
from specialists.engine.tokenize import padded
from specialists.kinds.base import Answer, Inputs
from specialists.kinds.way import Way, similar


@dataclass
class Sums:
    """An engine that adds up each row, and remembers the shapes that it was fed."""

    fed: list[tuple[int, ...]] = field(default_factory=list)
    extra: float = 0.0
    columns: int = 0

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("ids",)

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        self.fed.append(feeds["ids"].shape)
        sums = feeds["ids"].astype(np.float64).sum(axis=1) + self.extra
        return [np.repeat(sums[:, None], self.columns, axis=1) if self.columns else sums]


def _row(item: Inputs) -> list[int]:
    row = item["row"]
    if not isinstance(row, list):
        raise HiveError("input_invalid", "`row` must be a list.")
    return row


def _answers(rows: Sequence[list[int]], outputs: Sequence[Array]) -> list[Answer]:
    return [Answer((len(row), float(total)), 1.0) for row, total in zip(rows, outputs[0], strict=True)]


def way(engine: Sums) -> Way[list[int]]:
    return Way(
        engine,
        prepare=_row,
        size=len,
        feeds=lambda rows: {"ids": padded(rows)},
        shapes=lambda feeds: [(len(feeds["ids"]),)],
        finish=_answers,
    )


def test_items_of_similar_length_run_together_and_answers_keep_their_order() -> None:
    engine = Sums()
    rows = [[1] * 9, [2], [3] * 10, [4, 4], [5] * 13]
    answers = way(engine).answer([{"row": row} for row in rows])
    assert answers == [Answer((len(row), float(sum(row))), 1.0) for row in rows]
    assert engine.fed == [(1, 1), (1, 2), (3, 13)]


def test_an_input_that_does_not_fit_harms_no_other() -> None:
    engine = Sums()
    first, second, third = way(engine).answer([{"row": [1]}, {"row": "x"}, {"row": [2]}])
    assert (first, third) == (Answer((1, 1.0), 1.0), Answer((1, 2.0), 1.0))
    assert isinstance(second, HiveError)
    assert second.code == "input_invalid"
    assert engine.fed == [(2, 1)]


def test_nothing_that_fits_runs_nothing() -> None:
    engine = Sums()
    assert [type(answer) for answer in way(engine).answer([{"row": None}])] == [HiveError]
    assert way(engine).answer([]) == []
    assert engine.fed == []


@pytest.mark.parametrize("extra", [float("nan"), float("inf")])
def test_outputs_that_are_no_numbers_are_a_failure_of_the_model(extra: float) -> None:
    with pytest.raises(HiveError, match="not all numbers") as caught:
        way(Sums(extra=extra)).answer([{"row": [1]}])
    assert caught.value.code == "inference_failed"


def test_outputs_of_another_shape_are_a_failure_of_the_model() -> None:
    with pytest.raises(HiveError, match=r"the shapes \[\(1, 2\)\], not \[\(1,\)\]") as caught:
        way(Sums(columns=2)).answer([{"row": [1]}])
    assert caught.value.code == "inference_failed"


@given(st.lists(st.integers(1, 200), max_size=40))
def test_groups_hold_every_place_once_and_are_similar(sizes: list[int]) -> None:
    groups = similar(sizes)
    assert sorted(place for group in groups for place in group) == list(range(len(sizes)))
    for group in groups:
        inside = [sizes[place] for place in group]
        assert max(inside) <= 1.5 * min(inside)
    longest = [max(sizes[place] for place in group) for group in groups]
    assert longest == sorted(set(longest))
