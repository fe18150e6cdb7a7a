"""The standard measures of a tagger, with intervals, by type and under disturbed texts."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from specialists.forge.measures import Measure, bootstrap, calibration_error, share
from specialists.forge.sources.values import MarkedText
from specialists.forge.tag.augment import worn
from specialists.forge.tag.inventory import Inventory
from specialists.forge.tag.scores import Counts, by_kind, f1, span_counts
from specialists.forge.tag.verdicts import Verdicts, confidences

_TYPOS: Final = 0.1


def quality_of(
    verdicts: Verdicts,
    texts: Sequence[MarkedText],
    calibration: Mapping[str, float],
    data: str,
    *,
    with_intent: bool,
) -> dict[str, Measure]:
    """Return slot_f1 (exact spans, micro), precision and recall, accuracy of intents and of words, exact answers, ECE.

    An answer is exact if all its spans and its intent are right; the confidence is of that, and so is the ECE.
    """
    counts = span_counts([text.spans for text in texts], verdicts.spans)
    right, sure = verdicts.right, confidences(verdicts, calibration)
    found = {
        "slot_f1": bootstrap(lambda rows: f1(counts[rows]), len(counts), data),
        "slot_precision": bootstrap(lambda rows: _ratio(counts[rows], 1), len(counts), data),
        "slot_recall": bootstrap(lambda rows: _ratio(counts[rows], 2), len(counts), data),
    }
    if with_intent:
        named = np.array([bool(text.intent) for text in texts])
        found["accuracy"] = share(verdicts.intent_right[named], data)
    return found | {
        "word_accuracy": share(verdicts.words_right, data),
        "exact": share(right, data),
        "ece": bootstrap(
            lambda rows: calibration_error(sure[rows], right[rows]), len(texts), data, rounds=200
        ),
    }


def _ratio(counts: Counts, column: int) -> float:
    total = int(counts[:, column].sum())
    return int(counts[:, 0].sum()) / total if total else 1.0


def per_class(
    verdicts: Verdicts, texts: Sequence[MarkedText], inventory: Inventory
) -> dict[str, dict[str, float]]:
    """Return f1, precision, recall and number of each type, and the recall and number of each intent."""
    kinds = by_kind([text.spans for text in texts], verdicts.spans)
    found = {
        kind: {
            "f1": round(f1(counts), 4),
            "precision": round(_ratio(counts, 1), 4),
            "recall": round(_ratio(counts, 2), 4),
            "n": int(counts[0, 2]),
        }
        for kind, counts in kinds.items()
    }
    for intent in inventory.intents:
        hits = [
            bool(ok) for ok, text in zip(verdicts.intent_right, texts, strict=True) if text.intent == intent
        ]
        if hits:
            found[f"intent {intent}"] = {"recall": round(sum(hits) / len(hits), 4), "n": len(hits)}
    return found


def disturbances(seed: int) -> dict[str, Callable[[MarkedText], MarkedText]]:
    """Return ways to disturb a text that leave its marks right: mistakes in a tenth of its words, other cases."""
    rng = random.Random(f"typos:{seed}")
    return {
        "typos": lambda text: worn(text, rng, typos=_TYPOS, losses=0.0),
        "lower_case": lambda text: _cased(text, str.lower),
        "capitals": lambda text: _cased(text, str.upper),
    }


def _cased(text: MarkedText, change: Callable[[str], str]) -> MarkedText:
    other = change(text.text)
    return replace(text, text=other) if len(other) == len(text.text) else text
