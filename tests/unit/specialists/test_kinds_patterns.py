"""Patterns find personal data that has a form, and only where its checksum holds."""

from __future__ import annotations

import time

import pytest

from specialists.kinds.patterns import find_patterns, iban, luhn


def kinds(text: str) -> list[tuple[str, str]]:
    return [(found.kind, text[found.start : found.end]) for found in find_patterns(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("write to jane.doe+x@mail.example.co.uk.", [("EMAIL", "jane.doe+x@mail.example.co.uk")]),
        ("card 4111 1111 1111 1111 please", [("CARD", "4111 1111 1111 1111")]),
        ("card 4111-1111-1111-1111", [("CARD", "4111-1111-1111-1111")]),
        ("card 4111111111111112", []),
        ("to DE89 3704 0044 0532 0130 00 for rent", [("IBAN", "DE89 3704 0044 0532 0130 00")]),
        ("to gb29nwbk60161331926819", [("IBAN", "gb29nwbk60161331926819")]),
        ("to DE88370400440532013000", []),
        ("from 192.168.0.17 and 300.1.1.1", [("IP", "192.168.0.17")]),
        ("from 2001:db8::8a2e:370:7334 at 14:05:33", [("IP", "2001:db8::8a2e:370:7334")]),
        ("std :: vector", []),
        ("ssn 536-22-8714, not 000-22-8714", [("ID", "536-22-8714")]),
        ("call +49 151 23456789 now", [("PHONE", "+49 151 23456789")]),
        ("call (555) 123-4567 or 555-123-4567", [("PHONE", "(555) 123-4567"), ("PHONE", "555-123-4567")]),
        ("pump 7 at 83.2 degrees on 2024-05-01, order 4711, 12:30", []),
    ],
)
def test_what_is_found(text: str, found: list[tuple[str, str]]) -> None:
    assert kinds(text) == found


def test_checksums() -> None:
    assert luhn("5555 5555 5555 4444")
    assert not luhn("5555 5555 5555 4445")
    assert not luhn("0" * 16)
    assert iban("NL91ABNA0417164300")
    assert not iban("NL91ABNA0417164301")
    assert not iban("XX")


def test_long_hostile_texts_take_no_more_than_linear_time() -> None:
    texts = [
        "a" * 8000,
        "1" * 8000,
        "a." * 4000 + "@",
        "1 " * 4000,
        ":" * 8000,
        "1." * 4000,
        "(1" * 4000,
        "de89" * 2000,
    ]
    begun = time.process_time()
    for text in texts:
        find_patterns(text)
    assert time.process_time() - begun < 5
