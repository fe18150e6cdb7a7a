"""An estimate is a number with the limits that the manifest's radius gives, and with reasons."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.types import TypeRegistry
from hive.values import decode_value, encode_value
from specialists.kinds.base import Answer
from specialists.kinds.estimate import Estimate
from tests.fakes.record_model import Summing, parts_of


@pytest.fixture
def estimate(tmp_path: Path) -> Estimate:
    return Estimate(parts_of(tmp_path, Summing(modes=False)))


def test_value_limits_and_reasons(estimate: Estimate) -> None:
    # torque -0.5, product 52500: -1.5, in units of 10 around 100
    (answer,) = estimate.answer([{"record": {"torque_nm": 35, "speed": 1500, "grade": "low"}}])
    assert answer == Answer(
        {
            "value": 80.0,
            "low": 72.5,
            "high": 87.5,
            "reasons": ["torque 35 Nm (usual 30 to 50)"],
        },
        0.9,
    )


def test_an_unfamiliar_record_is_unsure(estimate: Estimate) -> None:
    (answer,) = estimate.answer([{"record": {"torque_nm": 35, "speed": 9000, "grade": "low"}}])
    assert isinstance(answer, Answer)
    assert answer.unfamiliar
    assert answer.confidence == 0.5


def test_an_answer_is_the_same_alone_and_in_a_batch_and_travels(estimate: Estimate) -> None:
    items = [estimate.sample(), {"record": {"speed": 1400}}, {"record": {"grade": "high", "torque_nm": 50}}]
    answers = estimate.answer(items)
    assert answers == [estimate.answer([item])[0] for item in items]
    kind = TypeRegistry().get("estimate")
    for answer in answers:
        assert isinstance(answer, Answer)
        assert decode_value(kind, encode_value(kind, answer.output)) == answer.output
