"""The words of a text, and what a tagger says of each: from tokens to marked parts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from specialists.engine.tokenize import UNKNOWN, Tokens
from specialists.kinds.patterns import Found

Chances = npt.NDArray[np.float64]

NUMBERS: Final = frozenset({"ID", "PHONE", "CARD", "IBAN", "IP"})
_APOSTROPHES: Final = frozenset("'\u2019")
_WORD: Final = re.compile(r"\w+")
# Two marked words of one type are one part if no more than this stands between them.
_GAP: Final = re.compile(r"[\s,.'\u2019/&#-]{0,3}")


@dataclass(frozen=True, slots=True)
class Units:
    """The words of a text: characters [start, end) of each, what its most suspicious token may be, and its tokens.

    `chances` are [words, types]; `digits` says of each word whether it has one, `pieces` counts its tokens.
    """

    spans: list[tuple[int, int]]
    chances: Chances
    digits: npt.NDArray[np.bool_]
    pieces: list[int]


def units_of(text: str, tokens: Tokens, chances: Chances, types: Sequence[str]) -> Units:
    """Return the words that have tokens; `chances` are those of the tokens, [tokens, types].

    A word without a digit is never of a type of `NUMBERS`: a word beside a number is often taken for one.
    """
    totals = chances.sum(axis=1).tolist()
    offsets = tokens.offsets
    spans, picked, pieces = [], [], []
    place = 0
    for match in _WORD.finditer(text):
        start, end = match.span()
        while place < len(offsets) and offsets[place][1] <= start:
            place += 1
        stop = place
        while stop < len(offsets) and offsets[stop][0] < end:
            stop += 1
        if stop > place:
            spans.append((start, end))
            picked.append(max(range(place, stop), key=totals.__getitem__))
            pieces.append(stop - place)
    digits = np.array([any(map(str.isdigit, text[start:end])) for start, end in spans], dtype=bool)
    numbers = np.array([kind in NUMBERS for kind in types], dtype=bool)
    found = chances[picked]
    found[np.ix_(~digits, numbers)] = 0.0
    return Units(spans, found, digits, pieces)


def marked(text: str, units: Units, likely: npt.NDArray[np.bool_], types: Sequence[str]) -> list[Found]:
    """Return the parts of words that are `likely`, neighbours of one type, or of one number, joined."""
    best = units.chances.argmax(axis=1).tolist() if units.spans else []
    groups: list[list[int]] = []
    for place, flag in enumerate(likely):
        if not flag and not (place and likely[place - 1] and _is_rest(text, *units.spans[place - 1])):
            continue
        if groups and groups[-1][-1] == place - 1 and _belong(text, units, best, place):
            groups[-1].append(place)
        else:
            groups.append([place])
    return [_joined(units, group, types) for group in groups]


def unreadable(text: str, tokens: Tokens, scripts: frozenset[str]) -> bool:
    """Say whether `text` has letters of other scripts than those learned, or that the vocabulary lacks.

    A script is the first word of a letter's Unicode name, such as LATIN.
    """
    if not text.isascii() and any(
        c.isalpha() and unicodedata.name(c, "").partition(" ")[0] not in scripts for c in text if c > "\x7f"
    ):
        return True
    if UNKNOWN not in tokens.ids:
        return False
    pairs = zip(tokens.ids, tokens.offsets, strict=True)
    return any(token == UNKNOWN and any(c.isalnum() for c in text[a:b]) for token, (a, b) in pairs)


def merged(certain: Sequence[Found], likely: Sequence[Found]) -> list[Found]:
    """Return all spans in order, overlapping ones as one that covers both.

    It has the type of the `certain` one, whatever the score of the `likely` one: what a pattern names is not guessed.
    """
    out: list[tuple[bool, Found]] = []
    spans = [*((True, span) for span in certain), *((False, span) for span in likely)]
    for sure, span in sorted(spans, key=lambda pair: (pair[1].start, pair[1].end)):
        if out and span.start < out[-1][1].end:
            before, last = out.pop()
            better = max((before, last.score, last), (sure, span.score, span), key=lambda entry: entry[:2])[2]
            whole = Found(last.start, max(last.end, span.end), better.kind, better.score)
            out.append((before or sure, whole))
        else:
            out.append((sure, span))
    return [span for _, span in out]


def inside(units: Units, spans: Sequence[Found]) -> list[bool]:
    """Say of each word whether a span of `spans` (in order, not overlapping) covers it."""
    out, place = [], 0
    for start, end in units.spans:
        while place < len(spans) and spans[place].end <= start:
            place += 1
        out.append(place < len(spans) and spans[place].start <= start and end <= spans[place].end)
    return out


def _belong(text: str, units: Units, best: Sequence[int], place: int) -> bool:
    """Say whether a word and the one before it are one part: of one type, or of one number."""
    before, start = units.spans[place - 1][1], units.spans[place][0]
    if not _GAP.fullmatch(text, before, start):
        return False
    number = start - before <= 1 and text[before - 1].isdigit() and text[start].isdigit()
    rest = _is_rest(text, *units.spans[place - 1])
    return number or rest or best[place] == best[place - 1]


def _is_rest(text: str, start: int, end: int) -> bool:
    """Say whether the word after this one is the rest of it, as in O'Brien."""
    return end - start == 1 and text[end : end + 1] in _APOSTROPHES


def _joined(units: Units, group: list[int], types: Sequence[str]) -> Found:
    sums = units.chances[group].sum(axis=0)
    kind = int(sums.argmax())
    score = float(units.chances[group].sum(axis=1).max())
    return Found(units.spans[group[0]][0], units.spans[group[-1]][1], types[kind], score)
