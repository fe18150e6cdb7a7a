"""The student of taggers: a dilated convolutional network (Strubell et al. 2017) with heads for words and intent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import nn

from specialists.engine.tokenize import PAD
from specialists.kinds.shapes import SHAPES

_INT4: Final = 7
CONTEXT: Final = 64
"""The width of what the whole text tells each of its words."""


@dataclass(frozen=True, slots=True)
class Size:
    """The sizes of a student: pieces, width of their embedding, filters of each layer, its dilations, names to tell."""

    pieces: int
    width: int
    filters: int
    dilations: tuple[int, ...]
    tags: int
    intents: int


class TagStudent(nn.Module):
    """Ids and shapes [batch, tokens] -> logits of tags [batch, tokens, tags] and of intents [batch, intents].

    The text is read from the strongest response of each filter, before and after the dilated layers, and from the mean
    embedding; the intent follows from that, and each word is told it before its tag is. Every layer is masked, so what
    a token sees is its text and zeros, in a batch as alone.
    """

    shape_width = 16

    def __init__(self, size: Size, drop: float = 0.1) -> None:
        """Build the student with random weights."""
        super().__init__()
        self.size = size
        self.coarse = False
        self.embed = nn.Embedding(size.pieces, size.width, padding_idx=PAD)
        self.shape = nn.Embedding(SHAPES, self.shape_width, padding_idx=PAD)
        self.drop = nn.Dropout(drop)
        self.enter = nn.Conv1d(size.width + self.shape_width, size.filters, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Conv1d(size.filters, size.filters, 3, padding=d, dilation=d) for d in size.dilations
        )
        self.gist = nn.Linear(self.features, CONTEXT)
        self.tell = nn.Linear(CONTEXT, size.filters)
        self.tag_head = nn.Conv1d(size.filters, size.tags, 1)
        self.intent_head = nn.Linear(self.features, max(1, size.intents))
        for table in (self.embed, self.shape):
            nn.init.normal_(table.weight, std=0.3)
            with torch.no_grad():
                table.weight[PAD].zero_()

    @property
    def features(self) -> int:
        """The length of the vector that the text is read from."""
        return 2 * self.size.filters + self.size.width

    def read(
        self, ids: torch.Tensor, shapes: torch.Tensor, gate: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what each token is, [batch, filters, tokens], and what the text is, [batch, features].

        A `gate` [filters] scales the filters' signals, for those who ask what a filter is worth.
        """
        seen = (ids != PAD).to(torch.float32).unsqueeze(1)
        passing = seen if gate is None else seen * gate.unsqueeze(1)
        pieces = self.embed(ids)
        if self.coarse:
            pieces = coarse_rows(pieces)
        signal = torch.cat([pieces, self.shape(shapes)], dim=2).transpose(1, 2)
        first = torch.relu(self.enter(self.drop(signal))) * passing
        signal = first
        for block in self.blocks:
            signal = (signal + torch.relu(block(self.drop(signal)))) * passing
        mean = pieces.transpose(1, 2).sum(2) / seen.sum(2).clamp(min=1.0)
        features = torch.cat([first.amax(dim=2), signal.amax(dim=2), mean], dim=1)
        told = torch.relu(self.tell(torch.relu(self.gist(self.drop(features))))).unsqueeze(2)
        return (signal + told) * passing, features

    def heads(self, signal: torch.Tensor, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits of tags and of intents from what `read` gives."""
        tags = self.tag_head(self.drop(signal)).transpose(1, 2)
        return tags, self.intent_head(self.drop(features))[:, : self.size.intents]

    def forward(self, ids: torch.Tensor, shapes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return both logits."""
        return self.heads(*self.read(ids, shapes))


def coarse_rows(rows: torch.Tensor) -> torch.Tensor:
    """Return `rows` [..., width] rounded as a table of int4 with a scale per row would hold them.

    Gradients pass as if nothing had been rounded (Bengio et al. 2013), so that learning goes on under the rounding
    (Jacob et al. 2018, quantization-aware training).
    """
    scale = (rows.detach().abs().amax(dim=-1, keepdim=True) / _INT4).clamp(min=1e-8)
    rounded = torch.round(rows.detach() / scale).clamp(-_INT4 - 1, _INT4) * scale
    return rows + (rounded - rows.detach())
