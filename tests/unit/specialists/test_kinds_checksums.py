"""Checksums hold for numbers that issuers publish as examples, and break when a digit is changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from specialists.kinds import checksums


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (checksums.luhn, "5555 5555 5555 4444", "5555 5555 5555 4445"),
        (checksums.luhn, "4111111111111111", "0" * 16),
        (checksums.card, "378282246310005", "378282246310006"),
        (checksums.card, "4222222222222", "9999999999999995"),
        (checksums.iban, "NL91ABNA0417164300", "NL91ABNA0417164301"),
        (checksums.iban, "de89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 0"),
        (checksums.iban, "MT84MALT011000012345MTLCAST001S", "XX84MALT011000012345MTLCAST001S"),
        (checksums.ip_address, "192.168.0.17", "300.1.1.1"),
        (checksums.ip_address, "2001:db8::8a2e:370:7334", "a::b"),
        (checksums.ip_address, "1:2:3:4:5:6:7:8", "0:0:0:0:0:0:0:0"),
        (checksums.social_security, "536-22-8714", "000-22-8714"),
        (checksums.social_security, "912-70-1234", "912-10-1234"),
        (checksums.dni, "12345678Z", "12345678A"),
        (checksums.dni, "X1234567L", "X1234567Z"),
        (checksums.cpf, "111.444.777-35", "111.444.777-36"),
        (checksums.nir, "2 55 08 14 168 025 38", "2 55 08 14 168 025 39"),
        (checksums.verhoeff, "2363", "2364"),
        (checksums.nhs, "943 476 5919", "943 476 5918"),
    ],
)
def test_a_check_passes_what_is_right_and_nothing_else(
    check: Callable[[str], bool], right: str, wrong: str
) -> None:
    assert check(right)
    assert not check(wrong)
