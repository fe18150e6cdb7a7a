"""Distillation (Hinton et al. 2015): the student learns the teacher's scores of training rows and made-up ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from specialists.forge.loops import Average, Checkpoint
from specialists.forge.risk.student import RecordStudent, Shape

Floats32 = npt.NDArray[np.float32]
_BATCH: Final = 256
_STEPS: Final = 100
"""Steps of an epoch: so much is lost by a kill."""
_STEP_S: Final = 1.6e-3
_FEWEST: Final = 600
_USUAL: Final = 6000
_MOST: Final = 20_000
_PASSES: Final = 60
_PEAK: Final = 4e-3
_KEEP: Final = 0.995


@dataclass(frozen=True, slots=True)
class Lessons:
    """What is learned from: `rows` [n, width] and what each should score, `real` [n, scores] and made up.

    For a risk a target is a probability, for a number it is in units of the target's spread.
    """

    rows: Floats32
    targets: Floats32
    made_rows: Floats32
    made_targets: Floats32


@dataclass(frozen=True, slots=True)
class Way:
    """How one student is trained: how much a made-up row weighs, dropout, and weight decay."""

    made: float
    drop: float
    decay: float


WAYS: Final = (Way(2.0, 0.1, 1e-3), Way(1.0, 0.2, 3e-2), Way(2.0, 0.0, 1e-4), Way(1.0, 0.1, 1e-2))
"""In the order in which they are tried, as far as the budget goes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many ways are tried, for how many epochs each."""

    ways: tuple[Way, ...]
    epochs: int


def plan_within(budget_s: float, rows: int, epochs: int = 0) -> Plan:
    """Return what a budget buys: all passes for one way first, then further ways, then twice as many passes.

    With `epochs` each way takes so many, whatever the budget.
    """
    if epochs:
        return Plan(WAYS[: max(1, int(budget_s / (epochs * _STEPS * _STEP_S)))], epochs)
    steps = int(min(_MOST, max(_USUAL, _PASSES * rows / _BATCH)))
    affordable = max(1.0, budget_s / _STEP_S)
    ways = WAYS[: max(1, int(affordable / steps))]
    each = min(2 * steps, max(_FEWEST, int(affordable / len(ways))))
    return Plan(ways, max(1, each // _STEPS))


@dataclass(frozen=True, slots=True)
class School:
    """What all ways of training share: the student's shape and bin edges, the lessons, and what they teach."""

    shape: Shape
    edges: Floats32
    lessons: Lessons
    classes: bool


def learned(
    school: School, way: Way, epochs: int, seed: int, checkpoint: Path, tick: Callable[[float], None]
) -> tuple[RecordStudent, list[float]]:
    """Return a student trained for `epochs`, with averaged weights, and its mean loss per epoch.

    `checkpoint` is written after each epoch and gone on from.
    """
    torch.manual_seed(seed)
    student = RecordStudent(school.shape, school.edges, way.drop)
    average = Average(student, _KEEP)
    optimizer = torch.optim.AdamW(student.parameters(), lr=_PEAK, weight_decay=way.decay)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, _PEAK, total_steps=epochs * _STEPS, pct_start=0.15)
    course = _Course()
    keep = Checkpoint(
        checkpoint, student=student, average=average, optimizer=optimizer, rate=rate, course=course
    )
    for epoch in range(keep.resume(), epochs):
        torch.manual_seed(seed * 1_000_003 + epoch)
        rng = np.random.default_rng((seed, epoch))
        student.train()
        total = 0.0
        for _ in range(_STEPS):
            loss = _loss(student, school, way, rng)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(student.parameters(), 1.0)
            optimizer.step()
            rate.step()
            average.update()
            total += float(loss.item())
        course.losses.append(total / _STEPS)
        keep.save(epoch + 1)
        tick(course.losses[-1])
    student.load_state_dict(average.weights)
    return student.eval(), course.losses


class _Course:
    """The losses so far, kept in the checkpoint."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def state_dict(self) -> dict[str, object]:
        return {"losses": list(self.losses)}

    def load_state_dict(self, state_dict: dict[str, Sequence[float]]) -> None:
        self.losses = list(state_dict["losses"])


def _loss(student: RecordStudent, school: School, way: Way, rng: np.random.Generator) -> torch.Tensor:
    """Return the loss of one batch, half of it real rows and half made-up ones."""
    lessons = school.lessons
    real = rng.integers(0, len(lessons.rows), _BATCH)
    made = rng.integers(0, len(lessons.made_rows), _BATCH)
    rows = torch.from_numpy(np.concatenate([lessons.rows[real], lessons.made_rows[made]]))
    targets = torch.from_numpy(np.concatenate([lessons.targets[real], lessons.made_targets[made]]))
    scores = student(rows)
    if school.classes:
        each = nn.functional.binary_cross_entropy_with_logits(scores, targets, reduction="none")
    else:
        each = nn.functional.smooth_l1_loss(scores, targets, reduction="none", beta=1.0)
    return each[:_BATCH].mean() + way.made * each[_BATCH:].mean()


def scores_of(student: RecordStudent, rows: Floats32) -> npt.NDArray[np.float64]:
    """Return the student's scores [n, 1 + modes]."""
    with torch.no_grad():
        parts = [student(torch.from_numpy(rows[at : at + 4096])) for at in range(0, len(rows), 4096)]
    return torch.cat(parts).numpy().astype(np.float64)
