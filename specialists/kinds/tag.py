"""`tag`: text -> spans, the parts of the text that are of a fixed list of types, such as names of products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from hive.errors import HiveError
from specialists.engine.base import Array
from specialists.engine.tokenize import padded
from specialists.kinds.base import Answer, Inputs, Parts, names, needed
from specialists.kinds.bio import TaggedSpan, TagSet
from specialists.kinds.calibrated import Calibration
from specialists.kinds.certainty import Certainty
from specialists.kinds.shapes import shapes
from specialists.kinds.strange import by_energy
from specialists.kinds.texts import Text, TextReader, unknown_share
from specialists.kinds.way import Feeds, Way
from specialists.kinds.words import word_offsets, word_starts

_UNSPELT: Final = 0.5
"""From this share of letters and digits that the vocabulary lacks, a text is unfamiliar whatever the model says."""


@dataclass(frozen=True, slots=True)
class Tagging:
    """The spans of a text, the logarithm of the probability that all words are tagged right, and their strangeness."""

    spans: list[TaggedSpan]
    log_chance: float
    strangeness: float


class Tagger:
    """Reads the tags of a text's words from the model's first output.

    Manifest: `postprocess.tags` in the model's order, `calibration.temperature`.
    """

    def __init__(self, parts: Parts) -> None:
        """Read the settings; raise HiveError(manifest_invalid) if one is missing."""
        self.calibration = Calibration.of(parts.manifest.calibration)
        self._set = TagSet(names(parts.manifest.postprocess, "tags", "postprocess"))

    def shape(self, feeds: Feeds) -> tuple[int, ...]:
        """Return the shape that the model's tags must have."""
        return (*feeds["ids"].shape, len(self._set.tags))

    def tagging(self, text: Text, logits: Array) -> Tagging:
        """Return what `logits` [tokens or more, tags] say; the first token of each word decides."""
        starts = word_starts(text.tokens)
        words = logits[starts]
        chances = self.calibration.chances(words)
        path = self._set.path(chances)
        spans = self._set.spans(path, chances, word_offsets(text.tokens, starts))
        log_chance = float(np.log(chances[np.arange(len(path)), path]).sum())
        return Tagging(spans, log_chance, float(by_energy(words, 1.0).mean()))

    def unfamiliar(self, text: Text, strange: float) -> bool:
        """Say whether a text is unlike the training data: too strange, or half of it cannot be spelt."""
        return strange >= self.calibration.unfamiliar_from or unknown_share(text) >= _UNSPELT


class Tag:
    """Marks parts of texts.

    Manifest: `preprocess` as TextReader has it, settings of Tagger, and `calibration` as Calibration and Certainty have
    it. The confidence is that of all spans together: that these are right and no other is missing.
    """

    def __init__(self, parts: Parts) -> None:
        """Read the settings; raise HiveError(manifest_invalid) if one is missing."""
        self._tagger = Tagger(parts)
        self._certainty = Certainty.of(parts.manifest.calibration)
        self._reader = TextReader(parts, whole=True)
        self._way = Way(
            needed(parts.engine, "an engine", parts.manifest.kind),
            prepare=self._reader.read_words,
            size=lambda text: text.size,
            feeds=text_feeds,
            shapes=lambda feeds: [self._tagger.shape(feeds)],
            finish=self._finish,
        )

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Return `spans` per text: characters [start, end), type and score. An empty text is input_invalid."""
        return self._way.answer(batch)

    def sample(self) -> Inputs:
        """Return a sentence."""
        return {self._reader.input: "Maria Keller left Lisbon on Monday."}

    def _finish(self, texts: Sequence[Text], outputs: Sequence[Array]) -> list[Answer]:
        return [self._spans(text, logits) for text, logits in zip(texts, outputs[0], strict=True)]

    def _spans(self, text: Text, logits: Array) -> Answer:
        tagging = self._tagger.tagging(text, logits)
        confidence = self._certainty.confidence(tagging.log_chance)
        return Answer(
            {"spans": [span.as_json() for span in tagging.spans]},
            confidence,
            unsure=confidence < self._tagger.calibration.unsure_below,
            unfamiliar=self._tagger.unfamiliar(text, tagging.strangeness),
        )


def text_feeds(texts: Sequence[Text]) -> Feeds:
    """Return the ids and shapes of the tokens of `texts`, padded to the longest."""
    forms = [shapes(text.text, text.tokens) for text in texts]
    return {"ids": padded([text.tokens.ids for text in texts]), "shapes": padded(forms)}
