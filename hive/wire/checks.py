"""Checks of field values that came from a peer. Each returns the value to keep or raises ValueError."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

Check = Callable[[object], object]

U8_MAX: Final = 2**8 - 1
U16_MAX: Final = 2**16 - 1
U32_MAX: Final = 2**32 - 1
U64_MAX: Final = 2**64 - 1
TEXT_MAX: Final = 4096
LIST_MAX: Final = 4096
TIME_MAX: Final = 2**62
_POWERS: Final = {2**bits - 1: f"2^{bits}-1" for bits in (32, 64)} | {TIME_MAX: "2^62"}


def integer(low: int, high: int) -> Check:
    """Accept an int within [low, high]; a bool is not an int here."""

    def check(value: object) -> object:
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"want an integer from {low} to {high}, got {value!r:.60}")
        return value

    check.__doc__ = f"integer {low} to {_POWERS.get(high, high)}"
    return check


def number(value: object) -> object:
    """Accept a finite float or an int."""
    if type(value) is int:
        return float(value)
    if type(value) is not float or not math.isfinite(value):
        raise ValueError(f"want a finite number, got {value!r:.60}")
    return value


def text(value: object) -> object:
    """Accept a string of at most TEXT_MAX characters."""
    if type(value) is not str or len(value) > TEXT_MAX:
        raise ValueError(f"want a string of at most {TEXT_MAX} characters, got {value!r:.60}")
    return value


def blob(value: object) -> object:
    """Accept bytes."""
    if type(value) is not bytes:
        raise ValueError(f"want bytes, got {value!r:.60}")
    return value


def flag(value: object) -> object:
    """Accept a bool."""
    if type(value) is not bool:
        raise ValueError(f"want a boolean, got {value!r:.60}")
    return value


def document(value: object) -> object:
    """Accept a map with string keys."""
    if type(value) is not dict or not all(type(key) is str for key in value):
        raise ValueError(f"want a map with string keys, got {value!r:.60}")
    return value


def anything(value: object) -> object:
    """Accept any value that msgpack can carry."""
    return value


def ids(value: object) -> object:
    """Accept a map from strings to 16-bit ids."""
    checked = document(value)
    assert isinstance(checked, dict)
    for item in checked.values():
        if type(item) is not int or not 0 <= item <= U16_MAX:
            raise ValueError(f"want 16-bit ids, got {item!r:.60}")
    return checked


def sequence(item: Check, most: int = LIST_MAX) -> Check:
    """Accept an array of at most `most` items that `item` accepts; return it as a tuple."""

    def check(value: object) -> object:
        if type(value) not in (list, tuple) or len(value) > most:  # type: ignore[arg-type]
            raise ValueError(f"want an array of at most {most} items, got {value!r:.60}")
        return tuple(item(v) for v in value)  # type: ignore[attr-defined]

    check.__doc__ = f"array of at most {most}: {form(item)}"
    return check


def record(*items: Check) -> Check:
    """Accept an array with exactly these items; return it as a tuple."""

    def check(value: object) -> object:
        if type(value) not in (list, tuple) or len(value) != len(items):  # type: ignore[arg-type]
            raise ValueError(f"want an array of {len(items)} items, got {value!r:.60}")
        return tuple(item(v) for item, v in zip(items, value, strict=True))  # type: ignore[call-overload]

    check.__doc__ = f"array [{', '.join(map(form, items))}]"
    return check


def form(check: Check) -> str:
    """Return what a check accepts, as the specification of the wire protocol writes it."""
    return _FORMS.get(check) or str(check.__doc__)


_FORMS: Final[dict[Check, str]] = {
    number: "number",
    text: "string",
    blob: "bytes",
    flag: "boolean",
    document: "map",
    anything: "any",
    ids: "map of string to integer 0 to 65535",
}
