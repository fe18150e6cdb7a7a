"""Tokenizers, called directly: a wrapped one costs a millisecond per text where this takes microseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from hive.errors import HiveError

PAD: Final = 0
UNKNOWN: Final = 1


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one text, never empty: for each its id, its characters [start, end) and the number of its word."""

    ids: list[int]
    offsets: list[tuple[int, int]]
    words: list[int]


class TextTokenizer:
    """Turns texts into token ids. Id 0 is padding, id 1 stands for what the vocabulary lacks."""

    def __init__(self, content: bytes) -> None:
        """Read a tokenizer.json; raise HiveError(model_invalid) if it is none."""
        try:
            self._tokenizer = Tokenizer.from_str(content.decode("utf-8"))
        except Exception as error:  # the library raises bare Exception
            raise HiveError("model_invalid", f"The tokenizer cannot be read: {error}") from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def encode(self, text: str, max_tokens: int) -> Tokens:
        """Return the first `max_tokens` tokens of `text`; an empty text is one unknown token."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        if not encoding.ids:
            return Tokens([UNKNOWN], [(0, 0)], [0])
        return Tokens(
            encoding.ids[:max_tokens],
            encoding.offsets[:max_tokens],
            [word or 0 for word in encoding.word_ids[:max_tokens]],  # None only for special tokens, not added
        )


def padded(rows: Sequence[Sequence[int]]) -> npt.NDArray[np.int64]:
    """Return rows as one array [rows, longest], filled up with PAD."""
    out = np.full((len(rows), max(len(row) for row in rows)), PAD, dtype=np.int64)
    for line, row in zip(out, rows, strict=True):
        line[: len(row)] = row
    return out
