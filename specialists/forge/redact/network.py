"""The network of a redaction, small enough to answer in well under a millisecond."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from specialists.engine.tokenize import PAD


class TokenTagger(nn.Module):
    """A dilated convolutional tagger (Strubell et al. 2017): ids and shapes [batch, tokens] -> [batch, tokens, tags].

    Every layer is masked, so what a token sees is its text and zeros, in a batch as alone.
    """

    def __init__(
        self, vocabulary: int, shapes: int, tags: int, width: int, filters: int, dilations: Sequence[int]
    ) -> None:
        """Build one residual block of kernel 3 per dilation over embeddings of size `width` + 16."""
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width, padding_idx=PAD)
        self.shape = nn.Embedding(shapes, 16, padding_idx=PAD)
        self.drop = nn.Dropout(0.25)
        self.enter = nn.Conv1d(width + 16, filters, 3, padding=1)
        self.blocks = nn.ModuleList(nn.Conv1d(filters, filters, 3, padding=d, dilation=d) for d in dilations)
        self.head = nn.Conv1d(filters, tags, 1)
        for table in (self.embed, self.shape):
            nn.init.normal_(table.weight, std=0.3)
            with torch.no_grad():
                table.weight[PAD].zero_()

    def forward(self, ids: torch.Tensor, shapes: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        seen = (ids != PAD).to(torch.float32).unsqueeze(1)
        signal = torch.cat([self.embed(ids), self.shape(shapes)], dim=2).transpose(1, 2)
        signal = torch.relu(self.enter(self.drop(signal))) * seen
        for block in self.blocks:
            signal = (signal + torch.relu(block(self.drop(signal)))) * seen
        return self.head(self.drop(signal)).transpose(1, 2)
