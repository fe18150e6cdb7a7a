"""Placeholders such as [PERSON_1] in the place of personal data: what is the same in a text has the same one.

So who reads the text on can tell persons apart and follow them, and knows nobody. Numbers count per type and text:
they say nothing across texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from specialists.kinds.patterns import Found

_TITLES: Final = frozenset({"dr", "mr", "mrs", "ms", "miss", "prof", "sir", "madam"})
_WORDS: Final = re.compile(r"[^\W_]+(?:[-'\u2019](?!s\b)[^\W_]+)*")
_HELD: Final = re.compile(r"\[([A-Z]{2,16})_(\d{1,4})\]")
_PERSON: Final = "PERSON"


def placeholders_in(text: str, types: Iterable[str]) -> list[Found]:
    """Return the placeholders of `types` that a text holds already, as one that was redacted before does."""
    known = frozenset(types)
    return [Found(*m.span(), m[1], 1.0) for m in _HELD.finditer(text) if m[1] in known]


def placeholders(text: str, spans: Sequence[Found], held: Sequence[Found] = ()) -> list[str]:
    """Return a placeholder per span; numbers that `held` ones have are not given again.

    Two spans of a type have one placeholder if they have the same letters and digits, whatever the case; persons also
    if all the words of one are among the words of the other, and of no third person's: `Dr Keller` is `Maria Keller`
    as long as there is no `Tom Keller`.
    """
    last: dict[str, int] = {}
    for span in held:
        number = int(text[span.start : span.end].rstrip("]").rpartition("_")[2])
        last[span.kind] = max(last.get(span.kind, 0), number)
    known: dict[str, dict[int, frozenset[str]]] = {}
    out = []
    for span in spans:
        words = _words(text[span.start : span.end], span.kind)
        seen = known.setdefault(span.kind, {})
        number = _same(words, seen, span.kind)
        if not number:
            number = last[span.kind] = last.get(span.kind, 0) + 1
        seen[number] = seen.get(number, frozenset()) | words
        out.append(f"[{span.kind}_{number}]")
    return out


def replaced(text: str, spans: Sequence[Found], tokens: Sequence[str]) -> str:
    """Return `text` with the token of each span in its place; spans are in order and do not overlap."""
    pieces, at = [], 0
    for span, token in zip(spans, tokens, strict=True):
        pieces += [text[at : span.start], token]
        at = span.end
    return "".join([*pieces, text[at:]])


def _words(text: str, kind: str) -> frozenset[str]:
    if kind == _PERSON:
        words = frozenset(_WORDS.findall(text.casefold()))
        return words - _TITLES or words
    return frozenset({"".join(c for c in text.casefold() if c.isalnum())})


def _same(words: frozenset[str], seen: dict[int, frozenset[str]], kind: str) -> int:
    """Return the number of the one that is meant, or 0."""
    for number, others in seen.items():
        if words == others:
            return number
    if kind != _PERSON or not words:
        return 0
    near = [number for number, others in seen.items() if others and (words <= others or others <= words)]
    return near[0] if len(near) == 1 else 0
