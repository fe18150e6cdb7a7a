"""`alert`: a sensor.window and the anomaly that was found in it -> what kind of fault it is, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from hive.errors import HiveError
from specialists.engine.base import Array
from specialists.kinds.base import Answer, Inputs, Parts, names, needed, setting
from specialists.kinds.calibrated import Calibration, Chances
from specialists.kinds.extent import extent_of
from specialists.kinds.pieces import Piece, scale_of, view_of, worst_piece
from specialists.kinds.sentence import sentence, severity
from specialists.kinds.usual import read_context
from specialists.kinds.way import Feeds, Way
from specialists.kinds.windows import Limits, Window, read_window

NOTHING: Final = "none"
_KNOWN_ROWS: Final = 128


@dataclass(frozen=True, slots=True)
class _Ready:
    """A window, the channel that looks worst, its worst piece, and whether the anomaly says that it is one."""

    window: Window
    channel: str
    piece: Piece
    anomalous: bool


class Alert:
    """Names the fault in the worst channel of an anomalous window.

    Manifest: `preprocess.max_steps`, `max_channels`, `max_values`; `postprocess.kinds`; `calibration.temperature`,
    `unsure_below` and, where there is one, `unfamiliar_from` (share of rows that are far out of range).
    """

    def __init__(self, parts: Parts) -> None:
        """Read the settings; raise HiveError(manifest_invalid) if one is missing."""
        manifest = parts.manifest
        self._kinds = names(manifest.postprocess, "kinds", "postprocess")
        self._calibration = Calibration.of(manifest.calibration)
        self._way = Way(
            needed(parts.engine, "an engine", manifest.kind),
            prepare=self._ready,
            size=lambda _: 1,  # pieces have one length
            feeds=_feeds,
            shapes=lambda feeds: [(len(feeds["pieces"]), len(self._kinds))],
            finish=self._finish,
        )
        roles = {kind: name for name, kind in manifest.inputs.items()}
        if "sensor.window" not in roles or "anomaly" not in roles:
            raise HiveError(
                "manifest_invalid", "A specialist of kind 'alert' needs a sensor.window and an anomaly."
            )
        self._window, self._anomaly = roles["sensor.window"], roles["anomaly"]
        before = manifest.preprocess
        self._limits = Limits(
            *(
                int(setting(before, name, "preprocess"))
                for name in ("max_steps", "max_channels", "max_values")
            )
        )

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Return an `alert` per window and anomaly: kind, severity, a sentence, the channel and the rows.

        Where the anomaly says that nothing is out of the ordinary, the kind is `none`. What does not fit is
        input_invalid.
        """
        return self._way.answer(batch)

    def sample(self) -> Inputs:
        """Return a window with a spike and its anomaly."""
        values = np.sin(np.arange(64, dtype=np.float32) / 5)[:, None]
        values[40] = 12.0
        window = {"source": "sample", "channels": ["signal"], "interval_s": 1.0, "values": values}
        channels = [{"name": "signal", "score": 0.9}]
        anomaly = {
            "anomalous": True,
            "score": 0.9,
            "threshold": 0.5,
            "channels": channels,
            "context": None,
        }
        return {self._window: window, self._anomaly: anomaly}

    def _ready(self, item: Inputs) -> _Ready:
        window = read_window(item.get(self._window), self._window, self._limits)
        anomaly = item.get(self._anomaly)
        if not isinstance(anomaly, Mapping) or not isinstance(anomaly.get("anomalous"), bool):
            raise HiveError(
                "input_invalid",
                f"`{self._anomaly}` must be an anomaly: an object with `anomalous`, true or false.",
            )
        known, _ = read_context(anomaly.get("context"), window.channels)
        scores = _scores(anomaly.get("channels"))
        there = [
            name for place, name in enumerate(window.channels) if np.isfinite(window.values[:, place]).any()
        ]
        channel = max(there, key=lambda name: scores.get(name, 0.0))
        values = window.values[:, window.channels.index(channel)]
        scale = scale_of(values, known.get(channel), max(_KNOWN_ROWS, 2 * len(values)))
        return _Ready(window, channel, worst_piece(values, scale), bool(anomaly["anomalous"]))

    def _finish(self, items: Sequence[_Ready], outputs: Sequence[Array]) -> list[Answer]:
        chances = self._calibration.chances(outputs[0])
        return [self._told(ready, row) for ready, row in zip(items, chances, strict=True)]

    def _told(self, ready: _Ready, chances: Chances) -> Answer:
        place = int(chances.argmax())
        confidence = float(chances[place])
        scores = {kind: float(chance) for kind, chance in zip(self._kinds, chances, strict=True)}
        if not ready.anomalous:
            on = f" on {ready.window.source}" if ready.window.source else ""
            words = f"Nothing out of the ordinary{on}."
            return Answer({"kind": NOTHING, "severity": NOTHING, "sentence": words}, 1.0)
        kind = self._kinds[place]
        extent = extent_of(kind, ready.piece)
        window = ready.window
        output = {
            "kind": kind,
            "severity": severity(kind, extent),
            "sentence": sentence(kind, ready.channel, window.source, extent, window.interval_s),
            "channel": ready.channel,
            "start": ready.piece.begin + extent.start,
            "end": ready.piece.begin + extent.end,
            "scores": scores,
        }
        strange = _strangeness(ready.piece)
        return Answer(
            output,
            confidence,
            confidence < self._calibration.unsure_below,
            unfamiliar=strange >= self._calibration.unfamiliar_from,
        )


def _feeds(items: Sequence[_Ready]) -> Feeds:
    return {"pieces": np.stack([view_of(ready.piece) for ready in items]).astype(np.float32)}


def _scores(raw: object) -> dict[str, float]:
    """Return the scores of an anomaly's channels; what is no score is left out."""
    found = {}
    for entry in raw if isinstance(raw, list | tuple) else ():
        name, score = (entry.get("name"), entry.get("score")) if isinstance(entry, Mapping) else (None, None)
        if isinstance(name, str) and isinstance(score, int | float) and np.isfinite(score):
            found[name] = float(score)
    return found


def _strangeness(piece: Piece) -> float:
    """Return the share of rows that are a thousand usual spreads away: no fault that was learned from is as far."""
    away = np.abs(piece.values - piece.scale.level) / (piece.scale.spread + piece.scale.floor)
    return float((np.nan_to_num(away) > 1e3).mean())  # noqa: PLR2004
