"""Values between Python, JSON and frames."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hive.errors import HiveError
from hive.types import DataType, TypeRegistry
from hive.values import decode_value, encode_value, to_json, to_tensor
from hive.wire.codec import Ext, pack_document

TYPES = TypeRegistry()
WINDOW = TYPES.get("sensor.window")


def refused(kind: str, value: object) -> str:
    with pytest.raises(HiveError) as caught:
        encode_value(TYPES.get(kind), value)
    assert caught.value.code == "input_invalid"
    return caught.value.detail


def test_a_text_is_one_frame() -> None:
    assert encode_value(TYPES.get("text"), "né") == ["né".encode()]
    assert decode_value(TYPES.get("text"), ["né".encode(), b"ignored"]) == "né"


def test_a_window_is_a_map_and_a_raw_tensor() -> None:
    frames = encode_value(
        WINDOW, {"source": "s", "channels": ["a"], "interval_s": 1, "values": [[1], [None]]}
    )
    assert len(frames) == 2
    assert frames[1] == np.array([[1], [math.nan]], "<f4").tobytes()
    value = decode_value(WINDOW, frames)
    assert isinstance(value, dict)
    assert value["values"].shape == (2, 1)
    assert to_json(value) == {"source": "s", "channels": ["a"], "interval_s": 1, "values": [[1.0], [None]]}


def test_encoding_leaves_the_callers_value_alone() -> None:
    value = {"text": "x", "spans": []}
    encode_value(TYPES.get("text.redacted"), value)
    assert value == {"text": "x", "spans": []}


def test_what_does_not_fit_is_refused_with_its_place() -> None:
    assert "string" in refused("text", 3)
    assert "string" in refused("text.redacted", {"spans": []})
    assert "surrogate" in refused("text", "\ud800")
    assert "object" in refused("intent", "light_on")
    assert "'values'" in refused("sensor.window", {"source": "s"})
    assert "sensor.window.values" in refused("sensor.window", {"values": [[1], [2, 3]]})
    assert "sensor.window.values" in refused("sensor.window", {"values": [["1"]]})
    assert "sensor.window.values" in refused("sensor.window", {"values": [[True]]})
    assert "dimensions" in refused("sensor.window", {"values": 3})
    assert "dimensions" in refused("sensor.window", {"values": [[[[[1]]]]]})


@pytest.mark.parametrize(
    ("kind", "frames"),
    [
        ("text", []),
        ("text", [b"\xff"]),
        ("text.redacted", [b"x"]),
        ("text.redacted", [b"x", b"\x90"]),
        ("intent", [b"\xc1"]),
        ("sensor.window", [pack_document({"source": "s"}), b""]),
        ("sensor.window", [pack_document({"values": Ext(1, b"\x01\x01\0\0\0")})]),
        ("sensor.window", [pack_document({"values": Ext(1, b"\x01\x02\0\0\0")}), b"abcd"]),
        ("sensor.window", [pack_document({"values": Ext(2, b"\x01\x01\0\0\0")}), b"abcd"]),
        ("sensor.window", [pack_document({"values": Ext(1, b"")}), b""]),
        ("sensor.window", [pack_document({"values": Ext(1, b"\x05" + bytes(20))}), b""]),
        ("sensor.window", [pack_document({"values": Ext(1, b"\x02" + b"\xff" * 8)}), b"abcd"]),
    ],
)
def test_frames_that_are_no_value_are_refused(kind: str, frames: list[bytes]) -> None:
    with pytest.raises(HiveError) as caught:
        decode_value(TYPES.get(kind), frames)
    assert caught.value.code == "input_invalid"


def test_tensors_come_as_little_endian_float32_rows() -> None:
    for given in ([[1, 2], [3, 4]], np.array([[1, 2], [3, 4]]), np.asfortranarray([[1.0, 2.0], [3.0, 4.0]])):
        tensor = to_tensor(given, "x")
        assert tensor.dtype == np.dtype("<f4")
        assert tensor.tobytes() == np.array([1, 2, 3, 4], "<f4").tobytes()


def test_json_has_null_for_what_is_no_number() -> None:
    value = {"a": np.array([1.5, math.nan]), 2: (math.inf, "x", None, True), "n": np.float32(0.5)}
    assert to_json(value) == {"a": [1.5, None], "2": [None, "x", None, True], "n": 0.5}


def test_several_tensors_follow_in_the_order_of_the_type() -> None:
    kind = DataType("pair", "document", tensors=("b", "a"))
    frames = encode_value(kind, {"a": [1], "b": [2, 3]})
    assert [len(frame) for frame in frames[1:]] == [8, 4]
    assert to_json(decode_value(kind, frames)) == {"a": [1.0], "b": [2.0, 3.0]}
