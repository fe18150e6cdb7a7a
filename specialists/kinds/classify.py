"""`classify`: text -> the most probable of a fixed list of classes, such as intents, with calibrated probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from hive.errors import HiveError
from specialists.engine.base import Array
from specialists.engine.tokenize import padded
from specialists.kinds.base import Answer, Inputs, Parts, names, needed, setting
from specialists.kinds.calibrated import Calibration, Chances
from specialists.kinds.strange import SCORES
from specialists.kinds.texts import Text, TextReader, unknown_share
from specialists.kinds.way import Feeds, Way
from specialists.manifest_file import Json

_TOP: Final = 3


class Classify:
    """Classifies texts.

    Manifest: `preprocess` as TextReader has it, `postprocess.labels` in the model's order, `postprocess.field`, the
    name of the answer in the output (default: the output type's own), and `calibration` as Calibration has it; under
    `unsure_below` a text is more likely to be of no listed class, or misread, than right. Optional in `calibration`:
    `strange_score`, one of SCORES, and `strange_from`, from where a text is unfamiliar; `likely_from`, the probability
    from which a class is in the answer's `likely` (split conformal prediction, Vovk et al. 2005): the right one is
    among them as often as calibration promised.
    """

    def __init__(self, parts: Parts) -> None:
        """Read the settings; raise HiveError(manifest_invalid) if one is missing or wrong."""
        manifest = parts.manifest
        self._labels = names(manifest.postprocess, "labels", "postprocess")
        self._field = str(manifest.postprocess.get("field") or manifest.output)
        settings = manifest.calibration
        self._calibration = Calibration.of(settings)
        score = settings.get("strange_score", "confidence")
        if score not in SCORES:
            raise HiveError(
                "manifest_invalid",
                f"`calibration.strange_score` is {score!r}, but must be one of {', '.join(SCORES)}.",
                field="calibration.strange_score",
            )
        self._strange = SCORES[str(score)]
        self._strange_from = _optional(settings, "strange_from")
        self._likely_from = _optional(settings, "likely_from")
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
        """Return per text the best class and the probabilities of the three best. An empty text is input_invalid."""
        return self._way.answer(batch)

    def sample(self) -> Inputs:
        """Return a sentence."""
        return {self._reader.input: "what is the weather like tomorrow"}

    def _shapes(self, feeds: Feeds) -> list[tuple[int, ...]]:
        return [(len(feeds["ids"]), len(self._labels))]

    def _classify(self, texts: Sequence[Text], outputs: Sequence[Array]) -> list[Answer]:
        chances = self._calibration.chances(outputs[0])
        strange = self._strange(outputs[0], self._calibration.temperature)
        return [self._best(*row) for row in zip(texts, chances, strange, strict=True)]

    def _best(self, text: Text, chances: Chances, strange: float) -> Answer:
        order = np.argsort(-chances, kind="stable")
        best = float(chances[order[0]])
        output: dict[str, object] = {
            self._field: self._labels[order[0]],
            "scores": {self._labels[i]: round(float(chances[i]), 6) for i in order[:_TOP]},
        }
        if math.isfinite(self._likely_from):
            likely = [self._labels[i] for i in order if chances[i] >= self._likely_from]
            output["likely"] = likely or [self._labels[order[0]]]
        unspelt = unknown_share(text) >= self._calibration.unfamiliar_from
        return Answer(
            output,
            best,
            unsure=best < self._calibration.unsure_below,
            unfamiliar=unspelt or bool(strange >= self._strange_from),
        )


def _optional(settings: Json, name: str) -> float:
    """Return a number that may be absent: infinity then, which nothing reaches."""
    return setting(settings, name, "calibration") if name in settings else math.inf
