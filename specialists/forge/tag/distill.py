"""Teaching the student what the teacher says of words and texts, and known marks (Hinton et al. 2015)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from specialists.engine.tokenize import PAD, UNKNOWN
from specialists.forge.loops import Average, Checkpoint, like_length, warm_then_linear
from specialists.forge.tag.encoder import Lesson
from specialists.forge.tag.rows import NONE, Box, Row, boxed
from specialists.forge.tag.student import TagStudent


@dataclass(frozen=True, slots=True)
class Lot:
    """What is learned from: the student's rows, for each whether its own marks are right, and the teacher's lesson."""

    rows: Sequence[Row]
    sure: torch.Tensor
    lesson: Lesson

    @property
    def tokens(self) -> int:
        """The number of tokens of all rows."""
        return sum(len(row.ids) for row in self.rows)


@dataclass(frozen=True, slots=True)
class StudentPlan:
    """How to teach.

    `warmth` is the temperature of both logits, `lost` the share of tokens that are made unknown; `words`, `near` and
    `hard` weigh the losses, `average` is what stays of the average of the weights at each step.
    """

    epochs: int
    batch: int = 64
    rate: float = 2e-3
    embedding_rate: float = 1e-3
    decay: float = 0.01
    warmth: float = 2.0
    words: float = 2.0
    near: float = 0.5
    hard: float = 0.3
    lost: float = 0.05
    average: float = 0.998


def distill(
    student: TagStudent,
    lot: Lot,
    plan: StudentPlan,
    *,
    seed: int,
    checkpoint: Path,
    report: Callable[[int, float], None],
) -> None:
    """Fit `student` to the lot and leave the average of its weights in it (Polyak and Juditsky 1992).

    Starts from `checkpoint` if it exists; calls `report` with finished epochs and their mean loss.
    """
    torch.manual_seed(seed)
    project = nn.Linear(student.features, lot.lesson.pooled.shape[1])
    average = Average(student, plan.average)
    fast = [p for p in student.parameters() if p is not student.embed.weight]
    groups = [
        {"params": [*fast, *project.parameters()], "lr": plan.rate, "weight_decay": plan.decay},
        {"params": [student.embed.weight], "lr": plan.embedding_rate, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups)
    steps = plan.epochs * -(-len(lot.rows) // plan.batch)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, warm_then_linear(steps))
    keep = Checkpoint(
        checkpoint, student=student, project=project, average=average, optimizer=optimizer, rate=rate
    )
    lengths = [len(row.ids) for row in lot.rows]
    for epoch in range(keep.resume(), plan.epochs):
        torch.manual_seed(seed * 1000 + epoch)
        student.train()
        total = 0.0
        for part in like_length(lengths, plan.batch, seed, epoch):
            loss, features = loss_of(student, lot, part, plan)
            loss = loss + plan.near * _from_pooled(project, features, lot, part)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_([*student.parameters(), *project.parameters()], 1.0)
            optimizer.step()
            rate.step()
            average.update()
            total += loss.item() * len(part)
        keep.save(epoch + 1)
        report(epoch + 1, total / len(lengths))
    student.load_state_dict(average.weights)


def loss_of(
    student: TagStudent, lot: Lot, part: Sequence[int], plan: StudentPlan, gate: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss of some rows, and the features that the student has of them.

    The loss is the distance to the teacher's logits of words and intents, and the cross-entropy of marks that are sure.
    """
    box = boxed([lot.rows[i] for i in part])
    rows = torch.tensor(part)
    ids = box.ids.clone()
    ids[(torch.rand(ids.shape) < plan.lost) & (ids != PAD)] = UNKNOWN
    signal, features = student.read(ids, box.shapes, gate)
    tags, intents = student.heads(signal, features)
    given, wanted = _words(tags, box, lot, part)
    loss = plan.words * _apart(given, wanted, plan.warmth)
    if student.size.intents:
        loss = loss + _apart(intents, lot.lesson.intents[rows], plan.warmth)
    return loss + plan.hard * _hard(tags, intents, box, lot.sure[rows], plan), features


def _from_pooled(project: nn.Linear, features: torch.Tensor, lot: Lot, part: Sequence[int]) -> torch.Tensor:
    """Return 1 - cosine of what is projected from the student's features and the teacher's pooled vectors, the mean."""
    pooled = lot.lesson.pooled[torch.tensor(part)].to(torch.float32)
    return (1 - nn.functional.cosine_similarity(project(features), pooled, dim=1)).mean()


def _words(tags: torch.Tensor, box: Box, lot: Lot, part: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits of student and teacher for the words that both read."""
    wanted = [lot.lesson.words[i] for i in part]
    both = [
        torch.arange(len(lot.rows[i].starts)) < len(theirs) for i, theirs in zip(part, wanted, strict=True)
    ]
    theirs = [theirs[: len(ours)] for theirs, ours in zip(wanted, both, strict=True)]
    return tags[box.tags != NONE][torch.cat(both)], torch.cat(theirs).to(torch.float32)


def _apart(given: torch.Tensor, wanted: torch.Tensor, warmth: float) -> torch.Tensor:
    """Return the mean divergence of `given` from `wanted` logits at the temperature `warmth`, times its square."""
    target = torch.softmax(wanted / warmth, dim=1)
    logs = torch.log_softmax(given / warmth, dim=1)
    return warmth**2 * nn.functional.kl_div(logs, target, reduction="batchmean")


def _hard(
    tags: torch.Tensor, intents: torch.Tensor, box: Box, sure: torch.Tensor, plan: StudentPlan
) -> torch.Tensor:
    """Return the cross-entropy of the marks of sure rows, zero if there are none in the batch."""
    if not bool(sure.any()):
        return tags.sum() * 0.0
    words = nn.functional.cross_entropy(tags[sure].flatten(0, 1), box.tags[sure].flatten(), ignore_index=NONE)
    named = sure & (box.intents != NONE)
    if not intents.shape[1] or not bool(named.any()):
        return plan.words * words
    return plan.words * words + nn.functional.cross_entropy(intents[named], box.intents[named])
