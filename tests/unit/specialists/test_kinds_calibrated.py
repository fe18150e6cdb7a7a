"""Confidence from logits, and what follows from the parts of an answer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hive.errors import HiveError
from specialists.kinds.base import Answer, consistent
from specialists.kinds.calibrated import Calibration, softmax


def test_probabilities_add_up_and_the_temperature_flattens_them() -> None:
    logits = np.array([[0.0, math.log(3.0)], [1000.0, 1000.0]], dtype=np.float32)
    np.testing.assert_allclose(softmax(logits, 1.0), [[0.25, 0.75], [0.5, 0.5]], rtol=1e-6)
    np.testing.assert_allclose(softmax(logits, 1e9), [[0.5, 0.5], [0.5, 0.5]], rtol=1e-6)


def test_a_calibration_says_from_when_an_input_is_unfamiliar() -> None:
    settings = {"temperature": 1, "unsure_below": 0.5}
    assert Calibration.of(settings) == Calibration(1.0, 0.5, math.inf)
    assert Calibration.of(settings | {"unfamiliar_from": 0.25}).unfamiliar_from == 0.25
    with pytest.raises(HiveError, match=r"calibration\.temperature"):
        Calibration.of({"unsure_below": 0.5})
    with pytest.raises(HiveError, match=r"calibration\.unfamiliar_from"):
        Calibration.of(settings | {"unfamiliar_from": "often"})


def test_who_is_unfamiliar_is_unsure_and_who_is_unsure_removes_nothing() -> None:
    pii = frozenset({"pii"})
    strange = consistent(Answer({"text": "x"}, 0.9, removes=pii, unfamiliar=True))
    assert strange == Answer({"text": "x", "unfamiliar": True}, 0.9, unsure=True, unfamiliar=True)
    unsure = consistent(Answer({"text": "x"}, 0.2, unsure=True, removes=pii))
    assert unsure == Answer({"text": "x", "unfamiliar": False}, 0.2, unsure=True)
    assert consistent(Answer("x", 1.0, removes=pii)) == Answer("x", 1.0, removes=pii)
