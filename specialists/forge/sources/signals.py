"""Recorded signals with labelled anomalies: NAB, and the valve runs of SKAB."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from specialists.forge.sources.values import Series


def nab(data: Path) -> Iterator[Series]:
    """Yield the recorded signals of NAB that are at hand, with their labelled windows."""
    windows = json.loads((data / "nab/labels/combined_windows.json").read_text("utf-8"))
    for file in sorted((data / "nab/data").glob("*/*.csv")):
        name = f"{file.parent.name}/{file.name}"
        with file.open(encoding="utf-8") as lines:
            rows = list(csv.reader(lines))[1:]
        times = [datetime.fromisoformat(row[0]) for row in rows]
        marks = [(datetime.fromisoformat(a), datetime.fromisoformat(b)) for a, b in windows.get(name, [])]
        yield Series(
            name,
            np.array([(t - times[0]).total_seconds() for t in times]),
            np.array([float(row[1]) for row in rows], dtype=np.float32),
            np.array([any(a <= t <= b for a, b in marks) for t in times]),
        )


def skab_valve1(data: Path) -> Iterator[tuple[str, npt.NDArray[np.float32], npt.NDArray[np.bool_]]]:
    """Yield name, values [time, 8 channels] and anomaly labels [time] of the runs in SKAB's valve1."""
    for file in sorted((data / "skab/data/valve1").glob("*.csv"), key=lambda path: int(path.stem)):
        with file.open(encoding="utf-8") as lines:
            rows = list(csv.reader(lines, delimiter=";"))
        table = np.array([[float(cell) for cell in row[1:]] for row in rows[1:]], dtype=np.float32)
        yield file.stem, table[:, :8], table[:, rows[0].index("anomaly") - 1] > 0
