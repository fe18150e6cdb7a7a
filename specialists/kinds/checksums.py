"""Checks that the issuers of numbers publish: what passes one is hardly ever anything else."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

_CARD_DIGITS: Final = range(12, 20)
# The ranges of issuers (ISO/IEC 7812): a long number that begins otherwise is no payment card.
_ISSUER: Final = re.compile(
    r"4|0604|5[0-9]|6[0-9]|3[04-9]|2131|1800|220[0-4]|22[2-9]|2[3-6]|27[01]|2720|81|9792"
)
_IBAN_FORM: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_IBAN_DIGITS: Final = 8
# Lengths in the IBAN registry (ISO 13616).
_IBAN_LENGTHS: Final = {
    **dict.fromkeys(("NO",), 15), **dict.fromkeys(("BE", "BI"), 16),
    **dict.fromkeys(("DK", "FI", "FO", "GL", "NL", "SD", "FK"), 18), **dict.fromkeys(("MK", "SI"), 19),
    **dict.fromkeys(("AT", "BA", "EE", "KZ", "LT", "LU", "XK", "MN"), 20),
    **dict.fromkeys(("CH", "CR", "HR", "LI", "LV"), 21),
    **dict.fromkeys(("BG", "BH", "DE", "GB", "GE", "IE", "ME", "RS", "VA"), 22),
    **dict.fromkeys(("AE", "GI", "IL", "IQ", "TL", "OM", "SO"), 23),
    **dict.fromkeys(("AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"), 24),
    **dict.fromkeys(("PT", "ST", "LY"), 25), **dict.fromkeys(("IS", "TR"), 26),
    **dict.fromkeys(("DJ", "FR", "GR", "IT", "MC", "MR", "SM"), 27),
    **dict.fromkeys(("AL", "AZ", "BY", "CY", "DO", "EG", "GT", "HU", "LB", "NI", "PL", "SV"), 28),
    **dict.fromkeys(("BR", "PS", "QA", "UA"), 29), **dict.fromkeys(("JO", "KW", "MU", "YE"), 30),
    **dict.fromkeys(("MT", "SC"), 31), "LC": 32, "RU": 33,
}  # fmt: skip
# Areas that are never assigned are 000 and 666; from 900 on they are taxpayers' numbers, with groups from 50 on.
_SSN_UNUSED: Final = frozenset({0, 666})
_TAXPAYERS: Final = 900
_TAXPAYER_GROUPS: Final = range(50, 100)
_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_ORDER: Final = 5
# The permutation of Verhoeff's code (1969), and below the dihedral group of ten elements.
_SHUFFLE: Final = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def digits_of(text: str) -> list[int]:
    """Return the ASCII digits of `text`."""
    return [int(c) for c in text if c.isascii() and c.isdigit()]


def luhn(text: str) -> bool:
    """Say whether the digits of `text` pass the checksum of ISO/IEC 7812."""
    digits = digits_of(text)
    total = sum(d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(reversed(digits)))
    return any(digits) and total % 10 == 0


def card(text: str) -> bool:
    """Say whether `text` has 12 to 19 digits of an issuer's range that pass the checksum."""
    digits = "".join(map(str, digits_of(text)))
    return len(digits) in _CARD_DIGITS and bool(_ISSUER.match(digits)) and luhn(digits)


def iban(text: str) -> bool:
    """Say whether `text` (spaces and dashes ignored, any case) has the length and the checksum of ISO 13616."""
    plain = re.sub(r"[\s-]", "", text).upper()
    if len(plain) != _IBAN_LENGTHS.get(plain[:2]) or len(digits_of(plain)) < _IBAN_DIGITS:
        return False
    if not _IBAN_FORM.fullmatch(plain):
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def ip_address(text: str) -> bool:
    """Say whether `text` is an IPv4 address, or an IPv6 address that is written in full or in use (RFC 4291)."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address) or ("::" not in text and int(address)):
        return bool(int(address))
    # What is shortened may be anything, such as `a::b` in a program, so it must lie in a range that is assigned.
    return int(address) == 1 or any(address in network for network in _NETWORKS)


_NETWORKS: Final = tuple(
    map(
        ipaddress.IPv6Network,
        ("2000::/3", "fc00::/7", "fe80::/10", "ff00::/8", "::ffff:0:0/96", "64:ff9b::/96"),
    )
)


def social_security(text: str) -> bool:
    """Say whether ddd-dd-dddd is in a range that the United States assign to persons or to taxpayers."""
    area, group, serial = (int(part) for part in re.split(r"[-. ]", text))
    if area >= _TAXPAYERS:
        return group in _TAXPAYER_GROUPS
    return area not in _SSN_UNUSED and group > 0 and serial > 0


def dni(text: str) -> bool:
    """Say whether a Spanish DNI or NIE has the right letter."""
    plain = re.sub(r"[\s.-]", "", text).upper()
    number = plain[:-1].translate(str.maketrans("XYZ", "012"))
    return number.isdigit() and _DNI_LETTERS[int(number) % 23] == plain[-1]


def cpf(text: str) -> bool:
    """Say whether the eleven digits of a Brazilian CPF have the right two at their end."""
    digits = digits_of(text)
    for count in (9, 10):
        total = sum(d * (count + 1 - i) for i, d in enumerate(digits[:count]))
        if digits[count] != total * 10 % 11 % 10:
            return False
    return len(set(digits)) > 1


def nir(text: str) -> bool:
    """Say whether the fifteen digits of a French NIR have the right two at their end (2A and 2B are Corsica)."""
    plain = re.sub(r"\s", "", text).upper().replace("2A", "19").replace("2B", "18")
    return plain.isdigit() and 97 - int(plain[:13]) % 97 == int(plain[13:])


def verhoeff(text: str) -> bool:
    """Say whether the digits of `text` pass Verhoeff's checksum, as those of an Indian Aadhaar number do."""
    check = 0
    for place, digit in enumerate(reversed(digits_of(text))):
        shuffled = digit
        for _ in range(place % 8):
            shuffled = _SHUFFLE[shuffled]
        check = _dihedral(check, shuffled)
    return check == 0


def nhs(text: str) -> bool:
    """Say whether the ten digits of a number of the British NHS have the right one at their end (modulus 11)."""
    digits = digits_of(text)
    total = sum(d * (10 - i) for i, d in enumerate(digits[:9]))
    return (11 - total % 11) % 11 == digits[9] and any(digits)


def _dihedral(one: int, two: int) -> int:
    turned, other = one >= _ORDER, two >= _ORDER
    angle = one - two if turned else one + two
    return angle % _ORDER + (_ORDER if turned != other else 0)
