"""Teaching the student: what the teacher says of labelled and of transfer texts, and the labels themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import nn

from specialists.engine.tokenize import PAD, UNKNOWN
from specialists.forge.classify.encoder import Lesson
from specialists.forge.classify.student import TextStudent, filled
from specialists.forge.loops import Average, Checkpoint, like_length, warm_then_linear

UNLABELLED: Final = -1
OUTSIDE: Final = -2


@dataclass(frozen=True, slots=True)
class Lot:
    """Token rows to learn from, and what the teacher says of them.

    A label is a class number, UNLABELLED (the teacher's word is all there is) or OUTSIDE (of no class).
    """

    rows: Sequence[Sequence[int]]
    labels: torch.Tensor
    lesson: Lesson


@dataclass(frozen=True, slots=True)
class StudentPlan:
    """How to teach. Weights of the losses: the teacher's probabilities, embedding and logits, the given labels."""

    epochs: int
    batch: int = 128
    rate: float = 3e-3
    embedding_rate: float = 1e-3
    decay: float = 0.01
    warmth: float = 2.0
    soft: float = 1.0
    near: float = 1.0
    match: float = 0.0
    hard: float = 0.2
    spread: float = 0.1
    lost: float = 0.05
    average: float = 0.998


def distill(
    student: TextStudent,
    lot: Lot,
    plan: StudentPlan,
    *,
    seed: int,
    checkpoint: Path,
    report: Callable[[int, float, Mapping[str, torch.Tensor]], None],
) -> None:
    """Fit `student` to the lot (Hinton et al. 2015) and leave the average of its weights in it.

    Starts from `checkpoint` if it exists; calls `report` with finished epochs and their mean loss.
    """
    project = nn.Linear(student.shape.features, lot.lesson.embeddings.shape[1])
    both = nn.ModuleDict({"student": student, "project": project})
    slow = [student.embed.weight]
    fast = [weight for weight in both.parameters() if weight is not student.embed.weight]
    steps = plan.epochs * -(-len(lot.rows) // plan.batch)
    optimizer = torch.optim.AdamW(
        [
            {"params": fast, "lr": plan.rate, "weight_decay": plan.decay},
            {"params": slow, "lr": plan.embedding_rate, "weight_decay": 0.0},
        ]
    )
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, warm_then_linear(steps))
    average = Average(student, plan.average)
    lengths = [len(row) for row in lot.rows]
    keep = Checkpoint(checkpoint, both=both, optimizer=optimizer, rate=rate, average=average)
    for epoch in range(keep.resume(), plan.epochs):
        torch.manual_seed(seed * 1000 + epoch)
        student.train()
        total = 0.0
        for part in like_length(lengths, plan.batch, seed, epoch):
            ids = filled([lot.rows[i] for i in part])
            ids[(torch.rand(ids.shape) < plan.lost) & (ids != PAD)] = UNKNOWN
            loss = loss_of(student, project, ids, lot, torch.tensor(part), plan)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(both.parameters(), 1.0)
            optimizer.step()
            rate.step()
            average.update()
            total += loss.item() * len(part)
        keep.save(epoch + 1)
        report(epoch + 1, total / len(lengths), average.weights)
    student.load_state_dict(average.weights)


def loss_of(
    student: TextStudent,
    project: nn.Linear,
    ids: torch.Tensor,
    lot: Lot,
    rows: torch.Tensor,
    plan: StudentPlan,
) -> torch.Tensor:
    """Return the distance to the teacher (logits, embedding), cross-entropy on labels, and spread on texts of no class.

    Texts of no class teach the student to spread its probability (Hendrycks et al. 2019, outlier exposure).
    """
    features = student.features(ids)
    logits = student.head(student.drop(features))
    labels = lot.labels[rows]
    known, outside = labels >= 0, labels == OUTSIDE
    wanted = torch.softmax(lot.lesson.logits[rows] / plan.warmth, 1)
    given = torch.log_softmax(logits / plan.warmth, 1)
    apart = nn.functional.kl_div(given, wanted, reduction="none").sum(1)
    loss = plan.soft * plan.warmth**2 * (apart * ~outside).mean()
    near = nn.functional.cosine_similarity(project(features), lot.lesson.embeddings[rows], dim=1)
    loss = loss + plan.near * (1 - near).mean()
    # Probabilities do not tell how large logits are, and that is what betrays a text of no class.
    loss = (
        loss
        + plan.match
        * (
            nn.functional.mse_loss(logits, lot.lesson.logits[rows], reduction="none").mean(1) * ~outside
        ).mean()
    )
    exact = nn.functional.cross_entropy(logits, labels.clamp(min=0), reduction="none", label_smoothing=0.02)
    loss = loss + plan.hard * (exact * known).mean()
    flat = -torch.log_softmax(logits, 1).mean(1)
    return loss + plan.spread * (flat * outside).mean()
