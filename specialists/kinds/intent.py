"""`intent`: text -> the most probable of a fixed list of intents, with a calibrated probability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from hive.errors import HiveError
from specialists.engine.tokenize import padded
from specialists.kinds.base import Answer, Inputs, Parts, answered_each, names, needed, setting, text_of

_TOP: Final = 3


class Intent:
    """Classifies texts.

    Manifest: `preprocess.max_tokens` and `max_chars`, `postprocess.labels` in the model's order,
    `calibration.temperature` (Guo et al. 2017) and `calibration.unsure_below`, the confidence under which a text is
    more likely to be of no listed intent, or misread, than right.
    """

    def __init__(self, parts: Parts) -> None:
        """Read the settings; raise HiveError(manifest_invalid) if one is missing."""
        manifest = parts.manifest
        self._engine = needed(parts.engine, "an engine", manifest.kind)
        self._tokenizer = needed(parts.tokenizer, "a tokenizer", manifest.kind)
        self._input = next(iter(manifest.inputs))
        self._labels = names(manifest.postprocess, "labels", "postprocess")
        self._max_tokens = int(setting(manifest.preprocess, "max_tokens", "preprocess"))
        self._max_chars = int(setting(manifest.preprocess, "max_chars", "preprocess"))
        self._temperature = setting(manifest.calibration, "temperature", "calibration")
        self._unsure_below = setting(manifest.calibration, "unsure_below", "calibration")

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Return an `intent` per text: the label and the three best probabilities. An empty text is input_invalid."""
        return answered_each(batch, self._tokens, self._classify)

    def sample(self) -> Inputs:
        """Return a sentence."""
        return {self._input: "what is the weather like tomorrow"}

    def _tokens(self, item: Inputs) -> list[int]:
        text = text_of(item, self._input, self._max_chars)
        if not text.strip():
            raise HiveError("input_invalid", f"`{self._input}` is empty. Send the words to classify.")
        return self._tokenizer.encode(text, self._max_tokens).ids

    def _classify(self, rows: list[list[int]]) -> list[Answer]:
        logits = self._engine.run({"ids": padded(rows)})[0].astype(np.float64)
        if logits.shape != (len(rows), len(self._labels)):
            raise HiveError("inference_failed", f"The model gave logits of shape {logits.shape}.")
        return [self._best(row) for row in logits]

    def _best(self, logits: npt.NDArray[np.float64]) -> Answer:
        grown = np.exp((logits - logits.max()) / self._temperature)
        chances = grown / grown.sum()
        top = np.argsort(-chances, kind="stable")[:_TOP]
        scores = {self._labels[i]: round(float(chances[i]), 6) for i in top}
        best = float(chances[top[0]])
        return Answer({"intent": self._labels[top[0]], "scores": scores}, best, best < self._unsure_below)
