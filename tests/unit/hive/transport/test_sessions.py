"""Sessions by routing id and descriptor, in every order in which deaths and messages can be seen."""

from __future__ import annotations

import pytest

from hive.transport.sessions import SessionBook


def rid(number: int) -> bytes:
    return b"\0" + (number % 2**32).to_bytes(4, "big")


@pytest.fixture
def book() -> SessionBook:
    return SessionBook()


def test_a_session_ends_with_its_descriptor(book: SessionBook) -> None:
    book.accepted(7)
    assert book.open(rid(1), 7, "10.0.0.7") == 1
    assert (book.routing_id(1), book.address(1), book.numbers[rid(1)]) == (rid(1), "10.0.0.7", 1)
    book.closed(7)
    assert book.take_ended() == [1]
    assert book.take_ended() == []
    assert (book.routing_id(1), book.address(1), book.numbers[rid(1)]) == (None, "", 0)


def test_another_descriptor_ends_nothing(book: SessionBook) -> None:
    book.accepted(7)
    book.accepted(8)
    book.open(rid(1), 7, "")
    book.closed(8)
    book.closed(9)
    assert book.take_ended() == []


def test_a_session_whose_connection_closed_before_its_first_message_was_read_has_ended(
    book: SessionBook,
) -> None:
    book.accepted(7)
    book.closed(7)
    assert book.open(rid(1), 7, "") == 1
    assert book.take_ended() == [1]


def test_a_reused_descriptor_belongs_to_the_later_session(book: SessionBook) -> None:
    book.accepted(7)
    book.closed(7)
    book.accepted(7)
    later = book.open(rid(2), 7, "")
    earlier = book.open(rid(1), 7, "")
    assert book.take_ended() == [earlier]
    book.closed(7)
    assert book.take_ended() == [later]


def test_an_ended_session_that_was_read_first_gives_way_to_the_living_one(book: SessionBook) -> None:
    book.accepted(7)
    book.closed(7)
    book.accepted(7)
    earlier = book.open(rid(1), 7, "")
    assert book.take_ended() == []
    later = book.open(rid(2), 7, "")
    assert book.take_ended() == [earlier]
    book.closed(7)
    assert book.take_ended() == [later]


def test_routing_ids_are_compared_across_their_wrap(book: SessionBook) -> None:
    book.accepted(7)
    earlier = book.open(rid(2**32 - 1), 7, "")
    later = book.open(rid(2**32), 7, "")
    assert book.take_ended() == [earlier]
    assert book.routing_id(later) == rid(0)


def test_an_end_that_is_learnt_twice_is_told_once(book: SessionBook) -> None:
    book.accepted(7)
    book.open(rid(1), 7, "")
    book.end(rid(1))
    book.closed(7)
    assert book.ended == 2
    assert book.take_ended() == [1]
    assert book.ended == 0


def test_a_dropped_session_is_ignored_and_never_told(book: SessionBook) -> None:
    book.accepted(7)
    book.open(rid(1), 7, "")
    book.drop(1)
    assert book.numbers[rid(1)] == 0
    book.closed(7)
    assert book.take_ended() == []
    book.drop(1)
    book.drop(99)


def test_a_session_dropped_after_its_end_is_not_told(book: SessionBook) -> None:
    book.accepted(7)
    book.open(rid(1), 7, "")
    book.closed(7)
    book.drop(1)
    assert book.take_ended() == []


@pytest.mark.parametrize("chosen", [b"", b"node-1", b"\1abcd", b"\0abc", b"\0abcde"])
def test_a_routing_id_of_the_peers_choice_is_ignored(book: SessionBook, chosen: bytes) -> None:
    book.accepted(7)
    assert book.open(chosen, 7, "") == 0
    assert book.numbers[chosen] == 0
    assert book.open(rid(1), 7, "") == 1


def test_memory_is_bounded_over_many_sessions(book: SessionBook) -> None:
    for number in range(10_000):
        book.accepted(7)
        book.open(rid(number), 7, "")
        if number % 3 == 0:
            book.drop(number + 1)
        book.closed(7)
        book.take_ended()
    assert len(book.numbers) <= 4096
