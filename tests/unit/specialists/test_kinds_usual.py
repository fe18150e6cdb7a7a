"""What is usual travels as a plain document and comes back as it was; anything else is refused."""

from __future__ import annotations

import json
from dataclasses import fields

import numpy as np
import pytest

from hive.errors import HiveError
from specialists.kinds.rows import judge
from specialists.kinds.usual import SITUATIONS, Usual, first_usual, joined, read_context, write_context


def learnt(seed: int = 0, rows: int = 200) -> Usual:
    values = np.random.default_rng(seed).normal(10, 2, (1, rows))
    return judge(values, first_usual(values)).usual


def same(one: Usual, other: Usual) -> bool:
    return all(
        np.array_equal(getattr(one, f.name), getattr(other, f.name), equal_nan=True) for f in fields(one)
    )


def test_a_context_comes_back_as_it_was() -> None:
    state = learnt()
    document = json.loads(json.dumps(write_context({"a": state}, 0.25), allow_nan=False))
    known, alarm = read_context(document, ["a", "b"])
    assert list(known) == ["a"]
    assert alarm == 0.25
    again = write_context(known, alarm)
    assert json.loads(json.dumps(again)) == document


def test_a_state_that_came_back_judges_the_same() -> None:
    state = learnt()
    values = np.random.default_rng(5).normal(10, 2, (1, 70))
    known, _ = read_context(write_context({"a": state}, 0.0), ["a"])
    assert np.array_equal(judge(values, state).features, judge(values, known["a"]).features)


def test_first_scales_withstand_a_fault() -> None:
    values = np.concatenate([np.tile([1.0, 3.0], 40), [500.0]])[None]
    state = first_usual(values)
    assert state.level[0] in (1.0, 3.0)
    assert 1.0 < state.spread[0] < 4.0
    assert state.step[0] == 2.0


def test_a_channel_without_values_starts_from_nothing() -> None:
    state = first_usual(np.full((1, 10), np.nan))
    assert (state.level[0], state.spread[0], state.step[0]) == (0.0, 0.0, 0.0)


def test_states_join_and_part() -> None:
    one, other = learnt(1), learnt(2)
    both = joined([one, other])
    assert same(both.only(0), one)
    assert same(both.only(1), other)


def test_no_context_and_one_of_an_earlier_version_say_nothing() -> None:
    assert read_context(None, ["a"]) == ({}, 0.0)
    assert read_context({"version": 1, "channels": {"a": {"location": 1.0}}}, ["a"]) == ({}, 0.0)


def broken(**changes: object) -> dict[str, object]:
    document = write_context({"a": learnt()}, 0.0)
    entry = dict(document["channels"]["a"])  # type: ignore[index]
    entry.update(changes)
    return {**document, "channels": {"a": entry}}


@pytest.mark.parametrize(
    "document",
    [
        "x",
        {"version": 99, "channels": {}},
        {"version": 2},
        {"version": 2, "channels": [], "alarm": 0.0},
        {"version": 2, "channels": {}, "alarm": -1.0},
        {"version": 2, "channels": {"a": None}, "alarm": 0.0},
        {"version": 2, "channels": {"a": {}}, "alarm": 0.0},
        broken(spread=[-1.0]),
        broken(spread=[float("nan")]),
        broken(level=["x"]),
        broken(level=[1e300]),
        broken(shape=[1.0, 2.0]),
        broken(situations=[[1.0] * 6] * (SITUATIONS + 1)),
        broken(situations=[[1.0]]),
        broken(situations=None),
        broken(peak=[0.0]),
        broken(news=[0.0, -1.0]),
    ],
)
def test_other_contexts_are_refused(document: object) -> None:
    with pytest.raises(HiveError, match="context") as error:
        read_context(document, ["a"])
    assert error.value.code == "input_invalid"
