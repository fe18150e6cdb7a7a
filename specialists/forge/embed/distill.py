"""Teaching a small network to place texts as a sentence encoder does.

Targets are the teacher's vectors on their principal axes. The student learns each text's direction, and of each batch
all similarities between its texts, which is what vectors are used for (Park et al. 2019, relational distillation).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from specialists.forge.classify.student import TextStudent, filled
from specialists.forge.loops import Average, Checkpoint, like_length, warm_then_linear


@dataclass(frozen=True, slots=True)
class EmbedPlan:
    """How to teach."""

    epochs: int
    batch: int = 128
    rate: float = 3e-3
    embedding_rate: float = 1e-3
    alike: float = 4.0
    average: float = 0.998


def main_axes(vectors: torch.Tensor, width: int) -> torch.Tensor:
    """Return the `width` principal axes of unit vectors [texts, d] around the origin, [d, width]."""
    exact = vectors.to(torch.float64)
    values, axes = torch.linalg.eigh(exact.T @ exact)
    return axes[:, values.argsort(descending=True)[:width]].to(torch.float32)


def distill_vectors(
    student: TextStudent,
    rows: Sequence[Sequence[int]],
    targets: torch.Tensor,
    plan: EmbedPlan,
    *,
    seed: int,
    checkpoint: Path,
    report: Callable[[float, Mapping[str, torch.Tensor]], None],
) -> None:
    """Fit `student` to `targets`, unit vectors [texts, width], and leave the average of its weights in it.

    Starts from `checkpoint` if it exists; calls `report` after each epoch with its mean loss.
    """
    slow = [student.embed.weight]
    fast = [weight for weight in student.parameters() if weight is not student.embed.weight]
    optimizer = torch.optim.AdamW(
        [
            {"params": fast, "lr": plan.rate, "weight_decay": 0.01},
            {"params": slow, "lr": plan.embedding_rate, "weight_decay": 0.0},
        ]
    )
    lengths = [len(row) for row in rows]
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimizer, warm_then_linear(plan.epochs * -(-len(rows) // plan.batch))
    )
    average = Average(student, plan.average)
    keep = Checkpoint(checkpoint, student=student, optimizer=optimizer, rate=rate, average=average)
    for epoch in range(keep.resume(), plan.epochs):
        torch.manual_seed(seed * 1000 + epoch)
        student.train()
        total = 0.0
        for part in like_length(lengths, plan.batch, seed, epoch):
            given = nn.functional.normalize(student(filled([rows[i] for i in part])), dim=1)
            loss = _loss(given, targets[part], plan)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(student.parameters(), 1.0)
            optimizer.step()
            rate.step()
            average.update()
            total += loss.item() * len(part)
        keep.save(epoch + 1)
        report(total / len(rows), average.weights)
    student.load_state_dict(average.weights)


def _loss(given: torch.Tensor, wanted: torch.Tensor, plan: EmbedPlan) -> torch.Tensor:
    direction = (1 - (given * wanted).sum(1)).mean()
    return direction + plan.alike * nn.functional.mse_loss(given @ given.T, wanted @ wanted.T)
