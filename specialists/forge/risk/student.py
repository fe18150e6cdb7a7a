"""The student: a small network over records, its numbers encoded piecewise linearly (Gorishniy et al. 2022)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

_NUMBERS_MANY: Final = 30
_INPUTS: Final = 5000
_LEAST_HIDDEN: Final = 12
_MOST_HIDDEN: Final = 32


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a student: numbers of a row, other flags of it, bins of a number, hidden units, modes."""

    numbers: int
    flags: int
    bins: int
    hidden: tuple[int, int]
    modes: int

    def as_json(self) -> dict[str, object]:
        """Return it as JSON."""
        return {**asdict(self), "hidden": list(self.hidden)}


def shape_for(numbers: int, flags: int, modes: int) -> Shape:
    """Return sizes with about 5,000 weights; more only where a table is very wide."""
    bins = 10 if numbers <= _NUMBERS_MANY / 2 else 6 if numbers <= _NUMBERS_MANY else 4
    inputs = numbers * bins + flags
    first = min(_MOST_HIDDEN, max(_LEAST_HIDDEN, _INPUTS // max(1, inputs)))
    return Shape(numbers, flags, bins, (first, max(8, first // 2)), modes)


class RecordStudent(nn.Module):
    """`row` [batch, numbers + flags] -> `scores` [batch, 1 + modes].

    A number becomes `bins` values: how far it has gone through each of its quantile bins, from 0 to 1. So every hidden
    unit can follow any course of a number. The last layer sees the inputs beside the hidden units, which then have only
    the interactions to learn.
    """

    def __init__(self, shape: Shape, edges: npt.NDArray[np.float32], drop: float = 0.0) -> None:
        """Build it with random weights; `edges` [numbers, bins + 1] rise along each row, equal for an unused bin."""
        super().__init__()
        self.shape = shape
        width = np.diff(edges.astype(np.float64), axis=1)
        slope = np.where(width > 0, 1 / np.where(width > 0, width, 1), 0.0)
        offset = -edges[:, :-1] * slope
        ones = np.ones(shape.flags)
        places = np.concatenate(
            [np.repeat(np.arange(shape.numbers), shape.bins), shape.numbers + np.arange(shape.flags)]
        )
        self.register_buffer("places", torch.from_numpy(places.astype(np.int64)), persistent=False)
        self.register_buffer(
            "slope", torch.from_numpy(np.concatenate([slope.ravel(), ones]).astype(np.float32))
        )
        self.register_buffer(
            "offset", torch.from_numpy(np.concatenate([offset.ravel(), 0 * ones]).astype(np.float32))
        )
        self.first = nn.Linear(len(places), shape.hidden[0])
        self.second = nn.Linear(*shape.hidden)
        self.last = nn.Linear(shape.hidden[1] + len(places), 1 + shape.modes)
        self.drop = nn.Dropout(drop)
        with torch.no_grad():
            self.last.weight[:, shape.hidden[1] :] = 0.0

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        """Return the scores."""
        wide = torch.index_select(row, 1, self.get_buffer("places"))
        inputs = torch.clamp(wide * self.get_buffer("slope") + self.get_buffer("offset"), 0.0, 1.0)
        hidden = self.drop(torch.relu(self.first(inputs)))
        hidden = self.drop(torch.relu(self.second(hidden)))
        scores: torch.Tensor = self.last(torch.cat([hidden, inputs], dim=1))
        return scores


def edges_of(rows: npt.NDArray[np.float32], numbers: int, bins: int) -> npt.NDArray[np.float32]:
    """Return bin edges [numbers, bins + 1] from the quantiles of training rows; of few values each is an edge."""
    out = np.zeros((numbers, bins + 1), dtype=np.float32)
    for at in range(numbers):
        values = np.unique(rows[:, at])
        if len(values) > bins + 1:
            values = np.unique(np.quantile(rows[:, at], np.linspace(0, 1, bins + 1)).astype(np.float32))
        out[at, : len(values)] = values
        out[at, len(values) :] = values[-1]
    return out
