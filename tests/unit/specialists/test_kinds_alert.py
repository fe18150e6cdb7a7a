"""Alerts name the fault of the worst channel, and say its numbers as they are."""

from __future__ import annotations

import numpy as np
import pytest

from hive.errors import HiveError
from specialists.kinds.base import Answer, Inputs
from specialists.kinds.extent import extent_of
from specialists.kinds.pieces import LENGTH, VIEWS, Piece, Scale, scale_of, view_of, worst_piece
from specialists.kinds.sentence import duration, number, sentence, severity
from specialists.kinds.usual import Floats
from specialists.load import Specialist, load

SCALE = Scale(level=20.0, spread=1.0, step=0.5, floor=1e-5)


@pytest.fixture(scope="module")
def specialist() -> Specialist:
    return load("sensor-describe-anomaly")


@pytest.fixture(scope="module")
def detector() -> Specialist:
    return load("sensor-detect-anomaly")


def piece(values: Floats) -> Piece:
    return Piece(values, 0, SCALE)


def noisy(rows: int = 100, seed: int = 0) -> Floats:
    return 20 + np.random.default_rng(seed).normal(size=rows) * 0.5


def described(
    specialist: Specialist, values: Floats, context: object, **anomaly: object
) -> dict[str, object]:
    window = {"source": "press-1", "channels": ["temperature"], "interval_s": 2.0, "values": values[:, None]}
    found = {"anomalous": True, "score": 0.9, "threshold": 0.3, "context": context, **anomaly}
    (answer,) = specialist.answer([{"window": window, "anomaly": found}])
    assert isinstance(answer, Answer), answer
    assert isinstance(answer.output, dict)
    return answer.output


def past(detector: Specialist, rows: int = 640) -> object:
    values = noisy(rows, 7)[:, None].astype(np.float32)
    window = {"source": "press-1", "channels": ["temperature"], "interval_s": 2.0, "values": values}
    (answer,) = detector.answer([{"window": window}])
    assert isinstance(answer, Answer)
    assert isinstance(answer.output, dict)
    return answer.output["context"]


def test_the_numbers_of_a_spike() -> None:
    values = noisy()
    values[40:42] = 30.0
    found = extent_of("spike", piece(values))
    assert (found.start, found.end, found.after) == (40, 42, 30.0)
    assert found.times == pytest.approx(10, abs=0.5)
    words = sentence("spike", "temperature", "press-1", found, 2.0)
    assert words.startswith("temperature on press-1 jumped from ")
    assert words.endswith(f" to 30 for 4 s, {found.times:.1f} times its usual spread.")


def test_the_numbers_of_a_new_level() -> None:
    values = noisy()
    values[60:] += 5
    found = extent_of("level_shift", piece(values))
    assert found.start == 60
    assert found.end == 100
    assert found.times == pytest.approx(5, abs=0.5)


def test_a_window_that_begins_in_the_new_level_came_from_the_usual_one() -> None:
    values = noisy() + 5
    values[70:] -= 5
    found = extent_of("level_shift", piece(values))
    assert (found.start, found.end, found.before) == (0, 70, 20.0)


def test_the_numbers_of_a_sensor_that_stands_still() -> None:
    values = noisy()
    values[30:80] = 19.0
    found = extent_of("stuck", piece(values))
    assert (found.start, found.end, found.after) == (30, 80, 19.0)
    assert severity("stuck", found) == "high"


def test_the_numbers_of_missing_values() -> None:
    values = noisy()
    values[50:56] = np.nan
    values[52] = 20
    found = extent_of("missing", piece(values))
    assert (found.start, found.end, found.count) == (50, 56, 5.0)
    assert sentence("missing", "flow", "", found, 60.0) == "5 values of flow are missing within 6 min."


def test_the_period_of_an_oscillation() -> None:
    values = 20 + 4 * np.sin(2 * np.pi * np.arange(120) / 12)
    found = extent_of("oscillation", piece(values))
    assert found.count == pytest.approx(12)
    assert found.times == pytest.approx(4, abs=0.3)


