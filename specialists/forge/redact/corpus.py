"""Texts with marked personal data from several corpora, in one set of tags, split so that nothing leaks.

The corpora do not mark the same things: a tweet marked for persons, places and organisations says nothing of the
dates in it. So each mark, and the rest of each text, carries the set of tags that it may have; training asks for one
of these, and measuring counts only what a corpus does say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zlib import crc32

from specialists.forge.sources.entities import named_entities, presidio
from specialists.forge.sources.intents import hwu64
from specialists.forge.sources.values import MarkedText

OUTSIDE: Final = "O"
TAGS: Final = (
    OUTSIDE, "PERSON", "LOCATION", "ORGANIZATION", "DATE", "ID", "EMAIL", "PHONE", "CARD", "IBAN", "IP",
)  # fmt: skip
EVERY: Final = frozenset(TAGS)
_PLAIN: Final = frozenset({OUTSIDE})
_NER_OUTSIDE: Final = EVERY - {"PERSON", "LOCATION", "ORGANIZATION"}
_PRESIDIO: Final = {
    "PERSON": "PERSON", "LOCATION": "LOCATION", "GPE": "LOCATION", "ADDRESS": "LOCATION",
    "STREET_ADDRESS": "LOCATION", "ZIP_CODE": "LOCATION", "ORGANIZATION": "ORGANIZATION", "DATE_TIME": "DATE",
    "US_SSN": "ID", "US_DRIVER_LICENSE": "ID", "EMAIL_ADDRESS": "EMAIL", "PHONE_NUMBER": "PHONE",
    "CREDIT_CARD": "CARD", "IBAN_CODE": "IBAN", "IP_ADDRESS": "IP",
}  # fmt: skip
_NER: Final = {
    "PER": "PERSON", "person": "PERSON", "LOC": "LOCATION", "location": "LOCATION",
    "ORG": "ORGANIZATION", "group": "ORGANIZATION", "corporation": "ORGANIZATION",
}  # fmt: skip
_HWU: Final = {
    "person": {"PERSON"}, "artist_name": {"PERSON", "ORGANIZATION", OUTSIDE}, "audiobook_author": {"PERSON"},
    "place_name": {"LOCATION"}, "business_name": {"ORGANIZATION"}, "email_address": {"EMAIL"},
    "date": {"DATE", OUTSIDE}, "radio_name": {"ORGANIZATION", OUTSIDE},
    "transport_agency": {"ORGANIZATION", OUTSIDE}, "podcast_name": {"ORGANIZATION", "PERSON", OUTSIDE},
    "transport_name": {"ORGANIZATION", OUTSIDE},
}  # fmt: skip
_VAGUE_PLACES: Final = re.compile(r"\b(our|my|this|here|local|area|city|near|world|town|state|country)\b")
# Templates with this share of their words in common are one: some differ in a quotation mark alone.
_TWINS: Final = 0.6


@dataclass(frozen=True, slots=True)
class Mark:
    """Characters `start` to `end` (exclusive), what the corpus calls them, and the tags that they may have."""

    start: int
    end: int
    kind: str
    allowed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Example:
    """A text, its marks in order, the tags that the rest may have, the corpus, and the template or document."""

    text: str
    marks: tuple[Mark, ...]
    outside: frozenset[str]
    source: str
    group: str = ""

    def options(self, start: int, end: int) -> frozenset[str]:
        """Return the tags that characters `start` to `end` may have."""
        for mark in self.marks:
            if mark.start < end and start < mark.end:
                return mark.allowed
        return self.outside


@dataclass(frozen=True, slots=True)
class Splits:
    """Examples to train on, to choose thresholds on, and to measure on."""

    train: list[Example]
    check: list[Example]
    test: list[Example]


def gather(folder: Path) -> Splits:
    """Return every public corpus, split by template, document or official split."""
    splits = Splits([], [], [])
    _presidio(folder, splits)
    for name, texts in named_entities(folder).items():
        for place, text in enumerate(texts):
            fold = {"wnut17_test": 0, "wnut17_dev": 2, "wnut17_train": 5}.get(name, place // 20 % 10)
            example = example_of(text, _NER, _NER_OUTSIDE, name.split("_")[0], f"{name}:{place // 20}")
            _part(splits, {0: 0, 2: 1}.get(fold, 2)).append(example)
    for split, texts in hwu64(folder).items():
        for place, text in enumerate(texts):
            part = 0 if split == "test" else 1 if place % 15 == 0 else 2
            _part(splits, part).append(_request(text, f"hwu64:{place}"))
    return splits


def example_of(
    text: MarkedText, names: Mapping[str, str], outside: frozenset[str], source: str, group: str
) -> Example:
    """Return `text` with its spans named by `names`; what has no name there is no personal data of a known type."""
    marks = tuple(
        Mark(s.start, s.end, s.kind, frozenset({names.get(s.kind, OUTSIDE)}))
        for s in sorted(text.spans, key=lambda span: span.start)
    )
    return Example(text.text, marks, outside, source, group)


def patterns_of(examples: Iterable[Example]) -> list[str]:
    """Return the sentences of completely marked `examples` with `{TAG}` in the place of each personal part."""
    return sorted({_pattern(e) for e in examples if e.outside == _PLAIN and e.source == "presidio"})


def template_parts(templates: Sequence[str]) -> dict[str, int]:
    """Return the part of each template: 0 test, 1 check, 2 train; one that is like one of an earlier part joins it."""
    words = {t: frozenset(re.findall(r"\w+", t)) for t in templates}
    parts = {t: {0: 0, 1: 0, 2: 1}.get(crc32(t.encode()) % 10, 2) for t in templates}
    for one in templates:
        for two in templates:
            common = len(words[one] & words[two])
            if parts[two] > parts[one] and common >= _TWINS * len(words[one] | words[two]) > 0:
                parts[two] = parts[one]
    return parts


def _part(splits: Splits, part: int) -> list[Example]:
    return (splits.test, splits.check, splits.train)[part]


def _presidio(folder: Path, splits: Splits) -> None:
    texts = presidio(folder)
    parts = template_parts(sorted({text.group for text in texts}))
    for text in texts:
        example = example_of(text, _PRESIDIO, _PLAIN, "presidio", text.group)
        _part(splits, parts[text.group]).append(example)


def _request(text: MarkedText, group: str) -> Example:
    marks = tuple(
        Mark(s.start, s.end, s.kind, _hwu_tags(s.kind, text.text[s.start : s.end]))
        for s in text.spans
        if s.kind in _HWU
    )
    return Example(text.text, marks, _PLAIN, "hwu64", group)


def _hwu_tags(slot: str, value: str) -> frozenset[str]:
    if slot == "place_name" and _VAGUE_PLACES.search(value.lower()):
        return frozenset({OUTSIDE, "LOCATION"})
    return frozenset(_HWU[slot])


def _pattern(example: Example) -> str:
    out, at = "", 0
    for mark in example.marks:
        (tag,) = mark.allowed
        out += example.text[at : mark.start]
        out += example.text[mark.start : mark.end] if tag == OUTSIDE else "{" + tag + "}"
        at = mark.end
    return out + example.text[at:]
