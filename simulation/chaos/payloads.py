"""What callers send in an experiment, and what the right answer to it is. Pure; callers, nodes and judge share it.

A payload is its own marker: no two requests have the same, so whatever is seen of it anywhere can be traced back.
"""

from __future__ import annotations

import hashlib
from typing import Final

POISONS: Final = ("kill", "hang")
"""What a poisoned payload does to whatever runs it: end it at once, or never come back."""
_POISON: Final = "poison-"
_SLOWEST_MS: Final = 60
_LONGEST: Final = 200


def marker(caller: str, number: int, poison: str = "") -> str:
    """Return the payload number `number` of a caller."""
    return f"{_POISON}{poison}/{caller}/{number:06}" if poison else f"{caller}/{number:06}"


def poison_of(payload: str) -> str:
    """Return what a payload does to its node, empty if nothing."""
    kind = payload.partition("/")[0].removeprefix(_POISON)
    return kind if payload.startswith(_POISON) and kind in POISONS else ""


def answer_to(payload: str) -> str:
    """Return the right answer: one that no node can give that has not seen the payload."""
    return f"{hashlib.blake2b(payload.encode(), digest_size=8).hexdigest()} {payload}"


def digest_of(answer: object) -> str:
    """Return what a history keeps of an answer: itself if it is short, so that a wrong one can be read."""
    text = answer if isinstance(answer, str) else repr(answer)
    return text if len(text) <= _LONGEST else hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def right_digest(payload: str) -> str | None:
    """Return the digest of the right answer; None for a poisoned payload, to which there is none."""
    return None if poison_of(payload) else digest_of(answer_to(payload))


def work_s(payload: str) -> float:
    """Return how long a node works on a payload: 1 to 60 ms, the same whenever it is run again."""
    return (1 + hashlib.blake2b(payload.encode(), digest_size=1).digest()[0] % _SLOWEST_MS) / 1000