@pytest.mark.parametrize(
    "kind", ["spike", "level_shift", "drift", "stuck", "noise", "oscillation", "missing"]
)
@pytest.mark.parametrize("rows", [1, 2, 5, 64, 128])
def test_every_kind_has_numbers_whatever_the_piece(kind: str, rows: int) -> None:
    for values in (np.full(rows, 3.0), noisy(rows), np.where(np.arange(rows) == 0, 4.0, np.nan)):
        found = extent_of(kind, piece(values))
        assert 0 <= found.start < found.end <= rows + 1
        assert np.isfinite([found.before, found.after, found.times, found.count]).all()
        assert sentence(kind, "c", "s", found, 1.0).endswith(".")


def test_numbers_and_times_are_written_for_people() -> None:
    assert [number(v) for v in (71.23456, 0.000123456, 123456.7, -3.0)] == [
        "71.23",
        "0.0001235",
        "123,457",
        "-3",
    ]
    assert [duration(v) for v in (0.5, 12, 600, 9000)] == ["0.5 s", "12 s", "10 min", "2.5 h"]


def test_a_piece_is_where_the_window_is_farthest_from_usual() -> None:
    values = noisy(1000)
    values[700] += 30
    found = worst_piece(values, SCALE)
    assert found.begin <= 700 < found.begin + LENGTH
    view = view_of(found)
    assert view.shape == (VIEWS, LENGTH)
    assert np.abs(view).max() <= 6.0


def test_a_short_piece_is_filled_up_in_front() -> None:
    view = view_of(piece(noisy(30)))
    assert view[5].tolist() == [0.0] * 98 + [1.0] * 30
    assert not view[:, :98].any()


def test_without_much_of_a_context_the_window_says_what_is_usual() -> None:
    values = noisy()
    assert scale_of(values, None, 128).level == pytest.approx(20, abs=0.2)


def test_clear_faults_are_named(specialist: Specialist, detector: Specialist) -> None:
    context = past(detector)
    right = 0
    for seed in range(5):
        spiked, shifted, stuck, gone = (noisy(128, seed) for _ in range(4))
        spiked[60] += 12
        shifted[60:] += 8
        stuck[40:120] = stuck[40]
        gone[30:60] = np.nan
        for kind, values in (
            ("spike", spiked),
            ("level_shift", shifted),
            ("stuck", stuck),
            ("missing", gone),
        ):
            right += described(specialist, values, context)["kind"] == kind
    assert right >= 16


def test_an_alert_has_where_and_how_much(specialist: Specialist, detector: Specialist) -> None:
    values = noisy(128)
    values[60] += 12
    alert = described(specialist, values, past(detector))
    assert alert["kind"] == "spike"
    assert alert["severity"] == "high"
    assert (alert["channel"], alert["start"], alert["end"]) == ("temperature", 60, 61)
    assert str(alert["sentence"]).startswith("temperature on press-1 jumped from ")
    scores = alert["scores"]
    assert isinstance(scores, dict)
    assert sum(scores.values()) == pytest.approx(1)


def test_where_nothing_is_wrong_the_alert_says_so(specialist: Specialist) -> None:
    alert = described(specialist, noisy(), None, anomalous=False)
    assert (alert["kind"], alert["severity"]) == ("none", "none")
    assert alert["sentence"] == "Nothing out of the ordinary on press-1."


def test_the_channel_with_the_highest_score_is_told_of(specialist: Specialist) -> None:
    values = np.stack([noisy(64), noisy(64, 1)], axis=1)
    values[30] += 20
    window = {"source": "p", "channels": ["a", "b"], "interval_s": 1.0, "values": values}
    scores = [{"name": "a", "score": 0.2}, {"name": "b", "score": 0.8}, {"name": "gone", "score": 0.9}]
    item: Inputs = {"window": window, "anomaly": {"anomalous": True, "channels": scores}}
    (answer,) = specialist.answer([item])
    assert isinstance(answer, Answer)
    assert isinstance(answer.output, dict)
    assert answer.output["channel"] == "b"


@pytest.mark.parametrize(
    "anomaly", [None, [], {}, {"anomalous": "yes"}, {"anomalous": True, "context": {"version": 9}}]
)
def test_what_is_no_anomaly_is_refused(specialist: Specialist, anomaly: object) -> None:
    item = dict(specialist.sample()) | {"anomaly": anomaly}
    (answer,) = specialist.answer([item])
    assert isinstance(answer, HiveError)
    assert answer.code == "input_invalid"
