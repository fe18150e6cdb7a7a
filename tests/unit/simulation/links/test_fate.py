"""What arrives of what was sent, and when."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from simulation.links.fate import PLAIN, Fate, Way

MS = 1_000


def throws(*values: float) -> Callable[[], float]:
    """Return a source of chance that says these, and then 0.99 for ever."""
    rest = list(values)
    return lambda: rest.pop(0) if rest else 0.99


def test_without_a_fate_everything_arrives_at_once_and_in_order() -> None:
    way = Way(throws())
    way.put(b"a", 5, PLAIN)
    way.put(b"b", 5, PLAIN)
    assert (way.next_us(PLAIN), way.size_bytes) == (5, 2)
    assert way.arrived(5, PLAIN) == [b"a", b"b"]
    assert (way.arrived(9, PLAIN), way.next_us(PLAIN), way.size_bytes, bool(way)) == ([], None, 0, False)


def test_a_delay_and_its_jitter() -> None:
    fate = Fate(delay_ms=200, jitter_ms=10)
    way = Way(throws(0.5))
    way.put(b"a", 0, fate)
    assert way.next_us(fate) == 205 * MS
    assert way.arrived(205 * MS - 1, fate) == []
    assert way.arrived(205 * MS, fate) == [b"a"]


def test_a_stream_keeps_its_order_when_a_later_part_would_be_quicker() -> None:
    fate = Fate(jitter_ms=100)
    way = Way(throws(0.9, 0.0))
    way.put(b"slow", 0, fate)
    way.put(b"quick", 10, fate)
    assert way.arrived(89 * MS, fate) == []
    assert way.arrived(90 * MS, fate) == [b"slow", b"quick"]


def test_a_lost_segment_is_sent_again_after_200_ms_and_then_400() -> None:
    fate = Fate(loss_percent=20)
    once = Way(throws(0.1, 0.9))
    once.put(b"x", 0, fate)
    twice = Way(throws(0.1, 0.1, 0.9))
    twice.put(b"x", 0, fate)
    assert (once.next_us(fate), twice.next_us(fate)) == (200 * MS, 600 * MS)


def test_each_segment_of_a_large_part_may_be_lost() -> None:
    fate = Fate(loss_percent=20)
    way = Way(throws(0.9, 0.9, 0.1, 0.9))  # the third of three
    way.put(bytes(3 * 1_448), 0, fate)
    assert way.next_us(fate) == 200 * MS


def test_a_cut_holds_what_is_sent_until_it_is_healed() -> None:
    cut = Fate(cut=True)
    way = Way(throws())
    way.put(b"a", 0, cut)
    assert (way.arrived(10**9, cut), way.next_us(cut)) == ([], None)
    assert way.arrived(10**9, PLAIN) == [b"a"]


@given(
    st.lists(st.tuples(st.integers(0, 50), st.binary(min_size=1, max_size=4_000)), max_size=30),
    st.floats(0, 90),
    st.floats(0, 300),
    st.randoms(use_true_random=False),
)
def test_whatever_happens_a_stream_arrives_whole(
    parts: list[tuple[int, bytes]], loss: float, jitter: float, random: Random
) -> None:
    fate = Fate(jitter_ms=jitter, loss_percent=loss)
    way = Way(random.random)
    now = 0
    got: list[bytes] = []
    for pause, data in parts:
        now += pause * MS
        got += way.arrived(now, fate)
        way.put(data, now, fate)
    got += way.arrived(now + 10**9, fate)
    assert b"".join(got) == b"".join(data for _, data in parts)
    assert way.size_bytes == 0
