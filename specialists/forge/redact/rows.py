"""Examples as numbers: what each token may be, said as shares of sets of tags.

A mark that may be one of two tags, a text of which only persons are marked, and a teacher that cannot tell an account
from a passport all say the same kind of thing: the tag lies in this set, with this probability. So the loss is the
cross-entropy over sets, with the probability of a set the sum of its tags'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from specialists.engine.tokenize import TextTokenizer, Tokens, padded
from specialists.forge.redact.examples import Example
from specialists.forge.redact.teacher import GROUPS, Chances, groups_of
from specialists.kinds.shapes import shapes

MAX_TOKENS: Final = 160
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Row:
    """One example: token ids, shapes, and per token the number of its set of tags, or the shares of the sets."""

    ids: list[int]
    shapes: list[int]
    sets: list[int] | Floats


class TagSets:
    """The sets of tags that occur, numbered; those of the teacher come first."""

    def __init__(self, tags: Sequence[str], examples: Sequence[Example]) -> None:
        """Number the sets of `examples`, in an order that hangs on nothing else."""
        taught = groups_of(tags)
        found = {mark.allowed for e in examples for mark in e.marks} | {e.outside for e in examples}
        sets = (*taught, *sorted(found - set(taught), key=sorted))
        self._numbers = {members: number for number, members in enumerate(sets)}
        self.members = torch.tensor([[tag in members for tag in tags] for members in sets], dtype=torch.bool)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.members)

    def row(self, example: Example, words: TextTokenizer) -> Row:
        """Return a marked text as numbers."""
        tokens = words.encode(example.text, MAX_TOKENS)
        numbers = [self._numbers[example.options(start, end)] for start, end in tokens.offsets]
        return Row(tokens.ids, shapes(example.text, tokens), numbers)

    def taught(
        self, text: str, offsets: Sequence[tuple[int, int]], chances: Chances, words: TextTokenizer
    ) -> Row:
        """Return a text as numbers with what a teacher says of its own tokens at `offsets`, [tokens, GROUPS]."""
        tokens = words.encode(text, MAX_TOKENS)
        shares = np.zeros((len(tokens.ids), len(self)), dtype=np.float32)
        shares[:, :GROUPS] = chances[_aligned(tokens, offsets)]
        return Row(tokens.ids, shapes(text, tokens), shares)

    def batch(self, rows: Sequence[Row]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return ids and shapes [rows, tokens] and shares of the sets [rows, tokens, sets]; padding has no share."""
        ids, forms = padded([r.ids for r in rows]), padded([r.shapes for r in rows])
        shares = np.zeros((*ids.shape, len(self)), dtype=np.float32)
        for line, row in zip(shares, rows, strict=True):
            if isinstance(row.sets, list):
                line[np.arange(len(row.sets)), row.sets] = 1.0
            else:
                line[: len(row.sets)] = row.sets
        return torch.from_numpy(ids), torch.from_numpy(forms), torch.from_numpy(shares)


def loss_of(logits: torch.Tensor, shares: torch.Tensor, members: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy over the sets with the boolean `members` [sets, tags]."""
    chances = torch.log_softmax(logits, dim=2)
    outside = torch.zeros(members.shape).masked_fill(~members, -1e4)
    sets = torch.logsumexp(chances.unsqueeze(2) + outside, dim=3)
    return -(sets * shares).sum() / shares.sum()


def _aligned(tokens: Tokens, offsets: Sequence[tuple[int, int]]) -> list[int]:
    """Return for each token the teacher's token in which its first character lies, or the one before."""
    out, place = [], 0
    for start, _ in tokens.offsets:
        while place + 1 < len(offsets) and offsets[place + 1][0] <= start:
            place += 1
        out.append(place)
    return out
