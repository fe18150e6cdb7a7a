"""The teacher of taggers: a pretrained sentence encoder with a head for the words and one for the intent.

The encoder is any BERT-like directory of Hugging Face files, such as all-MiniLM-L6-v2 (Wang et al. 2020, Apache-2.0).
Joint learning of both follows Chen et al. 2019 (BERT for Joint Intent Classification and Slot Filling), with mean
pooling. Such encoders often ignore case, which names hang on, so the shape of each token is added to its embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import AutoModel
from transformers.utils import logging

from specialists.forge.tag.rows import Row, boxed
from specialists.kinds.shapes import SHAPES


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a teacher says of some rows.

    `words` has for each the logits of its words [words, tags] in half precision; `intents` [rows, intents] are logits
    and `pooled` [rows, width] the mean vectors of all.
    """

    words: list[torch.Tensor]
    intents: torch.Tensor
    pooled: torch.Tensor


class EncoderTagger(nn.Module):
    """Ids, shapes and mask [batch, tokens] -> logits of tags [batch, tokens, tags] and of intents [batch, intents].

    With no intents to tell apart, the second is [batch, 0].
    """

    def __init__(self, directory: Path, tags: int, intents: int) -> None:
        """Load the encoder of `directory`; heads and shapes start at zero, so at first it is the encoder alone."""
        super().__init__()
        # The library's bar and its notes on unused weights tell a user nothing.
        logging.disable_progress_bar()
        logging.set_verbosity_error()
        self.encoder = AutoModel.from_pretrained(str(directory), add_pooling_layer=False)
        width = self.width = int(self.encoder.config.hidden_size)
        self.shapes = nn.Embedding(SHAPES, width)
        self.drop = nn.Dropout(0.1)
        self.tag_head = nn.Linear(width, tags)
        self.intents = intents
        self.intent_head = nn.Linear(width, max(1, intents))
        for weight in self.heads():
            nn.init.zeros_(weight)

    def read(
        self, ids: torch.Tensor, shapes: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the vectors of tokens [batch, tokens, width], and their mean [batch, width]."""
        embedded = self.encoder.get_input_embeddings()(ids) + self.shapes(shapes)
        hidden = self.encoder(inputs_embeds=embedded, attention_mask=mask).last_hidden_state
        weight = mask.unsqueeze(2).to(hidden.dtype)
        return hidden, (hidden * weight).sum(1) / weight.sum(1)

    def forward(
        self, ids: torch.Tensor, shapes: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return both logits."""
        hidden, pooled = self.read(ids, shapes, mask)
        return self.tag_head(self.drop(hidden)), self.intent_head(self.drop(pooled))[:, : self.intents]

    def heads(self) -> list[nn.Parameter]:
        """Return what starts at zero, which learns faster than the pretrained rest."""
        return [p for part in (self.shapes, self.tag_head, self.intent_head) for p in part.parameters()]


def teach(
    model: EncoderTagger, rows: Sequence[Row], advance: Callable[[int], object] = bool, batch: int = 64
) -> Lesson:
    """Return what `model` says of `rows`, computed in batches of like length; calls `advance` with each one's size."""
    model.eval()
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].ids))
    words: list[torch.Tensor] = [torch.empty(0)] * len(rows)
    intents = torch.zeros(len(rows), model.intents)
    pooled = torch.zeros(len(rows), model.width)
    with torch.inference_mode():
        for begin in range(0, len(order), batch):
            part = order[begin : begin + batch]
            box = boxed([rows[i] for i in part])
            hidden, pooled[part] = model.read(box.ids, box.shapes, box.mask)
            intents[part] = model.intent_head(pooled[part])[:, : model.intents]
            tags = model.tag_head(hidden).to(torch.float16)
            for line, i in enumerate(part):
                words[i] = tags[line, rows[i].starts]
            advance(len(part))
    return Lesson(words, intents, pooled)
