"""`command`: text -> what is wanted (the intent) and with what (the slots: parts of the text, each of a type)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from hive.errors import HiveError
from specialists.engine.base import Array
from specialists.kinds.base import Answer, Inputs, Parts, names, needed, setting
from specialists.kinds.calibrated import softmax
from specialists.kinds.certainty import Certainty
from specialists.kinds.strange import by_energy
from specialists.kinds.tag import Tagger, text_feeds
from specialists.kinds.texts import Text, TextReader
from specialists.kinds.way import Feeds, Way

_TOP: Final = 3


class Command:
    """Parses requests.

    Manifest: what the kind `tag` has, `postprocess.intents` in the order of the model's second output, and
    `calibration.intent_temperature`. The confidence is that of the whole command: intent and every slot. How strange a
    text is, the logits of intents say.
    """

    def __init__(self, parts: Parts) -> None:
        """Read the settings; raise HiveError(manifest_invalid) if one is missing."""
        manifest = parts.manifest
        self._tagger = Tagger(parts)
        self._intents = names(manifest.postprocess, "intents", "postprocess")
        self._temperature = setting(manifest.calibration, "intent_temperature", "calibration")
        self._certainty = Certainty.of(manifest.calibration)
        self._reader = TextReader(parts, whole=True)
        self._way = Way(
            needed(parts.engine, "an engine", manifest.kind),
            prepare=self._reader.read_words,
            size=lambda text: text.size,
            feeds=text_feeds,
            shapes=self._shapes,
            finish=self._finish,
        )

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Return a `command` per text.

        It holds the intent, the three likeliest in `scores`, and `slots`: characters [start, end) of the text, type,
        score, and the words themselves as `value`. An empty text is input_invalid, and so is one of too many tokens.
        """
        return self._way.answer(batch)

    def sample(self) -> Inputs:
        """Return a request."""
        return {self._reader.input: "wake me up at seven tomorrow morning"}

    def _shapes(self, feeds: Feeds) -> list[tuple[int, ...]]:
        return [self._tagger.shape(feeds), (len(feeds["ids"]), len(self._intents))]

    def _finish(self, texts: Sequence[Text], outputs: Sequence[Array]) -> list[Answer]:
        return [self._command(*parts) for parts in zip(texts, outputs[0], outputs[1], strict=True)]

    def _command(self, text: Text, tags: Array, logits: Array) -> Answer:
        tagging = self._tagger.tagging(text, tags)
        chances = softmax(logits, self._temperature)
        top = np.argsort(-chances, kind="stable")[:_TOP]
        slots = [{**span.as_json(), "value": text.text[span.start : span.end]} for span in tagging.spans]
        confidence = self._certainty.confidence(tagging.log_chance, float(chances[top[0]]))
        return Answer(
            {
                "intent": self._intents[top[0]],
                "slots": slots,
                "scores": {self._intents[i]: round(float(chances[i]), 6) for i in top},
            },
            confidence,
            unsure=confidence < self._tagger.calibration.unsure_below,
            unfamiliar=self._tagger.unfamiliar(text, float(by_energy(logits[None], 1.0)[0])),
        )
