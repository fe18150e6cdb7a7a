"""The codec's own promises, beside the round trips of the property tests and the vectors."""

from __future__ import annotations

import pytest

from hive.errors import HiveError
from hive.wire import messages as m
from hive.wire.codec import (
    HEADER_BYTES,
    MAX_FRAMES,
    decode,
    encode,
    kind_of,
    pack_document,
    peek_header,
    unpack_document,
)


def test_fields_at_their_default_are_left_out() -> None:
    assert encode(m.Work(m.EMPTY)) == [bytes([m.Kind.WORK, 1]) + encode(m.Bye(m.EMPTY))[0][2:], b""]
    assert len(encode(m.Work(m.EMPTY))[0]) == HEADER_BYTES


def test_body_limits_hold_for_bytes_and_frames() -> None:
    frames = encode(m.Work(m.EMPTY, body=(b"12345", b"6")))
    assert decode(frames, max_body_bytes=6) == m.Work(m.EMPTY, body=(b"12345", b"6"))
    with pytest.raises(HiveError) as caught:
        decode(frames, max_body_bytes=5)
    assert caught.value.code == "too_large"
    assert decode(encode(m.Work(m.EMPTY, body=(b"",) * (MAX_FRAMES - 2))))
    with pytest.raises(HiveError) as caught:
        decode(encode(m.Work(m.EMPTY, body=(b"",) * (MAX_FRAMES - 1))))
    assert caught.value.code == "frame_malformed"


def test_a_refusal_can_be_made_of_what_cannot_be_decoded() -> None:
    header = m.Header(epoch=3, attempt=9)
    frames = encode(m.Work(header))
    assert peek_header([frames[0], b"\xc1"]) == header
    assert peek_header([frames[0][:-1]]) == m.EMPTY
    assert peek_header([]) == m.EMPTY
    assert (kind_of(frames), kind_of([]), kind_of([b""])) == (m.Kind.WORK, 0, 0)


def test_an_error_names_the_message_and_the_field() -> None:
    head = encode(m.Beat(m.EMPTY))[0]
    with pytest.raises(HiveError, match=r"BEAT: turns: want an integer"):
        decode([head, pack_document({"turns": -1})])
    credit = encode(m.Credit(m.EMPTY, 1))[0]
    with pytest.raises(HiveError, match="CREDIT lacks slots"):
        decode([credit, b""])


def test_what_msgpack_cannot_carry_is_an_invalid_input_and_harms_nothing() -> None:
    for value in (object(), {"a": 1 << 70}, {1: {2: {3}}}):
        with pytest.raises(HiveError) as caught:
            pack_document(value)
        assert caught.value.code == "input_invalid"
    assert unpack_document(pack_document({"a": 1})) == {"a": 1}


def test_a_document_over_the_limit_is_too_large() -> None:
    with pytest.raises(HiveError) as caught:
        unpack_document(bytes(11), max_bytes=10)
    assert caught.value.code == "too_large"
