"""The wire's trust boundary: whatever bytes come, a message or a typed refusal goes out."""

from __future__ import annotations

import math
import time
import types
import typing
from collections.abc import Callable
from dataclasses import fields, replace

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hive.errors import HiveError
from hive.gate import LinkPass
from hive.types import BUILTIN, DataType
from hive.values import decode_value, encode_value
from hive.wire import messages as m
from hive.wire.codec import HEADER, HEADER_BYTES, MAX_FRAMES, decode, encode, kind_of, peek_header

REFUSALS = {"frame_malformed", "version_unsupported", "kind_unknown", "too_large"}
CLASSES: tuple[type, ...] = typing.get_args(m.Message)
U16, U32, U64 = 2**16 - 1, 2**32 - 1, 2**64 - 1

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(2**63), U64) | st.floats(allow_nan=False) | names
documents = st.dictionaries(
    names, st.recursive(scalars, lambda inner: st.lists(inner, max_size=3)), max_size=3
)
bodies = st.lists(st.binary(max_size=40), max_size=4).map(tuple)
headers = st.builds(
    m.Header,
    *(st.integers(0, 255) for _ in range(4)),
    *(st.integers(0, U16) for _ in range(4)),
    *(st.integers(0, U32) for _ in range(2)),
    *(st.integers(-(2**63), 2**63 - 1) for _ in range(2)),
    st.integers(0, U64),
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=8, max_size=8),
)
offers = st.builds(
    m.Offer,
    names,
    names,
    st.lists(st.tuples(names, names), max_size=3).map(tuple),
    names,
    names,
    names,
    st.lists(names, max_size=3).map(tuple),
    st.integers(0, 2**40),
    st.lists(documents, max_size=2).map(tuple),
)
patterns = st.lists(names, max_size=2).map(tuple)
link_rules = st.builds(
    LinkPass, names, names, names, patterns, st.integers(0, U32), patterns, patterns, st.booleans()
)
# Fields whose range is narrower than their Python type says.
NARROW: dict[str, st.SearchStrategy[object]] = {
    "version": st.integers(0, 255),
    "version_min": st.integers(0, 255),
    "version_max": st.integers(0, 255),
    "about": st.integers(0, 255),
    "credit": st.integers(0, U16),
    "slots": st.integers(0, U16),
    "capabilities": st.dictionaries(names, st.integers(0, U16), max_size=3),
    "held": st.lists(st.tuples(st.integers(0, U32), st.integers(0, U32)), max_size=3).map(tuple),
    "inputs": st.lists(st.tuples(names, names, st.integers(0, MAX_FRAMES)), max_size=3).map(tuple),
    "entries": st.lists(scalars, max_size=3).map(tuple),
    "result": scalars | documents,
}
NARROW["unacked"] = NARROW["drop"] = NARROW["held"]


def strategy_of(name: str, hint: object) -> st.SearchStrategy[object]:
    if name in NARROW and not (name == "about" and hint is not int):
        return NARROW[name]
    if hint is m.Header:
        return headers
    if name == "body":
        return bodies
    if typing.get_origin(hint) is tuple:
        return (
            st.lists(strategy_of("", typing.get_args(hint)[0]), max_size=3).map(tuple)
            if (typing.get_args(hint)[-1] is Ellipsis)
            else st.tuples(*(strategy_of("", item) for item in typing.get_args(hint)))
        )
    if typing.get_origin(hint) is dict:
        return documents
    plain: dict[object, st.SearchStrategy[object]] = {
        int: st.integers(0, U32),
        str: names,
        bool: st.booleans(),
        float: st.floats(allow_nan=False, allow_infinity=False),
        bytes: st.binary(max_size=40),
        m.Offer: offers,
        LinkPass: link_rules,
    }
    return plain[hint]


def messages_of(cls: type) -> st.SearchStrategy[m.Message]:
    hints = typing.get_type_hints(cls)
    return st.builds(cls, **{item.name: strategy_of(item.name, hints[item.name]) for item in fields(cls)})


any_message = st.one_of(*(messages_of(cls) for cls in CLASSES))


def refusal(call: Callable[..., object], *args: object) -> str:
    """Return the code that a call was refused with, empty if it was not; any other exception is a fault."""
    try:
        call(*args)
    except HiveError as error:
        return error.code if error.detail else "no detail"
    return ""


def refused_or_message(frames: list[bytes]) -> None:
    code = refusal(decode, frames)
    assert code in REFUSALS | {""}
    if not code:
        message = decode(frames)
        assert isinstance(message, CLASSES)
        encode(message)
    kind_of(frames)
    peek_header(frames)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_kind_survives_the_round_trip(cls: type) -> None:
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(messages_of(cls))
    def check(message: m.Message) -> None:
        frames = encode(message)
        assert decode(frames) == message
        assert all(type(frame) is bytes for frame in frames)
        assert kind_of(frames) == m.Kind(frames[0][0])
        assert peek_header(frames) == message.header

    check()


@given(st.lists(st.binary(max_size=200), max_size=MAX_FRAMES + 2))
@example([b"", b""])
@example([bytes(HEADER_BYTES), b""])
def test_arbitrary_frames_are_refused_with_a_code(frames: list[bytes]) -> None:
    refused_or_message(frames)


@given(any_message, st.data())
@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=300)
def test_mutated_frames_are_refused_with_a_code(message: m.Message, data: st.DataObject) -> None:
    frames = encode(message)
    at = data.draw(st.integers(0, len(frames) - 1))
    frame = bytearray(frames[at])
    for _ in range(data.draw(st.integers(1, 4))):
        if frame:
            frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    frames[at] = bytes(frame)
    refused_or_message(frames)


