"""How much memory answering takes: measured in a fresh process, which has loaded nothing else.

Run as a module it is that process: `python -m specialists.forge.footprint specialist DIR` or `... model FILE FEEDS`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

_WARM: Final = 20
_RUNS: Final = 300


@dataclass(frozen=True, slots=True)
class Footprint:
    """Resident memory in MB (1e6 bytes) after answering, and the median time of an answer in microseconds.

    `bare_mb` is the memory of a process that imported only numpy and onnxruntime.
    """

    rss_mb: float
    bare_mb: float
    p50_us: float


def specialist_footprint(directory: Path) -> Footprint:
    """Measure a process that loads the specialist in `directory` and answers its sample."""
    return _measured("specialist", str(directory))


def model_footprint(model: Path, feeds: Mapping[str, npt.NDArray[np.generic]]) -> Footprint:
    """Measure a process that loads the ONNX file `model`, one thread, and runs it on `feeds`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "feeds.npz"
        np.savez(file, allow_pickle=False, **feeds)
        return _measured("model", str(model), str(file))


def _measured(*arguments: str) -> Footprint:
    command = [sys.executable, "-m", "specialists.forge.footprint", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr.strip()}")
    return Footprint(**json.loads(done.stdout))


def _specialist_call(directory: str) -> Callable[[], object]:
    from specialists.load import load  # noqa: PLC0415 - after the bare memory was read

    specialist = load(Path(directory))
    specialist.warm_up()
    batch = [specialist.sample()]
    return lambda: specialist.answer(batch)


def _model_call(model: str, feeds: str) -> Callable[[], object]:
    from specialists.forge.timing import one_thread  # noqa: PLC0415

    session = one_thread(Path(model))
    with np.load(feeds) as file:
        arrays = dict(file)
    return lambda: session.run(None, arrays)


def _main(kind: str, *arguments: str) -> None:
    import onnxruntime  # noqa: F401, PLC0415 - part of what is bare
    import psutil  # noqa: PLC0415

    process = psutil.Process()
    bare = process.memory_info().rss
    call = (_specialist_call if kind == "specialist" else _model_call)(*arguments)
    times = []
    for _ in range(_WARM + _RUNS):
        begun = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - begun)
    measured = {
        "rss_mb": process.memory_info().rss / 1e6,
        "bare_mb": bare / 1e6,
        "p50_us": float(np.median(times[_WARM:])) / 1e3,
    }
    print(json.dumps(measured))


if __name__ == "__main__":
    _main(*sys.argv[1:])
