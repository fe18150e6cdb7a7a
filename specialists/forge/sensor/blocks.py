"""Windows of streams with faults, as a specialist would score them: what thresholds and figures are taken from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from specialists.engine.onnx import OnnxEngine
from specialists.forge.sensor.faults import Rng, Signal
from specialists.forge.sensor.streams import FIRST_ROWS, Streams, signal, streams
from specialists.kinds.rows import FEATURES, judge
from specialists.kinds.situations import LEARNING_ROWS
from specialists.kinds.usual import first_usual
from specialists.kinds.verdict import BLOCK, chances_of, fault_of, news_of

Floats = npt.NDArray[np.float64]
_PIECE: Final = 16384


@dataclass(frozen=True, slots=True)
class Blocks:
    """Windows of one channel: `features` [windows, BLOCK, FEATURES], whether any row is at fault, and each row."""

    features: npt.NDArray[np.float32]
    faulty: npt.NDArray[np.bool_]
    rows_faulty: npt.NDArray[np.bool_]
    rows_count: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.faulty)


def blocks(pool: Sequence[Signal], count: int, rng: Rng, recorded: float) -> Blocks:
    """Return the windows of `count` streams with faults; those that only carry a fault's traces are left out."""
    return blocks_of(streams(pool, count, 24 * BLOCK, rng, recorded))


def blocks_of(made: Streams) -> Blocks:
    """Return the windows of streams."""
    seen = judge(made.values, first_usual(made.values[:, :FIRST_ROWS]))
    shape = (made.values.shape[0] * made.values.shape[1] // BLOCK, BLOCK)
    faulty = made.faulty.reshape(shape)
    counted = made.weight.reshape(shape) > 0
    spoilt = np.asarray(faulty.any(axis=1))
    taken = spoilt | counted.all(axis=1)
    features = seen.features.astype(np.float32).reshape(*shape, FEATURES)
    return Blocks(features[taken], spoilt[taken], faulty[taken], counted[taken])


def ordinary_news(pool: Sequence[Signal], count: int, rng: Rng, recorded: float) -> Floats:
    """Return how new what begins in each window is (0: nothing does), in `count` ordinary streams that are known."""
    made = np.stack([signal(pool, 24 * BLOCK, rng, recorded) for _ in range(count)])
    novelty = judge(made, first_usual(made[:, :FIRST_ROWS])).novelty
    sizes = []
    for line in novelty:
        alarm = 0.0
        for begin in range(0, len(line), BLOCK):
            news = news_of(line[None, begin : begin + BLOCK], np.array([float(begin)]), alarm)
            alarm = news.alarm
            sizes += [news.size] if begin >= LEARNING_ROWS else []
    return np.array(sizes)


def logits_of(model: bytes, windows: Blocks) -> Floats:
    """Return the logits [windows, BLOCK] that an ONNX judge gives."""
    engine = OnnxEngine(model)
    rows = windows.features.reshape(-1, FEATURES)
    parts = [engine.run({"rows": rows[at : at + _PIECE]})[0] for at in range(0, len(rows), _PIECE)]
    return np.concatenate(parts).astype(np.float64).reshape(-1, BLOCK)


def faults_of(logits: Floats, temperature: float) -> Floats:
    """Return how much each window looks like a fault, 0..1."""
    return np.array([fault_of(row) for row in chances_of(logits / temperature)])
