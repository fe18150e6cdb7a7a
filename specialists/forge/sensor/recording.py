"""Recorded signals of devices: their channels, labels where there are any, split by time, and as files of a stage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

PARTS: Final = ("train", "validation", "test")
_SHARES: Final = (0.6, 0.75)
_LEAST_QUIET: Final = 100
_SUMMARY: Final = "data.json"


@dataclass(frozen=True, slots=True)
class Recording:
    """What one device sent: `values` [rows, channels], NaN where missing, and `marked` [rows], where labels are."""

    name: str
    channels: tuple[str, ...]
    values: Floats
    marked: npt.NDArray[np.bool_] | None = None

    def cut(self, begin: int, end: int) -> Recording:
        """Return the rows from `begin` to `end` (exclusive)."""
        marked = None if self.marked is None else self.marked[begin:end]
        return Recording(self.name, self.channels, self.values[begin:end], marked)

    def quiet(self) -> list[Floats]:
        """Return the stretches of single channels without labelled anomaly that are long enough to learn from."""
        marked = np.zeros(len(self.values), dtype=bool) if self.marked is None else self.marked
        edges = np.flatnonzero(np.diff(marked)) + 1
        found = []
        for rows, marks in zip(np.split(self.values, edges), np.split(marked, edges), strict=True):
            if len(rows) >= _LEAST_QUIET and not marks[0]:
                found += [line for line in rows.T if np.isfinite(line).mean() > 1 / 2]
        return found


def split_by_time(recordings: Sequence[Recording]) -> dict[str, list[Recording]]:
    """Return the first 60 % of each recording for training, 15 % for validation, and the last 25 % for the test."""
    parts: dict[str, list[Recording]] = {name: [] for name in PARTS}
    for recording in recordings:
        count = len(recording.values)
        edges = (0, int(_SHARES[0] * count), int(_SHARES[1] * count), count)
        for name, begin, end in zip(PARTS, edges, edges[1:], strict=False):
            parts[name].append(recording.cut(begin, end))
    return parts


def save(
    folder: Path,
    parts: Mapping[str, Sequence[Recording]],
    facts: Mapping[str, object],
) -> None:
    """Write the parts and data.json (counts, digest, and `facts`) to a stage's folder."""
    digest = hashlib.sha256()
    for part, recordings in parts.items():
        arrays: dict[str, npt.NDArray[np.generic]] = {}
        for number, recording in enumerate(recordings):
            arrays[f"values{number}"] = recording.values
            if recording.marked is not None:
                arrays[f"marked{number}"] = recording.marked
            digest.update(recording.values.tobytes())
        names = [{"name": r.name, "channels": list(r.channels)} for r in recordings]
        np.savez_compressed(folder / f"{part}.npz", allow_pickle=False, **arrays)
        (folder / f"{part}.json").write_text(json.dumps(names, ensure_ascii=False) + "\n", "utf-8")
    summary = {
        "counts": {part: sum(len(r.values) for r in recordings) for part, recordings in parts.items()},
        "digest": f"sha256:{digest.hexdigest()}",
        **facts,
    }
    (folder / _SUMMARY).write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", "utf-8")


def load(folder: Path, part: str) -> list[Recording]:
    """Return a part that `save` wrote."""
    names = json.loads((folder / f"{part}.json").read_text("utf-8"))
    with np.load(folder / f"{part}.npz") as arrays:
        return [
            Recording(
                entry["name"],
                tuple(entry["channels"]),
                arrays[f"values{number}"],
                arrays.get(f"marked{number}"),
            )
            for number, entry in enumerate(names)
        ]


def pool_of(recordings: Sequence[Recording]) -> list[Floats]:
    """Return the quiet stretches of all channels."""
    return [line for recording in recordings for line in recording.quiet()]
