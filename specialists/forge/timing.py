"""Times of several models side by side, so that what else the machine does meets all of them alike."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import onnxruntime

_BLOCK: Final = 16
_ROUNDS: Final = 32
_ENOUGH: Final = 30
Feeds = Mapping[str, npt.NDArray[np.generic]]
Call = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Times:
    """The median and the 99th percentile of `runs` single answers, in milliseconds.

    Another `interrupted` answers do not count: the machine gave the processor to something else in the middle of them,
    which says nothing of the model and strikes slow models far more often than quick ones.
    """

    p50_ms: float
    p99_ms: float
    runs: int
    interrupted: int = 0


def one_thread(model: bytes | Path) -> onnxruntime.InferenceSession:
    """Return a session as a node has it: one thread, no spinning, no arena."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    content = str(model) if isinstance(model, Path) else model
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def onnx_call(model: bytes | Path, feeds: Sequence[Feeds]) -> Call:
    """Return a call that runs `model` at one thread on one of `feeds`, chosen by number."""
    session = one_thread(model)
    rows = [dict(feed) for feed in feeds]
    return lambda n: session.run(None, rows[n % len(rows)])


def side_by_side(calls: Mapping[str, Call], rounds: int = _ROUNDS, block: int = _BLOCK) -> dict[str, Times]:
    """Time `calls` in turn: `rounds` rounds of `block` answers of each, every second round in reverse order (ABBA).

    A call gets the number of the input that it shall answer; all get the same numbers. A block and not a single call
    at a time, since a large model pushes a small one out of the processor's cache. The first round warms up and does
    not count.
    """
    spans: dict[str, list[tuple[int, bool]]] = {name: [] for name in calls}
    for turn in range(rounds + 1):
        for name in list(calls)[:: 1 if turn % 2 else -1]:
            taken = [_timed(calls[name], turn * block + n) for n in range(block)]
            if turn:
                spans[name] += taken
    return {name: _times(taken) for name, taken in spans.items()}


def _timed(call: Call, number: int) -> tuple[int, bool]:
    """Return how long a call took in nanoseconds, and whether it was interrupted."""
    before = _interruptions()
    begun = time.perf_counter_ns()
    call(number)
    taken = time.perf_counter_ns() - begun
    return taken, _interruptions() > before


def _interruptions() -> int:
    """Return how often this thread had to leave the processor so far, without having asked to wait."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw


def _times(spans: Sequence[tuple[int, bool]]) -> Times:
    whole = [taken for taken, interrupted in spans if not interrupted]
    # Of a model that is hardly ever left alone, all that is known counts.
    counted = whole if len(whole) >= min(_ENOUGH, len(spans)) else [taken for taken, _ in spans]
    p50, p99 = np.percentile(np.array(counted) / 1e6, [50, 99])
    return Times(float(p50), float(p99), len(counted), len(spans) - len(counted))
