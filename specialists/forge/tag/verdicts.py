"""From a model's outputs to answers, just as the kind of specialist makes them, and whether each is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from specialists.forge.measures import temperature_of
from specialists.forge.sources.values import MarkedText, Span
from specialists.forge.tag.inventory import Inventory, tags_of
from specialists.forge.tag.outputs import Outputs
from specialists.kinds.bio import TagSet
from specialists.kinds.calibrated import softmax
from specialists.kinds.certainty import Certainty, log_odds
from specialists.kinds.strange import by_energy

Words = Sequence[Sequence[tuple[int, int]]]
"""For each text the characters [start, end) of its words."""
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
_UNSURE_BELOW: Final = 0.5
"""Under this an answer is more likely wrong than right."""
_UNFAMILIAR: Final = 0.01
"""The share of familiar texts that may be called unfamiliar."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """For each text: the spans given, the probability of all its tags and of its intent, and what of it is right.

    `spans_right` is about the whole set of a text's spans, `words_right` about each word of all texts, `intent_right`
    is true too where there is no intent to tell, and `unfamiliar` is what the kind says where calibration is known.
    """

    spans: list[tuple[Span, ...]]
    tags_log: Floats
    intent_chance: Floats
    words_right: Flags
    spans_right: Flags
    intent_right: Flags
    unfamiliar: Flags

    @property
    def right(self) -> Flags:
        """Whether all of a text's answer is right."""
        return self.spans_right & self.intent_right


def wanted_of(texts: Sequence[MarkedText], words: Words) -> list[tuple[str, ...]]:
    """Return the tags that the words of each text should get."""
    return [tuple(tags_of(text.spans, places)) for text, places in zip(texts, words, strict=True)]


def verdicts_of(
    outputs: Outputs,
    texts: Sequence[MarkedText],
    words: Words,
    inventory: Inventory,
    calibration: Mapping[str, float],
) -> Verdicts:
    """Return what `outputs` amount to under `calibration` (temperature, intent_temperature).

    `words` are those that the model read of each text; a span that ends after them counts as missed.
    """
    tags = TagSet(inventory.tags)
    spans, logs, hits = [], [], []
    for logits, text, places in zip(outputs.words, texts, words, strict=True):
        chances = softmax(logits, calibration["temperature"])
        path = tags.path(chances)
        found = tags.spans(path, chances, places)
        spans.append(tuple(Span(span.start, span.end, span.kind) for span in found))
        logs.append(float(np.log(chances[np.arange(len(path)), path]).sum()))
        given = [inventory.tags[tag] for tag in path]
        hits += [want == got for want, got in zip(tags_of(text.spans, places), given, strict=True)]
    right = [set(got) == set(text.spans) for got, text in zip(spans, texts, strict=True)]
    chance, named = _intents(outputs, texts, inventory, calibration)
    strange = strangenesses(outputs) >= calibration.get("unfamiliar_from", np.inf)
    return Verdicts(spans, np.array(logs), chance, np.array(hits), np.array(right), named, strange)


def _intents(
    outputs: Outputs, texts: Sequence[MarkedText], inventory: Inventory, calibration: Mapping[str, float]
) -> tuple[Floats, Flags]:
    if not inventory.intents:
        return np.full(len(texts), 0.5), np.ones(len(texts), dtype=bool)
    chances = softmax(outputs.intents, calibration["intent_temperature"])
    best = chances.argmax(axis=1)
    right = [text.intent in ("", inventory.intents[i]) for text, i in zip(texts, best, strict=True)]
    return chances.max(axis=1), np.array(right)


def calibrated(
    outputs: Outputs, texts: Sequence[MarkedText], words: Words, inventory: Inventory
) -> dict[str, float]:
    """Return the `calibration` of the manifest that fits a model's outputs on texts that it did not learn from."""
    found = {"temperature": _word_temperature(outputs, texts, words, inventory)}
    if inventory.intents:
        rows = [n for n, text in enumerate(texts) if text.intent in inventory.intents]
        labels = np.array([inventory.intents.index(texts[n].intent) for n in rows])
        found["intent_temperature"] = temperature_of(outputs.intents[rows].astype(np.float64), labels)
    verdicts = verdicts_of(outputs, texts, words, inventory, found)
    found |= _certainty(verdicts, with_intent=bool(inventory.intents))
    strange = float(np.quantile(strangenesses(outputs), 1 - _UNFAMILIAR))
    return found | {"unsure_below": _UNSURE_BELOW, "unfamiliar_from": strange}


def strangenesses(outputs: Outputs) -> Floats:
    """Return what the kinds hold against `unfamiliar_from`: for each text of its intents if there are any, or words."""
    if outputs.intents.shape[1]:
        return by_energy(outputs.intents, 1.0)
    return np.array([by_energy(logits, 1.0).mean() for logits in outputs.words])


def _word_temperature(
    outputs: Outputs, texts: Sequence[MarkedText], words: Words, inventory: Inventory
) -> float:
    numbers = {tag: n for n, tag in enumerate(inventory.tags)}
    labels = np.array([numbers.get(tag, 0) for tags in wanted_of(texts, words) for tag in tags])
    logits = np.concatenate(outputs.words).astype(np.float64)
    return temperature_of(logits, labels)


def _certainty(verdicts: Verdicts, *, with_intent: bool) -> dict[str, float]:
    """Fit the kind's logistic model of whether all is right (Platt 1999)."""
    columns = [[log_odds(float(np.exp(value))) for value in verdicts.tags_log]]
    if with_intent:
        columns.append([log_odds(float(chance)) for chance in verdicts.intent_chance])
    names = ("tags_weight", "intent_weight")[: len(columns)]
    if verdicts.right.all() or not verdicts.right.any():
        return dict.fromkeys(names, 1.0) | {"offset": 0.0}
    fitted = LogisticRegression(C=100.0).fit(np.array(columns).T, verdicts.right)
    weights = {name: float(weight) for name, weight in zip(names, fitted.coef_[0], strict=True)}
    return weights | {"offset": float(fitted.intercept_[0])}


def confidences(verdicts: Verdicts, calibration: Mapping[str, float]) -> Floats:
    """Return the confidence of each answer."""
    certainty = Certainty.of(calibration)
    pairs = zip(verdicts.tags_log, verdicts.intent_chance, strict=True)
    return np.array([certainty.confidence(float(tags), float(intent)) for tags, intent in pairs])
