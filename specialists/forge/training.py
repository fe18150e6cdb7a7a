"""What every training script shares: arguments, seeds, batches and the learning-rate schedule."""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

PAD: Final = 0
Ints = npt.NDArray[np.int64]


def arguments(description: str, epochs: int) -> argparse.ArgumentParser:
    """Return a parser with the options that every training script has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", help="directory with the data sets (default: the environment's HIVE_DATA)")
    parser.add_argument("--out", required=True, help="directory to write the specialist to")
    parser.add_argument("--seed", type=int, default=1, help="seed of every random choice (default 1)")
    parser.add_argument("--epochs", type=int, default=epochs, help=f"passes over the data (default {epochs})")
    parser.add_argument("--threads", type=int, default=2, help="threads that torch may use (default 2)")
    return parser


def start(seed: int, threads: int) -> random.Random:
    """Seed torch, bound torch's threads and return a seeded random source."""
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    return random.Random(seed)


def padded(rows: list[list[int]], length: int | None = None) -> Ints:
    """Return token ids as one array, filled with PAD to the longest row (or `length`, which also cuts)."""
    width = length or max(1, *(len(row) for row in rows))
    out = np.full((len(rows), width), PAD, dtype=np.int64)
    for line, row in zip(out, rows, strict=True):
        line[: min(len(row), width)] = row[:width]
    return out


def shuffled(count: int, size: int, rng: random.Random) -> Iterator[list[int]]:
    """Yield the numbers 0..count-1 once each in random batches of `size`."""
    order = list(range(count))
    rng.shuffle(order)
    for begin in range(0, count, size):
        yield order[begin : begin + size]


class Schedule:
    """AdamW under a one-cycle learning rate, with clipped gradients, and a line of progress per epoch."""

    def __init__(self, model: nn.Module, steps: int, peak: float, decay: float = 0.01) -> None:
        """Plan `steps` optimizer steps that rise to the learning rate `peak` and fall to nothing."""
        self._model = model
        self._optimizer = torch.optim.AdamW(model.parameters(), lr=peak, weight_decay=decay)
        self._rate = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, peak, total_steps=steps, pct_start=0.15
        )
        self._losses: list[float] = []
        self._begun = time.monotonic()

    def step(self, loss: torch.Tensor) -> None:
        """Take one step down the gradient of `loss`."""
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._optimizer.step()
        self._rate.step()
        self._losses.append(loss.item())

    def report(self, epoch: int, note: str = "") -> None:
        """Print the mean loss since the last report."""
        mean = sum(self._losses) / max(1, len(self._losses))
        self._losses.clear()
        print(
            f"epoch {epoch:3d}  loss {mean:.4f}  {time.monotonic() - self._begun:6.1f} s  {note}", flush=True
        )
