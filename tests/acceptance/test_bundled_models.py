"""The figures on the bundled cards hold when measured again on the data, where HIVE_DATA says where it is."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from specialists.kinds.base import Answer
from specialists.load import Specialist, load

pytest.importorskip("torch", reason="the forge is not installed")
pytest.importorskip("sklearn", reason="the forge is not installed")

from specialists.forge.redact.corpus import gather
from specialists.forge.redact.examples import EVERY, OUTSIDE
from specialists.forge.redact.measure import detector_of, measured
from specialists.forge.sensor.gather import is_test, nab_recordings
from specialists.forge.sensor.labelled import nab_figures, skab_figures, skab_runs

DATA = os.environ.get("HIVE_DATA", "")
pytestmark = pytest.mark.skipif(not DATA, reason="HIVE_DATA does not say where the data sets are")


def claimed(specialist: Specialist, name: str) -> tuple[float, float]:
    figure = specialist.manifest.quality[name]
    low, high = figure["low"], figure["high"]
    assert isinstance(low, float)
    assert isinstance(high, float)
    return low, high


def intent_of(answer: object) -> object:
    assert isinstance(answer, Answer)
    assert isinstance(answer.output, dict)
    return answer.output["intent"]


def test_intent_accuracy_and_doubt() -> None:
    specialist = load("text-classify-intent")
    raw = json.loads((Path(DATA) / "clinc150/data/data_full.json").read_text("utf-8"))
    answers = specialist.answer([{"text": text} for text, _ in raw["test"]])
    right = [intent_of(answer) == want for answer, (_, want) in zip(answers, raw["test"], strict=True)]
    low, high = claimed(specialist, "accuracy")
    assert low <= sum(right) / len(right) <= high
    outside = specialist.answer([{"text": text} for text, _ in raw["oos_test"]])
    assert unsure(outside) > 0.9
    assert unsure(answers) < 0.15


def unsure(answers: Sequence[object]) -> float:
    """Return the share of answers that are unsure."""
    return sum(isinstance(answer, Answer) and answer.unsure for answer in answers) / len(answers)


def test_redaction_finds_the_persons_of_held_out_templates() -> None:
    specialist = load("text-redact")
    examples = [example for example in gather(Path(DATA)).test if example.source == "presidio"]
    figures = measured(detector_of(specialist), examples, EVERY - {OUTSIDE})
    for name in (
        "found_person",
        "found_address",
        "found_structured",
        "character_precision",
        "character_recall",
    ):
        low, high = claimed(specialist, f"presidio_{name}")
        assert low <= figures[f"presidio_{name}"].value <= high, name


def test_anomalies_of_skab_rank_as_claimed() -> None:
    specialist = load("sensor-detect-anomaly")
    figures = skab_figures(specialist, skab_runs(Path(DATA)))
    for name in ("skab_auroc", "skab_auroc_all", "skab_false_alarms", "skab_missed"):
        low, high = claimed(specialist, name)
        assert low <= figures[name].value <= high, name


def test_nab_is_scored_as_claimed_on_series_not_learned_from() -> None:
    specialist = load("sensor-detect-anomaly")
    recordings = nab_recordings(Path(DATA))
    names = [recording.name for recording in recordings]
    figures, _ = nab_figures(specialist, [r for r in recordings if is_test(r.name, names)], draws=2)
    for name in ("nab_standard", "nab_low_fp", "nab_low_fn"):
        low, high = claimed(specialist, name)
        assert low <= figures[name].value <= high, name
