"""The specification's test vectors, byte for byte."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from hive.errors import HiveError
from hive.types import TypeRegistry
from hive.values import decode_value, encode_value, to_json
from hive.wire import messages as m
from hive.wire.codec import decode, encode, kind_of

VECTORS = json.loads(
    (Path(__file__).parents[4] / "docs/reference/wire-vectors.json").read_text(encoding="utf-8")
)


def frames_of(vector: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(frame) for frame in vector["frames"]]


def plain(value: object) -> object:
    """Return a field as the vectors write it."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, m.Offer):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda v: v["name"])
def test_a_message_has_exactly_these_bytes(vector: dict[str, Any]) -> None:
    frames = frames_of(vector)
    message = decode(frames)
    assert encode(message) == frames
    assert m.Kind(kind_of(frames)).name == vector["kind"]
    stated = {item.name: plain(getattr(message, item.name)) for item in fields(message)}
    body = stated.pop("body", [])
    header = stated.pop("header")
    assert stated == vector["fields"]
    assert body == [{"hex": frame} for frame in vector["frames"][2:]]
    expected = {key: plain(value) for key, value in m.EMPTY._asdict().items()} | vector["header"]
    assert header == list(expected.values())


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda v: v["name"])
def test_bad_frames_are_refused_with_the_stated_code(vector: dict[str, Any]) -> None:
    with pytest.raises(HiveError) as caught:
        decode(frames_of(vector))
    assert caught.value.code == vector["code"]


@pytest.mark.parametrize("vector", VECTORS["values"], ids=lambda v: v["type"])
def test_a_value_has_exactly_these_frames(vector: dict[str, Any]) -> None:
    kind = TypeRegistry().get(vector["type"])
    assert encode_value(kind, vector["json"]) == frames_of(vector)
    assert to_json(decode_value(kind, frames_of(vector))) == vector["json"]


def test_a_reader_of_the_parent_stops_early() -> None:
    (redacted,) = [v for v in VECTORS["values"] if v["type"] == "text.redacted"]
    assert decode_value(TypeRegistry().get("text"), frames_of(redacted)) == redacted["json"]["text"]


def test_missing_elements_travel_as_nan() -> None:
    (window,) = [v for v in VECTORS["values"] if v["type"] == "sensor.window"]
    value = decode_value(TypeRegistry().get("sensor.window"), frames_of(window))
    assert isinstance(value, dict)
    assert math.isnan(value["values"][1, 1])
