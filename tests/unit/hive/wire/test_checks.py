"""Checks of single fields: what passes, what does not, and how the specification writes them."""

from __future__ import annotations

import pytest

from hive.wire import checks
from hive.wire.checks import Check, form

PORT = checks.integer(1, 10)
PAIR = checks.record(checks.text, PORT)
PAIRS = checks.sequence(PAIR, most=2)


@pytest.mark.parametrize(
    ("check", "value", "kept"),
    [
        (PORT, 1, 1),
        (PORT, 10, 10),
        (checks.number, 3, 3.0),
        (checks.number, 0.5, 0.5),
        (checks.text, "x" * checks.TEXT_MAX, "x" * checks.TEXT_MAX),
        (checks.blob, b"", b""),
        (checks.flag, False, False),
        (checks.document, {"a": 1}, {"a": 1}),
        (checks.anything, None, None),
        (checks.ids, {"a": 65535}, {"a": 65535}),
        (PAIRS, [["a", 1], ("b", 2)], (("a", 1), ("b", 2))),
    ],
)
def test_what_fits_is_kept(check: Check, value: object, kept: object) -> None:
    assert check(value) == kept
    assert type(check(value)) is type(kept)


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (PORT, 0),
        (PORT, 11),
        (PORT, True),
        (PORT, 1.0),
        (checks.number, float("nan")),
        (checks.number, float("-inf")),
        (checks.number, True),
        (checks.number, "1"),
        (checks.text, "x" * (checks.TEXT_MAX + 1)),
        (checks.text, b"x"),
        (checks.blob, "x"),
        (checks.flag, 1),
        (checks.document, {b"a": 1}),
        (checks.document, []),
        (checks.ids, {"a": 65536}),
        (checks.ids, {"a": True}),
        (PAIRS, [["a", 1]] * 3),
        (PAIRS, [["a"]]),
        (PAIRS, "ab"),
        (PAIRS, {"a": 1}),
    ],
)
def test_what_does_not_fit_is_refused(check: Check, value: object) -> None:
    with pytest.raises(ValueError, match="want"):
        check(value)


def test_forms_read_well() -> None:
    assert form(PAIRS) == "array of at most 2: array [string, integer 1 to 10]"
    assert form(checks.integer(0, checks.U64_MAX)) == "integer 0 to 2^64-1"
    assert form(checks.ids) == "map of string to integer 0 to 65535"
