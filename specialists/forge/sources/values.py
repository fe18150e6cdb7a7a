"""What the readers return: texts with labels, texts with marked parts, recorded signals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Utterances:
    """Texts and the label of each, in one order."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A marked part of a text: characters `start` to `end` (exclusive) are of type `kind`."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A text and its marked parts, in order and apart.

    `group` is the same for texts that came from one template or document; `intent` is "" where the data has none.
    """

    text: str
    spans: tuple[Span, ...]
    group: str = ""
    intent: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """A recorded signal: seconds since its start, values, and for each value whether an anomaly is labelled there."""

    name: str
    seconds: npt.NDArray[np.float64]
    values: npt.NDArray[np.float32]
    anomalous: npt.NDArray[np.bool_]
