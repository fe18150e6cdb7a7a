"""Sensor windows become views on one scale, and the context carries what is usual."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hive.errors import HiveError
from specialists.kinds.windows import FEATURES, LENGTH, Usual, features, read_context, usual_of, write_context


def test_views_do_not_depend_on_units() -> None:
    signal = np.sin(np.arange(100, dtype=np.float32) / 5)
    plain, scaled = features(signal, None), features(1000 * signal + 5000, None)
    assert plain.shape == (3, FEATURES, LENGTH)
    assert np.allclose(plain, scaled, atol=1e-2)


def test_short_and_missing_values_are_masked() -> None:
    values = np.arange(10, dtype=np.float32)
    values[3] = np.nan
    view = features(values, None)[0]
    assert view[2].sum() == 9
    assert not view[:2, : LENGTH - 10].any()
    assert view[0, LENGTH - 10 + 3] == 0
    assert np.isfinite(view).all()


def test_constant_and_huge_values_stay_finite() -> None:
    for values in (np.zeros(20), np.full(20, 3e38), np.array([1e-38, -3e38, 3e38] * 10)):
        assert np.isfinite(features(values.astype(np.float32), Usual(0.0, 0.0, 0.0, 0.0))).all()


def test_the_context_moves_towards_what_is_seen() -> None:
    usual = Usual(0.0, 1.0, 1.0, 2.0, 0.0, 10)
    after = usual.after(Usual(10.0, 2.0, 1.0, 2.0))
    assert (after.location, after.scale, after.wander, after.windows) == (2.0, 1.2, 2.0, 11)
    assert usual.after(Usual(10.0, 2.0, 1.0, 2.0), pace=0.25).location == 0.5


def test_the_context_survives_json() -> None:
    usual = {"a": usual_of(np.arange(20, dtype=np.float32))}
    document = json.loads(json.dumps(write_context(usual)))
    assert read_context(document, ["a", "new"]) == usual


@pytest.mark.parametrize(
    "document",
    [
        3,
        {},
        {"version": 2, "channels": {}},
        {"version": 1, "channels": []},
        {"version": 1, "channels": {"a": None}},
        {
            "version": 1,
            "channels": {"a": {"location": 0, "scale": -1, "step": 0, "peak": 0, "wander": 0, "windows": 1}},
        },
        {
            "version": 1,
            "channels": {
                "a": {"location": float("nan"), "scale": 1, "step": 0, "peak": 0, "wander": 0, "windows": 1}
            },
        },
        {
            "version": 1,
            "channels": {
                "a": {"location": 0, "scale": 1, "step": 0, "peak": 0, "wander": 0, "windows": "many"}
            },
        },
        {
            "version": 1,
            "channels": {
                "a": {"location": 10**400, "scale": 1, "step": 0, "peak": 0, "wander": 0, "windows": 1}
            },
        },
    ],
)
def test_a_foreign_context_is_refused(document: object) -> None:
    with pytest.raises(HiveError) as caught:
        read_context(document, ["a"])
    assert caught.value.code == "input_invalid"
