"""Adverts as TXT records, and whatever else arrives in one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.discovery.base import Advert
from hive.discovery.text import from_text, to_text

NODE = Advert(
    "node",
    "factory",
    "press-1/echo",
    "plant-a",
    0,
    7,
    "mesh.echo",
    "sha256:" + "ab" * 32,
    versions=(1, 2),
    addresses=("10.0.0.1",),
)


def wire(advert: Advert) -> dict[bytes, bytes | None]:
    return {key.encode(): value.encode() for key, value in to_text(advert).items()}


def test_an_advert_survives_its_record() -> None:
    assert from_text("node", wire(NODE), 0, ("10.0.0.1",)) == NODE


def test_keys_that_a_later_version_adds_are_passed_over() -> None:
    later = wire(NODE) | {b"load": b"3", b"flag": None}
    assert from_text("node", later, 0, ("10.0.0.1",)) == NODE


@pytest.mark.parametrize(
    "wrong",
    [
        {b"mesh": None},
        {b"mesh": b""},
        {b"id": b""},
        {b"site": b""},
        {b"v": b"one"},
        {b"v": b"1"},
        {b"inc": b"soon"},
        {b"id": b"\xff\xfe"},
        {b"\xff": b"x"},
        {b"id": b"\x1b[2Jpress"},
        {b"cap": b"one\ntwo"},
    ],
)
def test_what_is_no_advert_of_ours_is_none(wrong: dict[bytes, bytes | None]) -> None:
    assert from_text("node", wire(NODE) | wrong, 0, ()) is None


@given(
    st.dictionaries(st.sampled_from([b"mesh", b"id", b"site", b"v", b"inc", b"x"]), st.binary() | st.none())
)
def test_no_bytes_whatever_raise(text: dict[bytes, bytes | None]) -> None:
    found = from_text("conductor", text, 1, ())
    assert found is None or (found.mesh and found.id and found.site)


def test_what_does_not_fit_into_a_record_is_said() -> None:
    with pytest.raises(ValueError, match="'cap' of the advert"):
        to_text(Advert("node", "m", "n", "s", capability="x" * 241))
