"""Inputs for any specialist, made from its manifest and its sample: some that fit, and some that nobody should send."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from hypothesis import strategies as st

from specialists.kinds.base import Inputs
from specialists.load import Specialist

WORDS = (
    *("please", "call", "Maria", "Keller", "in", "Lisbon", "on", "+351", "21", "000", "0000", "my", "card", "4111"),
    *("1111", "jane@example.org", "turn", "off", "the", "lights", "at", "seven", "patient", "denies", "pain", "pump"),
    *("7", "is", "hot", "?", "!", "...", "OK", "don't", "Grüße", "图书馆", "😀", "naïve", "DE89", "3704", "0044", "x"),
)  # fmt: skip

EXTREMES = (0.0, 1e-38, -3e38, 3e38, float("nan"), float("inf"), float("-inf"))
_NUMBERS = st.floats(width=32) | st.integers(-(2**31), 2**31)
_SCALARS = st.none() | st.booleans() | _NUMBERS | st.text(max_size=20)
JUNK = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
"""What a msgpack document or JSON may hold."""


@st.composite
def fitting(draw: st.DrawFn, specialist: Specialist) -> Inputs:
    """Return an input that the specialist should answer, of any length and size."""
    inputs = dict(specialist.sample())
    channels = draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=4, unique=True))
    for name, kind in specialist.manifest.inputs.items():
        if kind == "text":
            inputs[name] = draw(texts())
        elif kind == "sensor.window":
            inputs[name] = draw(windows(channels))
        elif kind == "anomaly":
            inputs[name] = draw(anomalies(channels))
        elif isinstance(record := inputs[name], Mapping):
            inputs[name] = draw(records(record))
    return inputs


@st.composite
def odd(draw: st.DrawFn, specialist: Specialist) -> Inputs:
    """Return an input in which something is not what it should be: a value, a field, or all of it."""
    inputs = dict(draw(fitting(specialist)))
    name = draw(st.sampled_from(sorted(inputs)))
    value = inputs[name]
    if not isinstance(value, Mapping) or draw(st.booleans()):
        inputs[name] = draw(JUNK | arrays() | texts())
        return inputs
    document = dict(value)
    for _ in range(draw(st.integers(1, 3))):
        field = draw(st.sampled_from(sorted(document)) if document else st.just("x"))
        if draw(st.integers(0, 3)):
            document[field] = draw(JUNK | arrays() | spoilt(document.get(field)))
        else:
            document.pop(field, None)
    if draw(st.booleans()):
        document[draw(st.text(max_size=8))] = draw(JUNK)
    inputs[name] = document
    return inputs


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Return words, or any characters at all that are UTF-8."""
    if draw(st.integers(0, 3)) == 0:
        return draw(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
    return " ".join(draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=60)))


@st.composite
def windows(draw: st.DrawFn, channels: list[str]) -> dict[str, object]:
    """Return a sensor.window: waves, noise, walks and steps at any scale, with and without holes."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    steps = draw(st.integers(8, 300))
    time = np.arange(steps)[:, None]
    shape = (steps, len(channels))
    curves = {
        "wave": np.sin(time / rng.uniform(2, 20, len(channels))),
        "noise": rng.normal(size=shape),
        "walk": rng.normal(size=shape).cumsum(axis=0),
        "still": np.zeros(shape),
        "step": np.where(time > steps // 2, 1.0, 0.0) + 0.1 * rng.normal(size=shape),
        "spike": np.where(rng.random(shape) < 0.02, 20.0, rng.normal(size=shape)),
    }
    values = curves[draw(st.sampled_from(sorted(curves)))] + draw(st.sampled_from([0.0, 1.0, -50.0]))
    values = (values * 10.0 ** draw(st.integers(-6, 6))).astype(np.float32)
    if draw(st.booleans()):
        values[1:][rng.random((steps - 1, len(channels))) < 0.1] = np.nan
    return {
        "source": "pump-7",
        "channels": channels,
        "interval_s": draw(st.floats(0.01, 3600)),
        "values": values,
    }


@st.composite
def anomalies(draw: st.DrawFn, channels: list[str]) -> dict[str, object]:
    """Return an anomaly of these channels."""
    scores = [draw(st.floats(0, 1)) for _ in channels]
    threshold = draw(st.floats(0.1, 0.9))
    return {
        "anomalous": max(scores) >= threshold,
        "score": max(scores),
        "threshold": threshold,
        "channels": [{"name": n, "score": s} for n, s in zip(channels, scores, strict=True)],
        "context": None,
    }


@st.composite
def records(draw: st.DrawFn, sample: Mapping[str, object]) -> dict[str, object]:
    """Return the sample with other numbers; a value may be missing, since null is a missing value."""
    record = dict(sample)
    for field, value in sample.items():
        if draw(st.integers(0, 9)) == 0:
            record[field] = None
        elif isinstance(value, int | float) and not isinstance(value, bool):
            record[field] = type(value)(value * draw(st.floats(0.25, 4)))
    return record


@st.composite
def spoilt(draw: st.DrawFn, value: object) -> object:
    """Return the value with something in it changed: a number, a length, an item."""
    if isinstance(value, np.ndarray):
        values = value.copy()
        values[draw(st.integers(0, len(values))) :] = draw(st.sampled_from(EXTREMES))
        cut = draw(st.sampled_from([slice(None), slice(0, 3), slice(0, 0), slice(0, 1)]))
        return draw(st.sampled_from([values, values[cut], values[..., cut], np.tile(values, (9, 1))]))
    if isinstance(value, list):
        return draw(st.sampled_from([value[1:], value * 2, [*value, None], value[::-1]]))
    if isinstance(value, Mapping):
        return {key: draw(spoilt(item)) for key, item in value.items()}
    return draw(st.sampled_from([value, *EXTREMES, 10**400, -1, 0, "", True]))


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return what a tensor frame may decode to: any shape, also empty, and any float32."""
    shape = draw(st.lists(st.integers(0, 12), min_size=1, max_size=4))
    filler = draw(st.sampled_from(EXTREMES))
    values = np.random.default_rng(draw(st.integers(0, 99))).normal(size=shape).astype(np.float32)
    values[values > 1] = filler
    return values
