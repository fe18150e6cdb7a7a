"""Personal data that has a form of its own: patterns, and checksums where the form has one.

The model beside them finds what only the sentence tells. A pattern with a checksum is as good as certain, so it wins
over the model.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

_CARD_DIGITS: Final = range(13, 20)
_PHONE_DIGITS: Final = range(7, 16)
# Areas that are never assigned: 000, 666 and 900 to 999.
_SSN_AREAS: Final = frozenset(range(1, 900)) - {666}


@dataclass(frozen=True, slots=True)
class Found:
    """Characters `start` to `end` (exclusive) are of type `kind`, with probability `score`."""

    start: int
    end: int
    kind: str
    score: float


def luhn(text: str) -> bool:
    """Say whether 13 to 19 digits (other characters ignored) pass the checksum of ISO/IEC 7812."""
    digits = [int(c) for c in text if c.isascii() and c.isdigit()]
    if len(digits) not in _CARD_DIGITS or not any(digits):
        return False
    total = sum(d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(reversed(digits)))
    return total % 10 == 0


def iban(text: str) -> bool:
    """Say whether `text` (spaces ignored, any case) passes the checksum of ISO 13616."""
    plain = re.sub(r"\s", "", text).upper()
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", plain):
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def ip_address(text: str) -> bool:
    """Say whether `text` is an IPv4 or IPv6 address other than `::`."""
    try:
        return bool(int(ipaddress.ip_address(text)))
    except ValueError:
        return False


def phone(text: str) -> bool:
    """Say whether a run of digits and separators has as many digits as a telephone number (ITU-T E.164)."""
    return sum(c.isdigit() for c in text) in _PHONE_DIGITS


def social_security(text: str) -> bool:
    """Say whether ddd-dd-dddd is in the range that the US social security administration assigns."""
    area, group, serial = (int(part) for part in re.split(r"[- ]", text))
    return area in _SSN_AREAS and group > 0 and serial > 0


_RULES: Final[tuple[tuple[str, float, re.Pattern[str], Callable[[str], bool]], ...]] = (
    ("EMAIL", 1.0, re.compile(r"[\w.+%'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"), bool),
    (
        "IBAN",
        1.0,
        re.compile(r"(?i)(?<!\w)[a-z]{2}\d{2}(?:[ ]?[a-z0-9]{4}){2,7}(?:[ ]?[a-z0-9]{1,3})?(?!\w)"),
        iban,
    ),
    ("CARD", 1.0, re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])"), luhn),
    ("IP", 1.0, re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)"), ip_address),
    ("IP", 1.0, re.compile(r"(?i)(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])"), ip_address),
    ("ID", 0.99, re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"), social_security),
    ("PHONE", 0.97, re.compile(r"(?<![\w.])(?:\+|00)[1-9]\d{0,2}(?:[ .()/-]{0,2}\d){6,14}(?!\w)"), phone),
    ("PHONE", 0.95, re.compile(r"(?<![\w.])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?:x\d{1,6})?(?!\w)"), phone),
)


def find_patterns(text: str) -> list[Found]:
    """Return what the patterns find, in order and without overlaps; an earlier rule wins over a later one."""
    taken: list[Found] = []
    for found in _matches(text):
        if not any(found.start < other.end and other.start < found.end for other in taken):
            taken.append(found)
    return sorted(taken, key=lambda found: found.start)


def _matches(text: str) -> Iterator[Found]:
    for kind, score, form, check in _RULES:
        for match in form.finditer(text):
            size = _passing(match.group(), check)
            if size:
                yield Found(match.start(), match.start() + size, kind, score)


def _passing(text: str, check: Callable[[str], bool]) -> int:
    """Return how much of `text` passes: all, or less of the groups at its end, which may be the next words."""
    while text and not check(text):
        text = text.rpartition(" ")[0]
    return len(text)
