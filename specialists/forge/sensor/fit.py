"""The loop that fits the sensors' networks: a one-cycle learning rate, resumable after each epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from specialists.forge.loops import Checkpoint


@dataclass(frozen=True, slots=True)
class Course:
    """How to fit: how often over all rows, how many rows at once, the highest learning rate, and the decay."""

    epochs: int
    batch: int
    peak: float
    decay: float


def fit(
    network: nn.Module,
    count: int,
    course: Course,
    seed: int,
    loss_of: Callable[[torch.Tensor], torch.Tensor],
    told: Callable[[float], None],
    kept: Callable[..., Checkpoint],
) -> None:
    """Lessen `loss_of` (numbers of rows below `count` -> loss) by AdamW (Loshchilov and Hutter 2019).

    `told` gets the mean loss of each epoch. `kept` makes the checkpoint, which is gone on from.
    """
    steps = max(1, count // course.batch)
    optimizer = torch.optim.AdamW(network.parameters(), course.peak, weight_decay=course.decay)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, course.peak, total_steps=course.epochs * steps + 1)
    checkpoint = kept(network=network, optimizer=optimizer, rate=rate)
    for epoch in range(checkpoint.resume(), course.epochs):
        order = torch.Generator().manual_seed(seed * 1000 + epoch)
        places = torch.randperm(count, generator=order)
        total = 0.0
        for step in range(steps):
            loss = loss_of(places[step * course.batch : (step + 1) * course.batch])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            rate.step()
            total += loss.item()
        checkpoint.save(epoch + 1)
        told(total / steps)
