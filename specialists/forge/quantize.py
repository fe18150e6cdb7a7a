"""Which quantization a model gets: several are made, each is measured on validation data, and the best is taken.

| way | weights | activations |
|---|---|---|
| static | int8, tables too | int8, scales fixed from samples |
| static_table8, static_table4 | int8, tables in blocks of int8 or int4 | the same |
| table8, table4 | tables alone, in blocks of int8 or int4 | float32 |
| dynamic | int8 | int8, scales taken from each run: an answer hangs on its batch |
| exact | float32 | float32 |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import onnx

from specialists.forge import export
from specialists.forge.tables import small_tables
from specialists.forge.timing import onnx_call, side_by_side

STATIC_WHY: Final = "activation scales are static, so an input gets the same answer in a batch as alone"
EXACT_WHY: Final = "activations are exact, so an input gets the same answer in a batch as alone"
DYNAMIC_WHY: Final = "activation scales are taken over the whole batch, so an input is answered alone"
_LAYERS: Final = ("Conv", "Gemm", "MatMul")
_SLOW: Final = 2.0

Quality = Callable[[bytes], float]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A quantized model. `batch_why` says why it may or must not answer in batches, `alone` that it must not."""

    way: str
    model: bytes
    batch_why: str
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate, its quality on validation data (more is better), and its median time of one run."""

    candidate: Candidate
    quality: float
    p50_ms: float

    def as_json(self) -> dict[str, object]:
        """Return what the report shows; the time is the machine's own and not among it."""
        return {
            "way": self.candidate.way,
            "bytes": len(self.candidate.model),
            "quality": round(self.quality, 4),
        }


def candidates(
    exact: onnx.ModelProto, samples: Sequence[export.Feeds], ways: Sequence[str], exclude: Sequence[str] = ()
) -> list[Candidate]:
    """Return `exact` quantized in each of the `ways`; `samples` fix the activation scales.

    Nodes named in `exclude` stay exact where activations are quantized.
    """
    makers: Mapping[str, Callable[[], onnx.ModelProto]] = {
        "static": lambda: export.static_int8(exact, samples, exclude),
        "static_table8": lambda: small_tables(export.static_int8(exact, samples, exclude, _LAYERS), 8),
        "static_table4": lambda: small_tables(export.static_int8(exact, samples, exclude, _LAYERS), 4),
        "table8": lambda: small_tables(exact, 8),
        "table4": lambda: small_tables(exact, 4),
        "dynamic": lambda: export.dynamic_int8(exact),
        "exact": lambda: exact,
    }
    return [_candidate(way, makers[way]()) for way in ways]


def tried(found: Sequence[Candidate], quality: Quality, feeds: Sequence[export.Feeds]) -> list[Trial]:
    """Return each candidate with its quality, and its time on `feeds` (batches of one), all timed side by side."""
    times = side_by_side({c.way: onnx_call(c.model, feeds) for c in found})
    return [Trial(c, quality(c.model), times[c.way].p50_ms) for c in found]


def best(trials: Sequence[Trial], tolerance: float) -> Trial:
    """Return the smallest of those that lose at most `tolerance` against the best quality.

    One that is twice as slow as the quickest of them is passed over; the margin is wide, so that the noise of a busy
    machine does not change what is chosen.
    """
    top = max(trial.quality for trial in trials)
    good = [trial for trial in trials if trial.quality >= top - tolerance]
    quickest = min(trial.p50_ms for trial in good)
    return min(
        (trial for trial in good if trial.p50_ms <= _SLOW * quickest),
        key=lambda trial: (len(trial.candidate.model), -trial.quality),
    )


def listed(trials: Sequence[Trial]) -> str:
    """Return the trials in words, for a sentence: each way with its quality and its size."""
    return ", ".join(
        f"{t.candidate.way} {t.quality:.4f} ({len(t.candidate.model) / 1000:.0f} kB)" for t in trials
    )


def facts_of(chosen: Trial, trials: Sequence[Trial]) -> dict[str, object]:
    """Return what a stage writes down of its choice."""
    return {
        "batch_why": chosen.candidate.batch_why,
        "chosen": chosen.candidate.way,
        "trials": [trial.as_json() for trial in trials],
    }


def _candidate(way: str, model: onnx.ModelProto) -> Candidate:
    content = export.plain_bytes(model)
    if way == "dynamic":
        return Candidate(way, content, DYNAMIC_WHY, alone=True)
    return Candidate(way, content, STATIC_WHY if way.startswith("static") else EXACT_WHY)
