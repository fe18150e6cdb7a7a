"""Figures of a classifier from its logits: quality with intervals, per class, and what its thresholds do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from specialists.forge.classify.calibrated import Scales
from specialists.forge.classify.judge import Logits
from specialists.forge.measures import (
    bootstrap,
    calibration_error,
    confusion,
    ranking,
    reliability,
    share,
    softmax,
)
from specialists.kinds.strange import SCORES

_ROUNDS: Final = 200
_MISTAKES: Final = 20
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scored:
    """A model's logits on the test part [texts, classes], the right classes, and its logits on texts of no class."""

    logits: Logits
    wanted: Ints
    strangers: Logits | None
    scales: Scales
    data: str


def quality(scored: Scored) -> dict[str, dict[str, object]]:
    """Return the standard measures with their intervals."""
    guess, wanted, data = scored.logits.argmax(axis=1), scored.wanted, scored.data
    right = guess == wanted
    sure = softmax(scored.logits, scored.scales.temperature).max(axis=1)
    measures = {
        "accuracy": share(right, data),
        "macro_f1": bootstrap(
            lambda rows: macro_f1(wanted[rows], guess[rows]), len(wanted), data, rounds=_ROUNDS
        ),
        "ece": bootstrap(
            lambda rows: calibration_error(sure[rows], right[rows]), len(wanted), data, rounds=_ROUNDS
        ),
    }
    if scored.strangers is not None:
        known, strange = _strangeness(scored, scored.logits), _strangeness(scored, scored.strangers)
        both = np.concatenate([known, strange])
        measures["oos_auroc"] = ranking(
            np.arange(len(both)) >= len(known), both, f"{data}, against texts of no class"
        )
    return {name: measure.as_json() for name, measure in measures.items()}


def macro_f1(wanted: Ints, guess: Ints) -> float:
    """Return the mean F1 over the classes that occur in `wanted`."""
    count = int(max(wanted.max(), guess.max())) + 1
    hit = np.bincount(wanted[wanted == guess], minlength=count)
    both = np.bincount(wanted, minlength=count) + np.bincount(guess, minlength=count)
    here = np.bincount(wanted, minlength=count) > 0
    return float((2 * hit[here] / both[here]).mean())


def per_class(scored: Scored, classes: Sequence[str]) -> dict[str, dict[str, object]]:
    """Return per class its number of test texts, precision and recall (None where nothing was to be found)."""
    guess, wanted = scored.logits.argmax(axis=1), scored.wanted
    found: dict[str, dict[str, object]] = {}
    for number, name in enumerate(classes):
        mine, said = wanted == number, guess == number
        hits = int((mine & said).sum())
        found[name] = {"n": int(mine.sum()), "precision": _over(hits, said), "recall": _over(hits, mine)}
    return found


def beside(scored: Scored, classes: Sequence[str]) -> dict[str, object]:
    """Return what the thresholds do on the test part, and the commonest mistakes."""
    scales, guess, wanted = scored.scales, scored.logits.argmax(axis=1), scored.wanted
    chances = softmax(scored.logits, scales.temperature)
    sure = chances.max(axis=1) >= scales.unsure_below
    likely = chances >= scales.likely_from
    likely[np.arange(len(guess)), guess] = True
    extra: dict[str, object] = {
        "sure": _mean(sure),
        "accuracy_where_sure": _mean((guess == wanted)[sure]),
        "unfamiliar": _mean(_strangeness(scored, scored.logits) >= scales.strange_from),
        "likely_contains_the_right_class": _mean(likely[np.arange(len(wanted)), wanted]),
        "likely_classes": _mean(likely.sum(axis=1)),
        "strange_score": scales.strange_score,
        "reliability": reliability(chances.max(axis=1), guess == wanted),
        "mistakes": confusion([classes[i] for i in wanted], [classes[i] for i in guess])[:_MISTAKES],
    }
    if scored.strangers is not None:
        extra["outside_unfamiliar"] = _mean(_strangeness(scored, scored.strangers) >= scales.strange_from)
        confidence = softmax(scored.strangers, scales.temperature).max(axis=1)
        extra["outside_unsure"] = _mean(confidence < scales.unsure_below)
    return extra


def _strangeness(scored: Scored, logits: Logits) -> npt.NDArray[np.float64]:
    return SCORES[scored.scales.strange_score](logits, scored.scales.temperature)


def _over(hits: int, of: npt.NDArray[np.bool_]) -> float | None:
    return round(hits / int(of.sum()), 4) if of.any() else None


def _mean(values: npt.NDArray[np.generic]) -> float | None:
    return round(float(values.mean()), 4) if len(values) else None
