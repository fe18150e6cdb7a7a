"""`anomaly`: sensor.window -> whether something in it is out of the ordinary, per channel and in all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from hive.errors import HiveError
from specialists.engine.base import Array
from specialists.kinds.base import Answer, Inputs, Parts, needed, numbers, setting
from specialists.kinds.rows import FEATURES, Judged, judge
from specialists.kinds.usual import Floats, Usual, first_usual, joined, read_context, write_context
from specialists.kinds.verdict import News, alone_in, chances_of, fault_of, news_of, score_of
from specialists.kinds.way import Feeds, Way
from specialists.kinds.windows import FIRST, Limits, Window, read_window

_EDGE: Final = 1e-6
_STRANGE: Final = 3
_MOSTLY: Final = 0.5


@dataclass(frozen=True, slots=True)
class _Ready:
    """A window, what was known of its channels before, and its rows as the model sees them."""

    window: Window
    before: Usual
    alarm: float
    judged: Judged


class Anomaly:
    """Scores windows of any number of channels against what is usual for each of them.

    Manifest: `preprocess.max_steps`, `max_channels`, `max_values`; `calibration.temperature`, `threshold` (score from
    which a window is anomalous where nothing begins in it), `news_threshold` (the same where something does), `slope`
    (how fast confidence grows with the distance of score and threshold in log-odds), `unsure_below`, and `lowest` and
    `highest`, the range of each feature in the training data.
    """

    def __init__(self, parts: Parts) -> None:
        """Read the settings; raise HiveError(manifest_invalid) if one is missing."""
        manifest = parts.manifest
        self._way = Way(
            needed(parts.engine, "an engine", manifest.kind),
            prepare=self._ready,
            size=lambda _: 1,  # rows are judged one by one, so nothing is ever filled up
            feeds=_feeds,
            shapes=lambda feeds: [(len(feeds["rows"]),)],
            finish=self._score,
        )
        self._input = next(iter(manifest.inputs))
        before, found = manifest.preprocess, manifest.calibration
        self._limits = Limits(
            *(
                int(setting(before, name, "preprocess"))
                for name in ("max_steps", "max_channels", "max_values")
            )
        )
        self._temperature = setting(found, "temperature", "calibration")
        self._threshold = setting(found, "threshold", "calibration")
        self._news_threshold = setting(found, "news_threshold", "calibration")
        self._slope = setting(found, "slope", "calibration")
        self._unsure_below = setting(found, "unsure_below", "calibration")
        self._lowest = np.array(numbers(found, "lowest", "calibration", FEATURES))
        self._highest = np.array(numbers(found, "highest", "calibration", FEATURES))

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

    def _ready(self, item: Inputs) -> _Ready:
        window = read_window(item.get(self._input), self._input, self._limits)
        known, alarm = read_context(window.context, window.channels)
        if len(window.values) < FIRST and len(known) < len(window.channels):
            raise HiveError(
                "input_invalid",
                f"`values` has {len(window.values)} rows; a channel's first window needs {FIRST}. With the context of "
                "an earlier window, one is enough.",
            )
        columns = np.ascontiguousarray(window.values.T)
        states = [
            known.get(name) or first_usual(columns[i : i + 1]) for i, name in enumerate(window.channels)
        ]
        usual = joined(states)
        return _Ready(window, usual, alarm, judge(columns, usual))

    def _score(self, windows: Sequence[_Ready], outputs: Sequence[Array]) -> list[Answer]:
        logits = outputs[0].astype(np.float64) / self._temperature
        answers, at = [], 0
        for ready in windows:
            shape = ready.judged.novelty.shape
            count = shape[0] * shape[1]
            answers.append(self._verdict(ready, logits[at : at + count].reshape(shape)))
            at += count
        return answers

    def _verdict(self, ready: _Ready, logits: Floats) -> Answer:
        news = _news(ready)
        faults = [fault_of(row) for row in chances_of(logits)]
        score = score_of(max(faults), news.size)
        told = news.size > 0 and score_of(max(faults), 0.0) < self._threshold
        threshold = self._news_threshold if told else self._threshold
        channels = [
            {"name": name, "score": score_of(fault, _own_news(ready, place, news))}
            for place, (name, fault) in enumerate(zip(ready.window.channels, faults, strict=True))
        ]
        distance = abs(_log_odds(score) - _log_odds(threshold))
        confidence = 1.0 / (1.0 + math.exp(-self._slope * distance))
        output = {
            "anomalous": score >= threshold,
            "score": score,
            "threshold": threshold,
            "begins": news.row if news.size and score >= self._news_threshold else None,
            "channels": channels,
            "context": self._next_context(ready, news.alarm),
        }
        return Answer(
            output,
            confidence,
            confidence < self._unsure_below,
            unfamiliar=self._unfamiliar(ready.judged.features),
        )

    def _unfamiliar(self, features: Floats) -> bool:
        """Say whether most rows have several properties that hardly any row of the training data had."""
        outside = (features < self._lowest) | (features > self._highest)
        return bool((outside.sum(2) >= _STRANGE).mean() > _MOSTLY)

    def _next_context(self, ready: _Ready, alarm: float) -> dict[str, object]:
        usual = ready.judged.usual
        channels = {
            name: usual.only(place)
            for place, name in enumerate(ready.window.channels)
            if ready.before.rows[place] or np.isfinite(ready.window.values[:, place]).any()
        }
        return write_context(channels, alarm)


def _news(ready: _Ready) -> News:
    """Return what begins in the window; in a first one, of which nothing else is known, what stands alone in it."""
    known = news_of(ready.judged.novelty, ready.before.rows, ready.alarm)
    if ready.before.rows.any():
        return known
    alone = alone_in(ready.window.values.T, ready.before)
    return replace(alone, alarm=known.alarm)


def _own_news(ready: _Ready, place: int, news: News) -> float:
    """Return how new a channel is where the device's news is, if it is at least as new as that."""
    if not news.size or ready.before.rows.any():
        own = float(ready.judged.novelty[place, news.row])
    else:
        own = alone_in(ready.window.values.T[place : place + 1], ready.before.only(place)).size
    return own if news.size and own >= news.size else 0.0


def _feeds(windows: Sequence[_Ready]) -> Feeds:
    rows = [ready.judged.features.reshape(-1, FEATURES) for ready in windows]
    return {"rows": np.concatenate(rows).astype(np.float32)}


def _log_odds(chance: float) -> float:
    inside = min(max(chance, _EDGE), 1 - _EDGE)
    return math.log(inside / (1 - inside))
