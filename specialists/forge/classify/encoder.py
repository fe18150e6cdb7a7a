"""A pretrained sentence encoder with a linear head: the teacher of text classifiers.

The encoder is any BERT-like directory of Hugging Face files, such as all-MiniLM-L6-v2 (Wang et al. 2020, Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from tokenizers import Tokenizer
from torch import nn
from transformers import AutoModel
from transformers.utils import logging as transformers_logging

from hive.errors import HiveError

PIECES: Final = "tokenizer.json"
CLASS_PIECE: Final = "[CLS]"
END_PIECE: Final = "[SEP]"


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a teacher says of a list of texts: embeddings [texts, width] and logits [texts, classes]."""

    embeddings: torch.Tensor
    logits: torch.Tensor


class EncoderPieces:
    """The encoder's own tokenizer, called directly: texts to token ids between its class and end marks."""

    def __init__(self, directory: Path, max_tokens: int) -> None:
        """Read the tokenizer; texts are cut so that they have `max_tokens` ids with both marks."""
        self.tokenizer = Tokenizer.from_file(str(directory / PIECES))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.first = self._number(CLASS_PIECE)
        self.last = self._number(END_PIECE)
        self.max_tokens = max_tokens

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text."""
        found = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [[self.first, *encoding.ids[: self.max_tokens - 2], self.last] for encoding in found]

    def alone(self, piece: str) -> list[int]:
        """Return the token ids of a text that is one piece of the vocabulary."""
        return [self.first, self._number(piece), self.last]

    def _number(self, piece: str) -> int:
        number = self.tokenizer.token_to_id(piece)
        if number is None:
            raise HiveError(
                "recipe_invalid", f"The encoder's vocabulary has no {piece}; it must be BERT-like."
            )
        return int(number)


class EncoderClassifier(nn.Module):
    """Mean pooling over the encoder's last layer, then one linear layer: ids and mask [batch, tokens] -> logits."""

    def __init__(self, directory: Path, classes: int) -> None:
        """Load the encoder of `directory`; the head starts at zero, so the first gradients are the head's own."""
        super().__init__()
        transformers_logging.set_verbosity_error()  # it would report the unused pooling layer on each load
        transformers_logging.disable_progress_bar()
        self.encoder = AutoModel.from_pretrained(
            str(directory), attn_implementation="sdpa", add_pooling_layer=False
        )
        self.width = int(self.encoder.config.hidden_size)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(self.width, classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def embed(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the mean of the token vectors, [batch, width]."""
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        weight = mask.unsqueeze(2).to(hidden.dtype)
        pooled: torch.Tensor = (hidden * weight).sum(1) / weight.sum(1)
        return pooled

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return logits [batch, classes]."""
        logits: torch.Tensor = self.head(self.drop(self.embed(ids, mask)))
        return logits


def boxed(rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token ids and mask [rows, longest], filled with 0."""
    width = max(len(row) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    for line, row in enumerate(rows):
        ids[line, : len(row)] = torch.tensor(row)
        mask[line, : len(row)] = 1
    return ids, mask


def teach(model: EncoderClassifier, rows: Sequence[Sequence[int]], batch: int = 64) -> Lesson:
    """Return what `model` says of token `rows`, computed in batches of like length."""
    model.eval()
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    embeddings = torch.zeros(len(rows), model.width)
    logits = torch.zeros(len(rows), model.head.out_features)
    with torch.inference_mode():
        for begin in range(0, len(order), batch):
            part = order[begin : begin + batch]
            pooled = model.embed(*boxed([rows[i] for i in part]))
            embeddings[part] = pooled
            logits[part] = model.head(pooled)
    return Lesson(embeddings, logits)