@given(any_message, st.data())
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_truncated_frames_are_refused_with_a_code(message: m.Message, data: st.DataObject) -> None:
    frames = encode(message)
    at = data.draw(st.integers(0, len(frames) - 1))
    frames[at] = frames[at][: data.draw(st.integers(0, len(frames[at])))]
    refused_or_message(frames)
    refused_or_message(frames[: data.draw(st.integers(0, len(frames)))])


@given(
    st.sampled_from(CLASSES), st.dictionaries(names, documents | scalars | st.binary(), max_size=4), st.data()
)
@settings(deadline=None)
def test_maps_with_wrong_values_are_refused_with_a_code(
    cls: type, named: dict[str, object], data: st.DataObject
) -> None:
    known = [item.name for item in fields(cls) if item.name not in ("header", "body")]
    if known:
        named[data.draw(st.sampled_from(known))] = data.draw(scalars | documents | st.binary())
    kind = next(kind for kind in m.Kind if kind.name.replace("_", "") == cls.__name__.upper())
    refused_or_message([HEADER.pack(kind, m.VERSION, *m.EMPTY), msgpack.packb(named)])


@given(any_message, names, scalars)
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_unknown_map_keys_are_ignored(message: m.Message, key: str, value: object) -> None:
    frames = encode(message)
    named = msgpack.unpackb(frames[1]) if frames[1] else {}
    named["x-" + key] = value
    frames[1] = msgpack.packb(named)
    assert decode(frames) == message


@given(any_message, st.integers(0, 255), st.integers(0, 255))
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_other_versions_and_kinds_are_told_apart(message: m.Message, kind: int, version: int) -> None:
    frames = encode(message)
    frames[0] = bytes([kind, version]) + frames[0][2:]
    code = refusal(decode, frames)
    if version != m.VERSION:
        assert code == "version_unsupported"
    elif kind not in set(m.Kind) - m.RESERVED:
        assert code == "kind_unknown"
    else:
        assert code in {"", "frame_malformed"}


@given(st.floats() | st.integers(-(2**63), U64))
def test_only_finite_numbers_pass(value: float) -> None:
    frames = encode(m.Answer(m.EMPTY))
    frames[1] = msgpack.packb({"confidence": value})
    if math.isfinite(value):
        answer = decode(frames)
        assert isinstance(answer, m.Answer)
        assert answer.confidence == float(value)
    else:
        with pytest.raises(HiveError):
            decode(frames)


@pytest.mark.parametrize(
    "body", [b"\x91" * (1 << 20), b"\x81\xa1a" * 300_000, b"\xdf\xff\xff\xff\xff", b"\xc7\xff\x01"]
)
def test_a_nested_or_lying_map_is_refused_in_bounded_time(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(HiveError) as caught:
        decode([HEADER.pack(m.Kind.REPLY, m.VERSION, *m.EMPTY), body])
    assert caught.value.code in REFUSALS
    assert time.process_time() - started < 1.0


def test_a_map_carries_no_extension_types() -> None:
    for packed in (msgpack.ExtType(1, b"x"), msgpack.ExtType(7, b"")):
        with pytest.raises(HiveError, match="extension"):
            decode([HEADER.pack(m.Kind.REPLY, 1, *m.EMPTY), msgpack.packb({"ask": 1, "result": packed})])


def test_the_union_of_messages_is_closed() -> None:
    assert isinstance(m.Message, types.UnionType)
    assert len(CLASSES) == len(m.Kind) - len(m.RESERVED)


arrays = st.integers(0, 4).flatmap(
    lambda columns: st.lists(
        st.lists(st.none() | st.floats(width=32, allow_nan=False), min_size=columns, max_size=columns),
        min_size=1,
        max_size=4,
    )
)


def values_of(kind: DataType) -> st.SearchStrategy[object]:
    if kind.encoding == "utf8":
        return names
    tensors = st.fixed_dictionaries(dict.fromkeys(kind.tensors, arrays))
    texts = st.fixed_dictionaries({kind.text_field: names} if kind.encoding == "utf8+document" else {})
    return st.builds(lambda a, b, c: {**a, **b, **c}, documents, tensors, texts)


def same(kind: DataType, got: object, sent: object) -> bool:
    if not isinstance(sent, dict):
        return got == sent
    assert isinstance(got, dict)
    for name in kind.tensors:
        expected = np.array([[math.nan if x is None else x for x in row] for row in sent[name]], dtype="<f4")
        if not np.array_equal(got[name], expected, equal_nan=True):
            return False
    rest = {key: value for key, value in sent.items() if key not in kind.tensors}
    return {key: value for key, value in got.items() if key not in kind.tensors} == rest


@pytest.mark.parametrize("kind", BUILTIN, ids=lambda kind: kind.name)
def test_values_survive_the_round_trip(kind: DataType) -> None:
    @settings(max_examples=50, deadline=None)
    @given(values_of(kind))
    def check(value: object) -> None:
        frames = encode_value(kind, value)
        assert same(kind, decode_value(kind, frames), value)

    check()


@pytest.mark.parametrize("kind", BUILTIN, ids=lambda kind: kind.name)
def test_frames_that_are_no_value_are_refused(kind: DataType) -> None:
    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.binary(max_size=60), max_size=4))
    @example([b"x", b"\x80", b""])
    @example([b"\x80"])
    def check(frames: list[bytes]) -> None:
        assert refusal(decode_value, kind, frames) in {"", "input_invalid"}

    check()


@given(scalars | st.lists(scalars) | documents)
def test_what_is_no_value_is_refused(value: object) -> None:
    for kind in BUILTIN:
        assert refusal(encode_value, kind, value) in {"", "input_invalid"}


def test_a_changed_message_is_another_value() -> None:
    beat = m.Beat(m.EMPTY, turns=1)
    assert replace(beat, turns=2) != beat
