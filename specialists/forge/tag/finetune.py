"""Fine-tuning the teacher on examples, epoch by epoch, resumable."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from specialists.forge.loops import Checkpoint, like_length, warm_then_linear
from specialists.forge.sources.values import MarkedText
from specialists.forge.tag.augment import recased
from specialists.forge.tag.encoder import EncoderTagger
from specialists.forge.tag.rows import NONE, Box, RowMaker, boxed


@dataclass(frozen=True, slots=True)
class TeacherPlan:
    """How to fine-tune. `recase` is the share of texts in another case of letters, drawn anew in each epoch."""

    epochs: int
    batch: int = 32
    encoder_rate: float = 2e-4
    head_rate: float = 2e-3
    decay: float = 0.01
    recase: float = 0.2


def joint_loss(tags: torch.Tensor, intents: torch.Tensor, box: Box) -> torch.Tensor:
    """Return the cross-entropy of the words' tags (mean over words, twice) and of the intents (mean over rows)."""
    loss = 2.0 * nn.functional.cross_entropy(tags.flatten(0, 1), box.tags.flatten(), ignore_index=NONE)
    if intents.shape[1] and bool((box.intents != NONE).any()):
        loss = loss + nn.functional.cross_entropy(intents, box.intents, ignore_index=NONE)
    return loss


def fine_tune(
    model: EncoderTagger,
    examples: Sequence[MarkedText],
    maker: RowMaker,
    plan: TeacherPlan,
    *,
    seed: int,
    checkpoint: Path,
    report: Callable[[int, float], None],
) -> None:
    """Fit `model` to `examples` by AdamW (Loshchilov and Hutter 2019).

    Calls `report` with the number of finished epochs and their mean loss. Starts from `checkpoint` if it exists.
    """
    steps = plan.epochs * -(-len(examples) // plan.batch)
    optimizer = torch.optim.AdamW(
        [
            {"params": model.encoder.parameters(), "lr": plan.encoder_rate},
            {"params": model.heads(), "lr": plan.head_rate},
        ],
        weight_decay=plan.decay,
    )
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, warm_then_linear(steps))
    keep = Checkpoint(checkpoint, model=model, optimizer=optimizer, rate=rate)
    for epoch in range(keep.resume(), plan.epochs):
        torch.manual_seed(seed * 1000 + epoch)
        rng = random.Random(f"case:{seed}:{epoch}")
        rows = [maker.row(recased(example, rng, plan.recase)) for example in examples]
        model.train()
        total = 0.0
        for part in like_length([len(row.ids) for row in rows], plan.batch, seed, epoch):
            box = boxed([rows[i] for i in part])
            tags, intents = model(box.ids, box.shapes, box.mask)
            loss = joint_loss(tags, intents, box)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            rate.step()
            total += loss.item() * len(part)
        keep.save(epoch + 1)
        report(epoch + 1, total / len(rows))
