"""Patterns find personal data that has a form, and only where its checksum holds."""

from __future__ import annotations

import time

import pytest

from specialists.kinds.patterns import find_patterns


def kinds(text: str) -> list[tuple[str, str]]:
    return [(found.kind, text[found.start : found.end]) for found in find_patterns(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("write to jane.doe+x@mail.example.co.uk.", [("EMAIL", "jane.doe+x@mail.example.co.uk")]),
        ("card 4111 1111 1111 1111 please", [("CARD", "4111 1111 1111 1111")]),
        ("card 4111-1111-1111-1111", [("CARD", "4111-1111-1111-1111")]),
        ("card 4111111111111112", []),
        ("room 12 4111 1111 1111 1111 for 3 days", [("CARD", "4111 1111 1111 1111")]),
        ("to DE89 3704 0044 0532 0130 00 for rent", [("IBAN", "DE89 3704 0044 0532 0130 00")]),
        ("to gb29nwbk60161331926819", [("IBAN", "gb29nwbk60161331926819")]),
        ("to DE88370400440532013000", []),
        ("from 192.168.0.17 and 300.1.1.1", [("IP", "192.168.0.17")]),
        ("from 2001:db8::8a2e:370:7334 at 14:05:33", [("IP", "2001:db8::8a2e:370:7334")]),
        ("std :: vector", []),
        ("ssn 536-22-8714, not 000-22-8714", [("ID", "536-22-8714")]),
        ("call +49 151 23456789 now", [("PHONE", "+49 151 23456789")]),
        ("call (555) 123-4567 or 555-123-4567", [("PHONE", "(555) 123-4567"), ("PHONE", "555-123-4567")]),
        ("call +1 (555) 123-4567 x89", [("PHONE", "+1 (555) 123-4567 x89")]),
        ("ring 020 7946 0958 or 01.23.45.67.89", [("PHONE", "020 7946 0958"), ("PHONE", "01.23.45.67.89")]),
        ("my phone is 5551234567, order 5551234567", [("PHONE", "5551234567")]),
        ("2813882583 mobile", [("PHONE", "2813882583")]),
        ("account number 12345678", [("ID", "12345678")]),
        ("account 1234 is blocked, badge 20413 was found", [("ID", "1234"), ("ID", "20413")]),
        ("passport no. P 4366918 of hers, mrn AB-1234-56", [("ID", "P 4366918"), ("ID", "AB-1234-56")]),
        ("AB 12 34 56 C and 12345678Z", [("ID", "AB 12 34 56 C"), ("ID", "12345678Z")]),
        ("card 3782-822463-10005", [("CARD", "3782-822463-10005")]),
        ("card 4111 1111 1111 1112", [("CARD", "4111 1111 1111 1112")]),
        ("pay GB 29 NWBK 6016 1331 9268 19 now", [("IBAN", "GB 29 NWBK 6016 1331 9268 19")]),
        ("jane.doe [at] example [dot] co.uk", [("EMAIL", "jane.doe [at] example [dot] co.uk")]),
        ("jane at example dot com", [("EMAIL", "jane at example dot com")]),
        ('"jane doe"@example.com', [("EMAIL", '"jane doe"@example.com')]),
        ("fe80::1%eth0, ::1 and std::a::b", [("IP", "fe80::1%eth0"), ("IP", "::1")]),
        ("version 1.2.3.4 of 10.0.0.1", [("IP", "10.0.0.1")]),
        ("on 2024-05-01 09:30:00", [("DATE", "2024-05-01 09:30:00")]),
        (
            "3rd of May 2021, May 5, 12/25/23",
            [("DATE", "3rd of May 2021"), ("DATE", "May 5"), ("DATE", "12/25/23")],
        ),
        ("QQ123456C and 756.9217.0769.85", [("ID", "QQ123456C"), ("ID", "756.9217.0769.85")]),
        ("exp 09/27, cvv 123", [("DATE", "09/27"), ("ID", "123")]),
        ("since 1998, on Friday", [("DATE", "1998"), ("DATE", "Friday")]),
    ],
)
def test_what_is_found(text: str, found: list[tuple[str, str]]) -> None:
    assert kinds(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "press 12 at 4.5 bar",
        "pump 7 at 83.2 degrees, order 4711, 12:30",
        "part 100-200-3000, drawing 100-200-300, item 4711-22",
        "flow 120-130-1400 mm, meter 0123 456 m3",
        "serial 1700000000000, version 10.2.3.4, alarm at 23:59:01",
        "may 5 people come, 3/4 of 1,249.00, 120/80",
        "It was dissolved in 1970 when it merged with three others"[17:],
        "@since1938 at line 3",
    ],
)
def test_what_a_plant_writes_is_left_alone(text: str) -> None:
    assert [found for found in kinds(text) if found[0] != "DATE"] == []


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
        "call " * 1600,
        "account number " * 500 + "1",
        "a at b dot " * 700,
        "1/" * 4000,
        "may " * 2000,
    ]
    begun = time.process_time()
    for text in texts:
        find_patterns(text)
    assert time.process_time() - begun < 5
