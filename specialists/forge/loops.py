"""What the training loops of the pipeline share: batches of like length, schedules, checkpoints that resume exactly."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

_POOL = 32


def like_length(lengths: Sequence[int], size: int, seed: int, epoch: int) -> list[list[int]]:
    """Return the rows 0..len-1 in batches of `size` and like length, in an order fixed by (seed, epoch).

    Rows are shuffled, sorted by length within pools of some batches, and the batches are shuffled again: little
    padding, and nearly random order.
    """
    rng = random.Random(f"{seed}:{epoch}")
    rows = list(range(len(lengths)))
    rng.shuffle(rows)
    batches: list[list[int]] = []
    for begin in range(0, len(rows), size * _POOL):
        pool = sorted(rows[begin : begin + size * _POOL], key=lambda row: lengths[row])
        batches += [pool[at : at + size] for at in range(0, len(pool), size)]
    rng.shuffle(batches)
    return batches


def warm_then_linear(steps: int, warm: float = 0.1) -> Callable[[int], float]:
    """Return the factor of the learning rate at each step: up from 0 over the first `warm`, then down to 0."""
    rise = max(1, int(steps * warm))
    return lambda step: min((step + 1) / rise, max(0.0, (steps - step) / max(1, steps - rise)))


class Stateful(Protocol):
    """What can be saved and loaded, as torch's modules, optimizers and schedules can."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> object:
        """Take the state over."""
        ...


class Average:
    """The running average of a model's weights (Polyak and Juditsky 1992), which does better than the last ones."""

    def __init__(self, model: nn.Module, keep: float) -> None:
        """Start from the weights of `model`; `keep` of the average stays at each update."""
        self._keep = keep
        self._model = model
        self._steps = 0
        self.weights = {name: value.detach().clone() for name, value in model.state_dict().items()}

    def update(self) -> None:
        """Move a little towards the weights of the model; faster at first, when the start weighs too much."""
        self._steps += 1
        keep = min(self._keep, self._steps / (self._steps + 10))
        for name, value in self._model.state_dict().items():
            self.weights[name].lerp_(value, 1 - keep)

    def state_dict(self) -> dict[str, Any]:
        """Return the average and how many updates it has seen."""
        return {"weights": self.weights, "steps": self._steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.weights, self._steps = dict(state_dict["weights"]), int(state_dict["steps"])


class Checkpoint:
    """The state of a training loop after an epoch, written at once or not at all.

    Loops seed torch at the start of each epoch, so weights, optimizer and schedule are all that a resumed loop needs
    to go on bit for bit.
    """

    def __init__(self, path: Path, **parts: Stateful) -> None:
        """Keep `parts` in the file `path`."""
        self._path = path
        self._parts = parts

    def resume(self) -> int:
        """Load the parts if there is a checkpoint; return how many epochs are done."""
        if not self._path.exists():
            return 0
        saved = torch.load(self._path, weights_only=True)
        for name, part in self._parts.items():
            part.load_state_dict(saved[name])
        return int(saved["epochs"])

    def save(self, epochs: int) -> None:
        """Write the parts as they are after `epochs` epochs."""
        saved = {name: part.state_dict() for name, part in self._parts.items()}
        fresh = self._path.with_suffix(".fresh")
        torch.save({**saved, "epochs": epochs}, fresh)
        fresh.replace(self._path)
