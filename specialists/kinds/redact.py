"""`redact`: text -> text.redacted, in which personal data is replaced by placeholders such as [PERSON].

A model tags each token; patterns with checksums stand beside it. What a specialist leaks cannot be called back, so a
word is replaced as soon as it may well be personal, and where a word that stays is in doubt, the answer is unsure and
claims to have removed nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from hive.errors import HiveError
from specialists.engine.base import Array
from specialists.engine.tokenize import UNKNOWN, Tokens, padded
from specialists.kinds.base import Answer, Inputs, Parts, names, needed, setting
from specialists.kinds.calibrated import Chances, softmax
from specialists.kinds.patterns import Found, find_patterns
from specialists.kinds.shapes import shapes
from specialists.kinds.texts import Text, TextReader
from specialists.kinds.way import Feeds, Way

_UNIT: Final = re.compile(r"\w+|[^\w\s]")
# Two marked words of one type are one span if no more than this stands between them.
_GAP: Final = re.compile(r"[\s,.'\u2019/&#-]{0,3}")


@dataclass(frozen=True, slots=True)
class Unit:
    """A word or sign of the text and the probabilities of the types that are replaced, in their order."""

    start: int
    end: int
    chances: Chances

    @property
    def chance(self) -> float:
        """The probability that it is personal data of any type."""
        return float(self.chances.sum())


class Redact:
    """Replaces personal data.

    Manifest: `preprocess.max_tokens`, `max_chars` and `scripts` that it reads (LATIN); `postprocess.tags` in the
    model's order, `postprocess.replace`, the tags that are replaced, and `postprocess.only_with_digits`, those replaced
    only where a digit is in them; `calibration.temperature`, `replace_from` (probability from which a word is replaced)
    and `doubt_from` (from which a word that stays makes the answer unsure).
    """

    def __init__(self, parts: Parts) -> None:
        """Read the settings; raise HiveError(manifest_invalid) if one is missing."""
        manifest = parts.manifest
        self._reader = TextReader(parts, whole=True)
        self._way = Way(
            needed(parts.engine, "an engine", manifest.kind),
            prepare=self._reader.read,
            size=lambda text: text.size,
            feeds=_feeds,
            shapes=self._shapes,
            finish=self._redact,
        )
        tags = names(manifest.postprocess, "tags", "postprocess")
        self._tags = len(tags)
        self._replace = names(manifest.postprocess, "replace", "postprocess")
        if unknown := set(self._replace) - set(tags):
            raise HiveError(
                "manifest_invalid", f"`postprocess.replace` names {sorted(unknown)}, which are no tags."
            )
        self._columns = [tags.index(tag) for tag in self._replace]
        self._numeric = frozenset(names(manifest.postprocess, "only_with_digits", "postprocess"))
        self._is_numeric = np.array([tag in self._numeric for tag in self._replace])
        self._scripts = frozenset(names(manifest.preprocess, "scripts", "preprocess"))
        self._temperature = setting(manifest.calibration, "temperature", "calibration")
        self._replace_from = setting(manifest.calibration, "replace_from", "calibration")
        self._doubt_from = setting(manifest.calibration, "doubt_from", "calibration")
        self._removes = manifest.removes

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Return a `text.redacted` per text; spans are characters of the original text.

        Confidence is the probability that nothing personal was left, if words are judged independently; it is 0 where
        the text has letters of other scripts.
        """
        return self._way.answer(batch)

    def sample(self) -> Inputs:
        """Return a sentence that names somebody."""
        return {self._reader.input: "Please call Maria Keller in Lisbon on +351 21 000 0000."}

    def _shapes(self, feeds: Feeds) -> list[tuple[int, ...]]:
        return [(*feeds["ids"].shape, self._tags)]

    def _redact(self, texts: Sequence[Text], outputs: Sequence[Array]) -> list[Answer]:
        chances = softmax(outputs[0], self._temperature)[:, :, self._columns]
        return [self._verdict(item, rows[: item.size]) for item, rows in zip(texts, chances, strict=True)]

    def _verdict(self, item: Text, chances: Chances) -> Answer:
        units = list(units_of(item.text, item.tokens, chances))
        spans = merged([*find_patterns(item.text), *self._spans(item.text, units)])
        left = [chance_left(item.text, unit, self._is_numeric) for unit in units if not _inside(unit, spans)]
        blind = unreadable(item.text, item.tokens, self._scripts)
        confidence = 0.0 if blind else float(np.prod([1.0 - chance for chance in left]))
        unsure = blind or max(left, default=0.0) >= self._doubt_from
        output = {
            "text": replaced(item.text, spans),
            "spans": [
                {"start": s.start, "end": s.end, "type": s.kind, "score": round(s.score, 4)} for s in spans
            ],
        }
        return Answer(
            output, min(1.0, max(0.0, confidence)), unsure, frozenset() if unsure else self._removes
        )

    def _spans(self, text: str, units: list[Unit]) -> Iterator[Found]:
        """Join marked units of one type; a date such as `Monday`, without a digit, is nobody's."""
        marked = [unit for unit in units if unit.chance >= self._replace_from and is_word(text, unit)]
        groups: list[list[Unit]] = [[unit] for unit in marked[:1]]
        for before, unit in pairwise(marked):
            if _belong(text, before, unit):
                groups[-1].append(unit)
            else:
                groups.append([unit])
        for group in groups:
            kind = self._replace[int(np.sum([unit.chances for unit in group], axis=0).argmax())]
            found = Found(group[0].start, group[-1].end, kind, max(unit.chance for unit in group))
            if kind not in self._numeric or re.search(r"\d", text[found.start : found.end]):
                yield found


