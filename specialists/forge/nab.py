"""The Numenta Anomaly Benchmark's score of streaming detectors, written from its published definition.

Lavin and Ahmad 2015 (Evaluating Real-Time Anomaly Detection Algorithms, arXiv 1510.03336), section III: labelled
windows around each anomaly; of the detections inside a window only the earliest counts, weighted by a scaled sigmoid of
its place; every detection outside costs, little just behind a window and in full far from it; a window without
detection costs as a miss. Profiles weigh the three. The first part of a series is probation and counts nothing. One
threshold serves all series. Raw scores are put on a scale from 0 (a detector that says nothing) to 100 (a perfect one).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Window = tuple[int, int]

_STEEPNESS: Final = 5.0
_FAR: Final = 3.0
_PROBATION_SHARE: Final = 0.15
_PROBATION_MOST: Final = 750


@dataclass(frozen=True, slots=True)
class Profile:
    """What a user of alarms values: the weights of a hit, of a false alarm and of a miss."""

    name: str
    hit: float
    false_alarm: float
    miss: float


PROFILES: Final = (
    Profile("standard", 1.0, 0.11, 1.0),
    Profile("reward_low_FP_rate", 1.0, 0.22, 1.0),
    Profile("reward_low_FN_rate", 1.0, 0.11, 2.0),
)
"""The three profiles of the benchmark (config/profiles.json)."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A detector's scores [time] on one series and the windows (first and last row, both inside) of its anomalies.

    `windows` are ordered and do not overlap.
    """

    scores: Floats
    windows: Sequence[Window]


@dataclass(frozen=True, slots=True)
class Result:
    """The score from 0 to 100 at the threshold that was best (or given), the raw one, and detections by kind."""

    score: float
    raw: float
    threshold: float
    windows: int
    windows_hit: int
    false_alarms: int


def scaled_sigmoid(position: Floats) -> Floats:
    """Return the weight of a detection: -1 is the left edge of a window, 0 its right edge; from 3 on it is -1."""
    inside = 2.0 / (1.0 + np.exp(_STEEPNESS * np.minimum(position, _FAR))) - 1.0
    return np.where(position >= _FAR, -1.0, inside)


def probation(rows: int) -> int:
    """Return how many rows at the start of a series count nothing: 15 % of them, 750 at the most."""
    return min(int(_PROBATION_SHARE * rows), _PROBATION_MOST)


def weights(rows: int, windows: Sequence[Window], profile: Profile) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return what a detection at each row is worth, and the number of the window that the row is in (-1: none)."""
    worth = np.full(rows, -profile.false_alarm)
    inside = np.full(rows, -1, dtype=np.int64)
    best = float(scaled_sigmoid(np.array(-1.0)))
    for number, (first, last) in enumerate(windows):
        following = windows[number + 1][0] if number + 1 < len(windows) else rows
        width = last - first + 1
        place = -(last - np.arange(first, last + 1) + 1) / width
        worth[first : last + 1] = scaled_sigmoid(place) * profile.hit / best
        inside[first : last + 1] = number
        behind = np.arange(last + 1, following)
        # A window of a single row has no width to measure a distance in: what follows it is far away.
        past = (behind - last) / (width - 1) if width > 1 else np.full(len(behind), _FAR)
        worth[last + 1 : following] = scaled_sigmoid(past) * profile.false_alarm
    return worth, inside


def sweep(runs: Sequence[Marked], profile: Profile) -> tuple[Floats, Floats]:
    """Return every threshold that tells rows apart, highest first, and the raw score of all series at each.

    The first threshold is infinite: nothing is detected. A row is detected where its score is at least the threshold.
    """
    levels, gains, nothing = [], [], 0.0
    for run in runs:
        worth, inside = weights(len(run.scores), run.windows, profile)
        counted = np.arange(len(run.scores)) >= probation(len(run.scores))
        outside = counted & (inside < 0)
        levels.append(run.scores[outside])
        gains.append(worth[outside])
        for number in range(len(run.windows)):
            rows = np.flatnonzero(counted & (inside == number))
            if not len(rows):
                continue
            nothing -= profile.miss
            order = rows[np.argsort(-run.scores[rows], kind="stable")]
            # A lower threshold can only find an earlier row of the window: the best one so far counts.
            reached = np.maximum.accumulate(np.maximum(worth[order], -profile.miss))
            levels.append(run.scores[order])
            gains.append(np.diff(reached, prepend=-profile.miss))
    level, gain = np.concatenate(levels), np.concatenate(gains)
    order = np.argsort(-level, kind="stable")
    level, total = level[order], nothing + np.cumsum(gain[order])
    last = np.append(np.flatnonzero(np.diff(level)), len(level) - 1)
    return np.concatenate([[np.inf], level[last]]), np.concatenate([[nothing], total[last]])


def score(runs: Sequence[Marked], profile: Profile, threshold: float | None = None) -> Result:
    """Return the score of all series together at `threshold`, or at the one that is best for them.

    The benchmark's own figures are at the best threshold. A series without windows takes part with its false alarms.
    Where no window is counted there is nothing to find, and the score is NaN.
    """
    thresholds, totals = sweep(runs, profile)
    if threshold is None:
        place = int(np.argmax(totals))
    else:
        place = int(np.searchsorted(-thresholds, -threshold, side="right")) - 1
    used = float(thresholds[place])
    windows, hit, alarms = 0, 0, 0
    for run in runs:
        _, inside = weights(len(run.scores), run.windows, profile)
        counted = np.arange(len(run.scores)) >= probation(len(run.scores))
        found = counted & (run.scores >= used)
        windows += len(set(inside[counted & (inside >= 0)]))
        hit += len(set(inside[found & (inside >= 0)]))
        alarms += int((found & (inside < 0)).sum())
    raw = float(totals[place])
    return Result(
        normalised(raw, windows, profile),
        raw,
        used if threshold is None else threshold,
        windows,
        hit,
        alarms,
    )


def normalised(raw: float, windows: int, profile: Profile) -> float:
    """Return a raw score on the scale from 0 (nothing detected) to 100 (each window at its first row, no more)."""
    if not windows:
        return float("nan")
    null, perfect = -profile.miss * windows, profile.hit * windows
    return 100.0 * (raw - null) / (perfect - null)


def windows_of(marked: npt.NDArray[np.bool_]) -> list[Window]:
    """Return the runs of true values as windows."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]])))
    return [(int(first), int(end) - 1) for first, end in zip(edges[::2], edges[1::2], strict=True)]
