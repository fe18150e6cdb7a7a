"""`echo`: returns its text. It has no model; it shows that a mesh works and measures what the mesh itself costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hive.errors import HiveError
from specialists.kinds.base import Answer, Inputs, Parts, answered_each
from specialists.kinds.texts import text_of

_MAX_CHARS: Final = 1 << 20


class Echo:
    """text -> the same text, with confidence 1."""

    def __init__(self, parts: Parts) -> None:
        """Take the name of the one input from the manifest."""
        self._input = next(iter(parts.manifest.inputs))

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Return every text as it came."""
        return answered_each(batch, self._text, lambda texts: [Answer(text, 1.0) for text in texts])

    def sample(self) -> Inputs:
        """Return a short text."""
        return {self._input: "hello"}

    def _text(self, item: Inputs) -> str:
        return text_of(item, self._input, _MAX_CHARS)
