"""`anomaly`: sensor.window -> whether something in it is out of the ordinary, per channel and in all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from hive.errors import HiveError
from specialists.engine.base import Array
from specialists.kinds.base import Answer, Inputs, Parts, needed, setting
from specialists.kinds.way import Feeds, Way
from specialists.kinds.windows import SHORTEST, Floats, Usual, features, read_context, usual_of, write_context

_EDGE: Final = 1e-6
_WARY: Final = 0.25
_AXES: Final = 2


@dataclass(frozen=True, slots=True)
class _Window:
    channels: tuple[str, ...]
    values: Floats
    context: dict[str, Usual]
    pieces: Floats
    counts: tuple[int, ...]


class Anomaly:
    """Scores windows of any number of channels, each channel on its own.

    Manifest: `preprocess.max_steps` and `max_channels`; `calibration.temperature`, `threshold` (score from which a
    window is anomalous, for its worst channel), `slope` (how fast confidence grows with the distance of score and
    threshold in log-odds) and `unsure_below`.
    """

    def __init__(self, parts: Parts) -> None:
        """Read the settings; raise HiveError(manifest_invalid) if one is missing."""
        manifest = parts.manifest
        self._way = Way(
            needed(parts.engine, "an engine", manifest.kind),
            prepare=self._window,
            size=lambda _: 1,  # windows are cut to pieces of one length, so nothing is ever filled up
            feeds=lambda windows: {"window": np.concatenate([window.pieces for window in windows])},
            shapes=_shapes,
            finish=self._score,
        )
        self._input = next(iter(manifest.inputs))
        self._max_steps = int(setting(manifest.preprocess, "max_steps", "preprocess"))
        self._max_channels = int(setting(manifest.preprocess, "max_channels", "preprocess"))
        self._temperature = setting(manifest.calibration, "temperature", "calibration")
        self._threshold = setting(manifest.calibration, "threshold", "calibration")
        self._slope = setting(manifest.calibration, "slope", "calibration")
        self._unsure_below = setting(manifest.calibration, "unsure_below", "calibration")

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Return an `anomaly` per window; its context belongs to the same source's next window.

        A window has `channels` (names) and `values` [time, channels], NaN where missing. Wrong shapes, infinities and
        foreign contexts are input_invalid.
        """
        return self._way.answer(batch)

    def sample(self) -> Inputs:
        """Return a window of one channel."""
        values = np.sin(np.arange(64, dtype=np.float32) / 5)[:, None]
        return {
            self._input: {"source": "sample", "channels": ["signal"], "interval_s": 1.0, "values": values}
        }

    def _window(self, item: Inputs) -> _Window:
        document = item.get(self._input)
        if not isinstance(document, Mapping):
            raise HiveError("input_invalid", f"`{self._input}` must be a sensor.window, an object.")
        channels = _channels(document.get("channels"), self._max_channels)
        values = _values(document.get("values"), len(channels), self._max_steps)
        context = read_context(document.get("context"), channels)
        views = [features(values[:, i], context.get(name)) for i, name in enumerate(channels)]
        return _Window(channels, values, context, np.concatenate(views), tuple(len(view) for view in views))

    def _score(self, windows: Sequence[_Window], outputs: Sequence[Array]) -> list[Answer]:
        scores = 1.0 / (1.0 + np.exp(-outputs[0].astype(np.float64) / self._temperature))
        answers, at = [], 0
        for window in windows:
            worst = []
            for count in window.counts:
                worst.append(float(scores[at : at + count].max()))
                at += count
            answers.append(self._verdict(window, worst))
        return answers

    def _verdict(self, window: _Window, worst: list[float]) -> Answer:
        score = max(worst)
        anomalous = score >= self._threshold
        distance = abs(_log_odds(score) - _log_odds(self._threshold))
        confidence = 1.0 / (1.0 + math.exp(-self._slope * distance))
        output = {
            "anomalous": anomalous,
            "score": score,
            "threshold": self._threshold,
            "channels": [{"name": n, "score": s} for n, s in zip(window.channels, worst, strict=True)],
            "context": self._next_context(window, worst),
        }
        return Answer(output, confidence, confidence < self._unsure_below)

    def _next_context(self, window: _Window, worst: list[float]) -> dict[str, object]:
        """Learn from what was seen, and slowly where it looks faulty: a new level may be meant to stay."""
        usual = dict(window.context)
        for place, name in enumerate(window.channels):
            values = window.values[:, place]
            if np.isfinite(values).sum() >= SHORTEST:
                seen = usual_of(values)
                pace = 1.0 if worst[place] < self._threshold else _WARY
                usual[name] = usual[name].after(seen, pace) if name in usual else seen
        return write_context(usual)


def _shapes(feeds: Feeds) -> list[tuple[int, ...]]:
    return [(len(feeds["window"]),)]


def _channels(raw: object, most: int) -> tuple[str, ...]:
    if not isinstance(raw, list | tuple) or not raw or not all(isinstance(name, str) for name in raw):
        raise HiveError("input_invalid", "`channels` must be a list of names, one per column of `values`.")
    if len(raw) > most or len(set(raw)) < len(raw):
        raise HiveError("input_invalid", f"`channels` must be at most {most} different names.")
    return tuple(raw)


def _values(raw: object, channels: int, most: int) -> Floats:
    if not isinstance(raw, np.ndarray) or raw.dtype.kind not in "fiu" or raw.ndim != _AXES:
        raise HiveError("input_invalid", "`values` must be rows of numbers, one row per time.")
    if raw.shape[1] != channels:
        raise HiveError(
            "input_invalid", f"`values` has {raw.shape[1]} columns, but there are {channels} channels."
        )
    if not SHORTEST <= raw.shape[0] <= most:
        raise HiveError(
            "input_invalid", f"`values` has {raw.shape[0]} rows; {SHORTEST} to {most} are possible."
        )
    values = np.asarray(raw, dtype=np.float32)
    if np.isinf(values).any():
        raise HiveError("input_invalid", "`values` holds infinities. Send null where a value is missing.")
    if not np.isfinite(values).any():
        raise HiveError("input_invalid", "`values` holds no value at all.")
    return values


def _log_odds(chance: float) -> float:
    inside = min(max(chance, _EDGE), 1 - _EDGE)
    return math.log(inside / (1 - inside))
