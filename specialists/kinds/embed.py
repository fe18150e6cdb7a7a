"""`embed`: text -> a vector of length 1, such that texts that mean alike point alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hive.errors import HiveError
from specialists.engine.base import Array
from specialists.engine.tokenize import padded
from specialists.kinds.base import Answer, Inputs, Parts, needed, setting
from specialists.kinds.texts import Text, TextReader, unknown_share
from specialists.kinds.way import Feeds, Way


class Embed:
    """Embeds texts.

    Manifest: `preprocess` as TextReader has it, `postprocess.width`, the length of the model's output, and
    `calibration.unfamiliar_from`, the share of a text's letters that the vocabulary cannot spell from which it is
    unfamiliar. The model takes `ids` [n, tokens] and gives vectors [n, width], which are brought to length 1 here.
    """

    def __init__(self, parts: Parts) -> None:
        """Read the settings; raise HiveError(manifest_invalid) if one is missing."""
        manifest = parts.manifest
        self._width = int(setting(manifest.postprocess, "width", "postprocess"))
        self._unfamiliar_from = setting(manifest.calibration, "unfamiliar_from", "calibration")
        self._reader = TextReader(parts)
        self._way = Way(
            needed(parts.engine, "an engine", manifest.kind),
            prepare=self._reader.read_words,
            size=lambda text: text.size,
            feeds=lambda texts: {"ids": padded([text.tokens.ids for text in texts])},
            shapes=self._shapes,
            finish=self._finish,
        )

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Return an `embedding` per text: `vector`, numbers [width]. An empty text is input_invalid.

        The confidence is the share of the text's letters and digits that the vocabulary can spell.
        """
        return self._way.answer(batch)

    def sample(self) -> Inputs:
        """Return a sentence."""
        return {self._reader.input: "what is the weather like tomorrow"}

    def _shapes(self, feeds: Feeds) -> list[tuple[int, ...]]:
        return [(len(feeds["ids"]), self._width)]

    def _finish(self, texts: Sequence[Text], outputs: Sequence[Array]) -> list[Answer]:
        vectors = outputs[0].astype(np.float32)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return [self._of(text, vector) for text, vector in zip(texts, vectors, strict=True)]

    def _of(self, text: Text, vector: Array) -> Answer:
        unknown = unknown_share(text)
        unfamiliar = unknown >= self._unfamiliar_from
        return Answer({"vector": vector.tolist()}, 1.0 - unknown, unsure=unfamiliar, unfamiliar=unfamiliar)