def _feeds(texts: Sequence[Text]) -> Feeds:
    forms = [shapes(item.text, item.tokens) for item in texts]
    return {"ids": padded([item.tokens.ids for item in texts]), "shapes": padded(forms)}


def units_of(text: str, tokens: Tokens, chances: Chances) -> Iterator[Unit]:
    """Yield the words and signs of `text`, each with the chances [types] of its most suspicious token."""
    totals = chances.sum(axis=1)
    place = 0
    for match in _UNIT.finditer(text):
        start, end = match.span()
        while place < len(tokens.offsets) and tokens.offsets[place][1] <= start:
            place += 1
        stop = place
        while stop < len(tokens.offsets) and tokens.offsets[stop][0] < end:
            stop += 1
        if stop > place:
            yield Unit(start, end, chances[place + int(totals[place:stop].argmax())])


def chance_left(text: str, unit: Unit, numeric: npt.NDArray[np.bool_]) -> float:
    """Return the probability that a unit that stays is personal after all.

    `numeric` marks the types that are replaced only where a digit is in them; signs alone tell nothing.
    """
    if not is_word(text, unit):
        return 0.0
    if re.search(r"\d", text[unit.start : unit.end]):
        return unit.chance
    return float(unit.chances[~numeric].sum())


def _belong(text: str, before: Unit, unit: Unit) -> bool:
    """Say whether two marked units are one span: of one type, or parts of one number."""
    if not _GAP.fullmatch(text, before.end, unit.start):
        return False
    number = text[before.end - 1].isdigit() and text[unit.start].isdigit() and unit.start - before.end <= 1
    return number or bool(before.chances.argmax() == unit.chances.argmax())


def is_word(text: str, unit: Unit) -> bool:
    """Say whether a unit is more than a sign."""
    return any(c.isalnum() for c in text[unit.start : unit.end])


def unreadable(text: str, tokens: Tokens, scripts: frozenset[str]) -> bool:
    """Say whether `text` has letters of other scripts than those learned, or that the vocabulary lacks.

    A script is the first word of a letter's Unicode name, such as LATIN.
    """
    if any(
        c.isalpha() and unicodedata.name(c, "").partition(" ")[0] not in scripts for c in text if c > "\x7f"
    ):
        return True
    pairs = zip(tokens.ids, tokens.offsets, strict=True)
    return any(token == UNKNOWN and any(c.isalnum() for c in text[a:b]) for token, (a, b) in pairs)


def merged(spans: Sequence[Found]) -> list[Found]:
    """Return spans in order, overlapping ones as one that covers both, with the type of the likelier one."""
    out: list[Found] = []
    for span in sorted(spans, key=lambda s: (s.start, s.end)):
        if out and span.start < out[-1].end:
            last = out.pop()
            better = last if last.score >= span.score else span
            out.append(Found(last.start, max(last.end, span.end), better.kind, better.score))
        else:
            out.append(span)
    return out


def replaced(text: str, spans: Sequence[Found]) -> str:
    """Return `text` with `[TYPE]` in the place of each span."""
    pieces, at = [], 0
    for span in spans:
        pieces += [text[at : span.start], f"[{span.kind}]"]
        at = span.end
    return "".join([*pieces, text[at:]])


def _inside(unit: Unit, spans: Sequence[Found]) -> bool:
    return any(span.start <= unit.start and unit.end <= span.end for span in spans)
