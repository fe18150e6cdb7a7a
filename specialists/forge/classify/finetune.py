"""Fine-tuning the encoder teacher on labelled texts, epoch by epoch, resumable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from specialists.forge.classify.encoder import EncoderClassifier, boxed
from specialists.forge.loops import Checkpoint, like_length, warm_then_linear


@dataclass(frozen=True, slots=True)
class TeacherPlan:
    """How to fine-tune: the head, which starts at nothing, learns faster than the pretrained encoder."""

    epochs: int
    batch: int = 32
    encoder_rate: float = 2e-4
    head_rate: float = 4e-3
    decay: float = 0.01


def fine_tune(
    model: EncoderClassifier,
    rows: Sequence[Sequence[int]],
    labels: Sequence[int],
    plan: TeacherPlan,
    *,
    seed: int,
    checkpoint: Path,
    report: Callable[[int, float], None],
) -> None:
    """Fit `model` to token `rows` and class numbers `labels` by AdamW (Loshchilov and Hutter 2019).

    Calls `report` with the number of finished epochs and their mean loss. Starts from `checkpoint` if it exists.
    """
    wanted = torch.tensor(labels)
    steps = plan.epochs * -(-len(rows) // plan.batch)
    optimizer = torch.optim.AdamW(
        [
            {"params": model.encoder.parameters(), "lr": plan.encoder_rate},
            {"params": model.head.parameters(), "lr": plan.head_rate},
        ],
        weight_decay=plan.decay,
    )
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, warm_then_linear(steps))
    keep = Checkpoint(checkpoint, model=model, optimizer=optimizer, rate=rate)
    lengths = [len(row) for row in rows]
    for epoch in range(keep.resume(), plan.epochs):
        torch.manual_seed(seed * 1000 + epoch)
        model.train()
        total = 0.0
        for part in like_length(lengths, plan.batch, seed, epoch):
            logits = model(*boxed([rows[i] for i in part]))
            loss = nn.functional.cross_entropy(logits, wanted[part])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            rate.step()
            total += loss.item() * len(part)
        keep.save(epoch + 1)
        report(epoch + 1, total / len(rows))
