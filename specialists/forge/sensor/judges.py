"""The networks that judge rows of sensor values, how they are trained, and how a smaller one is cut from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from specialists.forge.loops import Checkpoint
from specialists.forge.sensor.fit import Course, fit
from specialists.forge.sensor.streams import RowSet
from specialists.kinds.rows import FEATURES

BATCH: Final = 1024
Floats = npt.NDArray[np.float64]


class Judge(nn.Module):
    """A network of fully connected layers: rows [rows, FEATURES] -> one logit per row [rows]."""

    def __init__(self, widths: Sequence[int]) -> None:
        """Build hidden layers of these widths."""
        super().__init__()
        sizes = [FEATURES, *widths, 1]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        for layer in self.layers[:-1]:
            rows = torch.relu(layer(rows))
        return self.layers[-1](rows).squeeze(1)

    def hidden(self, rows: torch.Tensor) -> list[torch.Tensor]:
        """Return what each hidden layer puts out, with its gradient kept."""
        outputs = []
        for layer in self.layers[:-1]:
            rows = torch.relu(layer(rows))
            rows.retain_grad()
            outputs.append(rows)
        outputs.append(self.layers[-1](rows).squeeze(1))
        return outputs


class Panel(nn.Module):
    """Several judges, whose mean logit counts."""

    def __init__(self, judges: Sequence[Judge]) -> None:
        """Join them."""
        super().__init__()
        self.judges = nn.ModuleList(judges)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the mean of their logits."""
        return torch.stack([judge(rows) for judge in self.judges]).mean(0)


def train(
    judge: nn.Module,
    rows: RowSet,
    targets: Floats,
    epochs: int,
    seed: int,
    told: Callable[[float], None],
    kept: Callable[..., Checkpoint],
    peak: float,
) -> None:
    """Fit `judge` to `targets` (chances, one per row) by weighted cross-entropy under a one-cycle learning rate.

    `kept` makes the checkpoint, which is saved after each epoch and gone on from.
    """
    features = torch.from_numpy(rows.features)
    wanted = torch.from_numpy(targets.astype(np.float32))
    weight = torch.from_numpy(rows.weight)

    def loss_of(taken: torch.Tensor) -> torch.Tensor:
        return nn.functional.binary_cross_entropy_with_logits(
            judge(features[taken]), wanted[taken], weight=weight[taken]
        )

    fit(judge, len(rows), Course(epochs, BATCH, peak, 1e-3), seed, loss_of, told, kept)


def logits_of(judge: nn.Module, features: npt.NDArray[np.float32]) -> Floats:
    """Return the logits of rows."""
    with torch.no_grad():
        parts = [
            judge(torch.from_numpy(part)).numpy()
            for part in np.array_split(features, len(features) // 65536 + 1)
        ]
    return np.concatenate(parts).astype(np.float64)


def pruned(judge: Judge, rows: RowSet, widths: Sequence[int]) -> Judge:
    """Return `judge` with only the hidden units that matter most, `widths` of them per layer.

    A unit's importance is the mean of |activation x gradient|: the first-order Taylor estimate of what the loss would
    change without it (Molchanov et al. 2017, arXiv 1611.06440).
    """
    outputs = judge.hidden(torch.from_numpy(rows.features))
    faulty = torch.from_numpy(rows.faulty.astype(np.float32))
    nn.functional.binary_cross_entropy_with_logits(
        outputs[-1], faulty, weight=torch.from_numpy(rows.weight)
    ).backward()
    kept = [torch.arange(FEATURES)]
    for output, width in zip(outputs[:-1], widths, strict=True):
        assert output.grad is not None
        importance = (output * output.grad).abs().mean(0)
        kept.append(torch.sort(torch.topk(importance, width).indices).values)
    kept.append(torch.arange(1))
    small = Judge(widths)
    with torch.no_grad():
        for new, old, columns, lines in zip(small.layers, judge.layers, kept, kept[1:], strict=False):
            new.weight.copy_(old.weight[lines][:, columns])
            new.bias.copy_(old.bias[lines])
    judge.zero_grad(set_to_none=True)
    return small
