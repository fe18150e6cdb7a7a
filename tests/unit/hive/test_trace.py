"""W3C trace context as its recommendation writes it."""

from __future__ import annotations

import pytest

from hive.errors import HiveError
from hive.trace import Trace, parse_traceparent, traceparent_or_none

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        (GOOD, 1),
        (f"00-{TRACE}-{SPAN}-00", 0),
        (f"01-{TRACE}-{SPAN}-03", 3),
        (f"cc-{TRACE}-{SPAN}-01-more", 1),
    ],
)
def test_what_is_read(text: str, flags: int) -> None:
    assert parse_traceparent(text) == Trace(bytes.fromhex(TRACE), bytes.fromhex(SPAN), flags)
    assert traceparent_or_none(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x" * 10_000,
        GOOD.upper(),
        GOOD + "\n",
        " " + GOOD,
        GOOD + "-more",  # version 00 has no more
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE[:-1]}\u0661-{SPAN}-01",
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(HiveError) as caught:
        parse_traceparent(text)
    assert caught.value.code == "bad_request"
    assert len(caught.value.detail) < 300
    assert traceparent_or_none(text) is None
