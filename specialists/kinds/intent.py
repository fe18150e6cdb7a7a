"""`intent`: text -> the most probable of a fixed list of intents, with a calibrated probability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from hive.errors import HiveError
from specialists.engine.base import Array
from specialists.engine.tokenize import padded
from specialists.kinds.base import Answer, Inputs, Parts, names, needed
from specialists.kinds.calibrated import Calibration, Chances
from specialists.kinds.texts import Text, TextReader, unknown_share
from specialists.kinds.way import Feeds, Way

_TOP: Final = 3


class Intent:
    """Classifies texts.

    Manifest: `preprocess` as TextReader has it, `postprocess.labels` in the model's order, `calibration` as Calibration
    has it; under `unsure_below` a text is more likely to be of no listed intent, or misread, than right.
    """

    def __init__(self, parts: Parts) -> None:
        """Read the settings; raise HiveError(manifest_invalid) if one is missing."""
        manifest = parts.manifest
        self._labels = names(manifest.postprocess, "labels", "postprocess")
        self._calibration = Calibration.of(manifest.calibration)
        self._reader = TextReader(parts)
        self._way = Way(
            needed(parts.engine, "an engine", manifest.kind),
            prepare=self._reader.read_words,
            size=lambda text: text.size,
            feeds=lambda texts: {"ids": padded([text.tokens.ids for text in texts])},
            shapes=self._shapes,
            finish=self._classify,
        )

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Return an `intent` per text: the label and the three best probabilities. An empty text is input_invalid."""
        return self._way.answer(batch)

    def sample(self) -> Inputs:
        """Return a sentence."""
        return {self._reader.input: "what is the weather like tomorrow"}

    def _shapes(self, feeds: Feeds) -> list[tuple[int, ...]]:
        return [(len(feeds["ids"]), len(self._labels))]

    def _classify(self, texts: Sequence[Text], outputs: Sequence[Array]) -> list[Answer]:
        chances = self._calibration.chances(outputs[0])
        return [self._best(text, row) for text, row in zip(texts, chances, strict=True)]

    def _best(self, text: Text, chances: Chances) -> Answer:
        top = np.argsort(-chances, kind="stable")[:_TOP]
        scores = {self._labels[i]: round(float(chances[i]), 6) for i in top}
        best = float(chances[top[0]])
        return Answer(
            {"intent": self._labels[top[0]], "scores": scores},
            best,
            unsure=best < self._calibration.unsure_below,
            unfamiliar=unknown_share(text) >= self._calibration.unfamiliar_from,
        )
