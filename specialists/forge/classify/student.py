"""The student: a convolutional text classifier (Kim 2014) small enough to answer in some tens of microseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from specialists.engine.tokenize import PAD


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a student: pieces, width of their embedding, filters by kernel size (odd), classes."""

    pieces: int
    width: int
    filters: tuple[tuple[int, int], ...]
    classes: int

    @property
    def features(self) -> int:
        """The length of the feature vector: one maximum per filter, and the mean embedding."""
        return sum(count for _, count in self.filters) + self.width


class TextStudent(nn.Module):
    """Token ids [batch, tokens] -> logits [batch, classes].

    Features are the strongest response of each filter, and the mean embedding. Padding changes nothing: it embeds to
    zero, and what the kernels see there is masked before the maximum.
    """

    def __init__(self, shape: Shape, drop: float = 0.3) -> None:
        """Build the student with random weights."""
        super().__init__()
        self.shape = shape
        self.embed = nn.Embedding(shape.pieces, shape.width, padding_idx=PAD)
        self.kernels = nn.ModuleList(
            nn.Conv1d(shape.width, count, size, padding=size // 2) for size, count in shape.filters
        )
        self.drop = nn.Dropout(drop)
        self.head = nn.Linear(shape.features, shape.classes)

    def features(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the features, [batch, shape.features]."""
        seen = (ids != PAD).to(torch.float32).unsqueeze(1)
        signal = self.embed(ids).transpose(1, 2)
        strongest = [(torch.relu(kernel(signal)) * seen).amax(dim=2) for kernel in self.kernels]
        mean = signal.sum(2) / seen.sum(2).clamp(min=1.0)
        return torch.cat([*strongest, mean], dim=1)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        logits: torch.Tensor = self.head(self.drop(self.features(ids)))
        return logits


def filled(rows: Sequence[Sequence[int]]) -> torch.Tensor:
    """Return token ids [rows, longest], filled with PAD."""
    out = torch.full((len(rows), max(len(row) for row in rows)), PAD, dtype=torch.long)
    for line, row in zip(out, rows, strict=True):
        line[: len(row)] = torch.tensor(row)
    return out
