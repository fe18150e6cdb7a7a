"""The networks that name faults, and how they are trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from specialists.forge.loops import Checkpoint
from specialists.forge.sensor.faults import KINDS
from specialists.forge.sensor.fit import Course, fit
from specialists.forge.sensor.lots import Lot
from specialists.kinds.pieces import VIEWS

BATCH: Final = 128
Floats = npt.NDArray[np.float64]


class Namer(nn.Module):
    """A dilated convolutional network: views [pieces, VIEWS, LENGTH] -> logits of the kinds [pieces, kinds]."""

    def __init__(self, filters: int, dilations: Sequence[int]) -> None:
        """Build one residual block of kernel 3 per dilation."""
        super().__init__()
        self.filters, self.dilations = filters, tuple(dilations)
        self.enter = nn.Conv1d(VIEWS, filters, 5, padding=2)
        self.blocks = nn.ModuleList(nn.Conv1d(filters, filters, 3, padding=d, dilation=d) for d in dilations)
        self.head = nn.Linear(2 * filters, len(KINDS))

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        """Return the logits: from the strongest and the mean response of each filter within the piece."""
        inside = views[:, 5:6]
        found = torch.relu(self.enter(views)) * inside
        for block in self.blocks:
            found = (found + torch.relu(block(found))) * inside
        mean = found.sum(2) / inside.sum(2)
        return self.head(torch.cat([found.amax(2), mean], dim=1))


def teach(
    namer: Namer,
    lot: Lot,
    taught: Floats | None,
    epochs: int,
    seed: int,
    told: Callable[[float], None],
    kept: Callable[..., Checkpoint],
    peak: float = 4e-3,
) -> None:
    """Fit `namer` to the kinds, and to the logits `taught` [pieces, kinds] of a teacher where there are some.

    Distillation is by the divergence at temperature 2 (Hinton et al. 2015).
    """
    views, kinds = torch.from_numpy(lot.views), torch.from_numpy(lot.kinds)
    wanted = None if taught is None else torch.from_numpy(taught.astype(np.float32))

    def loss_of(taken: torch.Tensor) -> torch.Tensor:
        logits = namer(views[taken])
        loss = nn.functional.cross_entropy(logits, kinds[taken], label_smoothing=0.02)
        if wanted is not None:
            loss = 0.3 * loss + 0.7 * _divergence(logits, wanted[taken])
        return loss

    fit(namer, len(lot), Course(epochs, BATCH, peak, 1e-2), seed, loss_of, told, kept)


def _divergence(logits: torch.Tensor, taught: torch.Tensor, temperature: float = 2.0) -> torch.Tensor:
    ours = nn.functional.log_softmax(logits / temperature, dim=1)
    theirs = nn.functional.softmax(taught / temperature, dim=1)
    return nn.functional.kl_div(ours, theirs, reduction="batchmean") * temperature**2


def narrowed(namer: Namer, lot: Lot, filters: int) -> Namer:
    """Return `namer` with the `filters` that matter most: Taylor importance (Molchanov et al. 2017), over all blocks.

    The residual stream joins the blocks, so a filter stays or goes in all of them.
    """
    gate = torch.ones(namer.filters, requires_grad=True)
    views = torch.from_numpy(lot.views)
    inside = views[:, 5:6]
    found = torch.relu(namer.enter(views)) * inside * gate[:, None]
    for block in namer.blocks:
        found = (found + torch.relu(block(found)) * gate[:, None]) * inside
    logits = namer.head(torch.cat([found.amax(2), found.sum(2) / inside.sum(2)], dim=1))
    nn.functional.cross_entropy(logits, torch.from_numpy(lot.kinds)).backward()
    assert gate.grad is not None
    kept = torch.sort(torch.topk(gate.grad.abs(), filters).indices).values
    small = Namer(filters, namer.dilations)
    with torch.no_grad():
        small.enter.weight.copy_(namer.enter.weight[kept])
        small.enter.bias.copy_(_bias(namer.enter)[kept])
        for new, old in zip(small.blocks, namer.blocks, strict=True):
            new.weight.copy_(old.weight[kept][:, kept])
            new.bias.copy_(old.bias[kept])
        small.head.weight.copy_(namer.head.weight[:, torch.cat([kept, kept + namer.filters])])
        small.head.bias.copy_(namer.head.bias)
    namer.zero_grad(set_to_none=True)
    return small


def logits_of(namer: Namer, lot: Lot) -> Floats:
    """Return the logits of all pieces."""
    with torch.no_grad():
        parts = [
            namer(torch.from_numpy(part)).numpy() for part in np.array_split(lot.views, len(lot) // 512 + 1)
        ]
    return np.concatenate(parts).astype(np.float64)


def _bias(layer: nn.Conv1d) -> torch.Tensor:
    assert layer.bias is not None
    return layer.bias
