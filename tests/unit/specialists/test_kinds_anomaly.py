"""The bundled anomaly specialist flags clear faults, stays quiet otherwise, and adapts only through the context."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from hive.errors import HiveError
from hive.types import TypeRegistry
from hive.values import decode_value, encode_value
from specialists.kinds.base import Answer
from specialists.load import Specialist, load

Floats = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def specialist() -> Specialist:
    return load("sensor-detect-anomaly")


def window(values: npt.NDArray[np.floating], context: object = None) -> dict[str, object]:
    table = values.astype(np.float32).reshape(len(values), -1)
    channels = [f"c{i}" for i in range(table.shape[1])]
    document = {
        "source": "pump-7",
        "channels": channels,
        "interval_s": 1.0,
        "values": table,
        "context": context,
    }
    return {"window": document}


def verdict(
    specialist: Specialist, values: npt.NDArray[np.floating], context: object = None
) -> dict[str, object]:
    (answer,) = specialist.answer([window(values, context)])
    assert isinstance(answer, Answer)
    assert isinstance(answer.output, dict)
    assert 0.5 <= answer.confidence <= 1
    return answer.output


def wave(count: int, seed: int, level: float = 20.0) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return level + 3 * np.sin(np.arange(count) / 6 + seed) + rng.normal(size=count) * 0.4


def spiked(values: Floats) -> None:
    values[40] += 30


def shifted(values: Floats) -> None:
    values[35:] += 25


def dropped(values: Floats) -> None:
    values[30:40] = -40


def learnt(specialist: Specialist, windows: int = 8) -> object:
    context: object = None
    for part in range(windows):
        context = verdict(specialist, wave(64, part), context)["context"]
    return context


@pytest.mark.parametrize("fault", [spiked, shifted, dropped])
def test_clear_faults_are_flagged(specialist: Specialist, fault: Callable[[Floats], None]) -> None:
    context = learnt(specialist)
    flagged = 0
    for seed in range(10):
        values = wave(64, seed).astype(np.float32)
        fault(values)
        output = verdict(specialist, values, context)
        flagged += bool(output["anomalous"])
        assert output["begins"] is None or 25 <= int(str(output["begins"])) < 64
    assert flagged >= 9


@pytest.mark.parametrize("fault", [spiked, dropped])
def test_a_clear_fault_is_flagged_in_a_first_window(
    specialist: Specialist, fault: Callable[[Floats], None]
) -> None:
    flagged = 0
    for seed in range(10):
        values = wave(64, seed).astype(np.float32)
        fault(values)
        flagged += bool(verdict(specialist, values)["anomalous"])
    assert flagged >= 9


def test_a_verdict_follows_from_score_and_threshold(specialist: Specialist) -> None:
    context = learnt(specialist)
    for seed in range(20):
        values = wave(64, seed) * (1 + seed / 10)
        output = verdict(specialist, values, context)
        assert output["anomalous"] == (float(str(output["score"])) >= float(str(output["threshold"])))


def test_one_value_is_a_window_where_the_context_knows_the_channel(specialist: Specialist) -> None:
    context = learnt(specialist)
    assert not verdict(specialist, np.array([20.5]), context)["anomalous"]
    far = verdict(specialist, np.array([90.0]), context)
    assert far["anomalous"]
    assert far["begins"] == 0


def test_values_one_by_one_are_judged_like_a_window(specialist: Specialist) -> None:
    context = learnt(specialist)
    values = wave(40, 3)
    values[20] += 40
    whole = verdict(specialist, values, context)
    begins = []
    for row, value in enumerate(values):
        output = verdict(specialist, np.array([value]), context)
        context = output["context"]
        begins += [row] * (output["begins"] is not None)
    assert whole["begins"] == begins[0] == 20


def test_a_stuck_sensor_is_flagged_against_its_past(specialist: Specialist) -> None:
    context = learnt(specialist)
    stuck = [np.full(64, wave(64, part)[-1]) for part in range(10)]
    assert sum(bool(verdict(specialist, values, context)["anomalous"]) for values in stuck) >= 9


def test_a_new_level_is_flagged_against_the_past_and_gets_usual(specialist: Specialist) -> None:
    context = learnt(specialist)
    seen = []
    for part in range(60):
        output = verdict(specialist, wave(64, part, level=60.0), context)
        context = output["context"]
        seen.append(output["anomalous"])
    assert seen[0]
    assert not any(seen[-5:])


def test_a_context_stays_small(specialist: Specialist) -> None:
    context = learnt(specialist, 40)
    assert len(json.dumps(context)) < 12_000


def test_clean_signals_stay_quiet(specialist: Specialist) -> None:
    rng = np.random.default_rng(5)
    flagged = 0
    for run in range(10):
        context: object = None
        for part in range(6):
            t = np.arange(64 * part, 64 * (part + 1))
            values = np.stack(
                [np.sin(t / 7 + run) + rng.normal(size=64) * 0.2, rng.normal(size=64) + 100], axis=1
            )
            output = verdict(specialist, values, context)
            context = output["context"]
            flagged += bool(output["anomalous"])
    assert flagged <= 4


def test_a_flat_line_without_a_past_is_no_fault(specialist: Specialist) -> None:
    assert not verdict(specialist, np.full(64, 7.0))["anomalous"]


def test_the_faulty_channel_scores_highest(specialist: Specialist) -> None:
    values = np.stack([wave(64, 1), wave(64, 2), wave(64, 3)], axis=1)
    values[30:50, 1] += 40
    output = verdict(specialist, values)
    channels = output["channels"]
    assert isinstance(channels, list)
    assert [c["name"] for c in channels] == ["c0", "c1", "c2"]
    assert max(channels, key=lambda c: c["score"])["name"] == "c1"
    assert output["score"] == max(c["score"] for c in channels)


@pytest.mark.parametrize("steps", [8, 20, 64, 65, 100, 1000, 4096])
def test_windows_of_many_lengths_are_taken(specialist: Specialist, steps: int) -> None:
    values = wave(steps, 1)
    values[::9] = np.nan
    output = verdict(specialist, values)
    json.dumps(output["context"], allow_nan=False)


def test_a_spike_is_found_wherever_it_is_in_a_long_window(specialist: Specialist) -> None:
    context = learnt(specialist)
    for at in (5, 31, 64, 200, 297):
        values = wave(300, 2)
        values[at] += 40
        output = verdict(specialist, values, context)
        assert output["anomalous"], at
        assert output["begins"] == at


def test_the_answer_survives_the_wire(specialist: Specialist) -> None:
    output = verdict(specialist, wave(64, 1))
    kind = TypeRegistry().get("anomaly")
    decoded = decode_value(kind, encode_value(kind, output))
    assert isinstance(decoded, dict)
    assert verdict(specialist, wave(64, 2), decoded["context"]) == verdict(
        specialist, wave(64, 2), output["context"]
    )


def test_an_answer_is_the_same_alone_and_in_a_batch(specialist: Specialist) -> None:
    context = verdict(specialist, wave(64, 9))["context"]
    items = [
        window(wave(64, 1)),
        window(wave(300, 2)),
        window(np.stack([wave(20, 3)] * 3, 1)),
        window(wave(64, 4), context),
    ]
    alone = [specialist.answer([item])[0] for item in items]
    assert specialist.answer(items) == alone


@pytest.mark.parametrize(
    "change",
    [
        {"values": np.zeros((64, 2), np.float32)},
        {"values": np.zeros(64, np.float32)},
        {"values": np.zeros((7, 1), np.float32)},
        {"values": np.zeros((5000, 1), np.float32)},
        {"values": np.full((64, 1), np.inf, np.float32)},
        {"values": np.full((64, 1), np.nan, np.float32)},
        {"values": np.full((64, 1), "x")},
        {"values": None},
        {"channels": []},
        {"channels": "c0"},
        {"channels": [1]},
        {"channels": ["a", "a"], "values": np.zeros((64, 2), np.float32)},
        {"context": {"version": 99}},
    ],
)
def test_bad_windows_are_refused_and_harm_no_other(specialist: Specialist, change: dict[str, object]) -> None:
    good = window(wave(64, 1))
    document = good["window"]
    assert isinstance(document, dict)
    bad, fine = specialist.answer([{"window": document | change}, good])
    assert isinstance(bad, HiveError)
    assert bad.code == "input_invalid"
    assert isinstance(fine, Answer)


def test_what_is_no_window_is_refused(specialist: Specialist) -> None:
    for item in ({}, {"window": [1, 2]}, {"window": "x"}):
        (answer,) = specialist.answer([item])
        assert isinstance(answer, HiveError)
