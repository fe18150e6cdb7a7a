"""Texts as numbers: token ids, shapes, and for each word the place of its first token and its tag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from specialists.engine.tokenize import TextTokenizer
from specialists.forge.sources.values import MarkedText
from specialists.forge.tag.inventory import Inventory, tags_of
from specialists.kinds.shapes import shapes
from specialists.kinds.words import word_offsets, word_starts

NONE: Final = -100
"""What cross-entropy passes over: tokens that begin no word, an intent that is not known."""


@dataclass(frozen=True, slots=True)
class Row:
    """One text: `ids` and `shapes` of its tokens; `starts`, characters [start, end) and tags of its words."""

    ids: list[int]
    shapes: list[int]
    starts: list[int]
    words: list[tuple[int, int]]
    tags: list[int]
    intent: int


class RowMaker:
    """Turns texts into rows with one tokenizer; `marks` are the ids that an encoder wants before and after."""

    def __init__(
        self,
        tokenizer: TextTokenizer,
        inventory: Inventory,
        max_tokens: int,
        marks: tuple[int, int] | None = None,
    ) -> None:
        """Number the names of `inventory`; rows have `max_tokens` ids at most, marks not counted."""
        self._tokenizer = tokenizer
        self._tags = {tag: number for number, tag in enumerate(inventory.tags)}
        self._intents = {name: number for number, name in enumerate(inventory.intents)}
        self._max_tokens = max_tokens
        self._marks = marks

    def row(self, example: MarkedText) -> Row:
        """Return the numbers of `example`; a tag or intent that is not in the inventory counts as outside or none."""
        tokens = self._tokenizer.encode(example.text, self._max_tokens)
        starts = word_starts(tokens)
        words = word_offsets(tokens, starts)
        tags = [self._tags.get(tag, 0) for tag in tags_of(example.spans, words)]
        ids, forms = tokens.ids, shapes(example.text, tokens)
        if self._marks is not None:
            ids, forms = [self._marks[0], *ids, self._marks[1]], [0, *forms, 0]
            starts = [start + 1 for start in starts]
        return Row(ids, forms, starts, words, tags, self._intents.get(example.intent, NONE))


@dataclass(frozen=True, slots=True)
class Box:
    """Some rows, padded to [rows, tokens], and their `intents` [rows]; `tags` stand at the first tokens of words."""

    ids: torch.Tensor
    shapes: torch.Tensor
    mask: torch.Tensor
    tags: torch.Tensor
    intents: torch.Tensor


def boxed(rows: Sequence[Row]) -> Box:
    """Return `rows`, filled up to the longest."""
    size = (len(rows), max(len(row.ids) for row in rows))
    ids, forms, mask = (np.zeros(size, dtype=np.int64) for _ in range(3))
    tags = np.full(size, NONE, dtype=np.int64)
    for line, row in enumerate(rows):
        ids[line, : len(row.ids)] = row.ids
        forms[line, : len(row.ids)] = row.shapes
        mask[line, : len(row.ids)] = 1
        tags[line, row.starts] = row.tags
    intents = np.array([row.intent for row in rows], dtype=np.int64)
    return Box(*(torch.from_numpy(value) for value in (ids, forms, mask, tags, intents)))
