"""Texts with marked personal data from several corpora, in one set of tags, split so that nothing leaks.

The corpora do not mark the same things: a tweet marked for persons, places and organisations says nothing of the
dates in it. So each token carries the set of tags that it may have, and training asks only for one of these.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from zlib import crc32

from specialists.engine.tokenize import TextTokenizer
from specialists.forge.persons import Inventor
from specialists.forge.sources.entities import named_entities
from specialists.forge.sources.values import MarkedText, Span
from specialists.kinds.shapes import shapes

TAGS: Final = (
    "O", "PERSON", "LOCATION", "ORGANIZATION", "DATE", "ID", "EMAIL", "PHONE", "CARD", "IBAN", "IP",
)  # fmt: skip
MAX_TOKENS: Final = 160
EVERY: Final = frozenset(TAGS)
_OUTSIDE_NER: Final = EVERY - {"PERSON", "LOCATION", "ORGANIZATION"}
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
    "person": {"PERSON"}, "artist_name": {"PERSON", "ORGANIZATION", "O"}, "audiobook_author": {"PERSON"},
    "place_name": {"LOCATION"}, "business_name": {"ORGANIZATION"}, "email_address": {"EMAIL"},
    "date": {"DATE", "O"}, "radio_name": {"ORGANIZATION", "O"}, "transport_agency": {"ORGANIZATION", "O"},
    "podcast_name": {"ORGANIZATION", "PERSON", "O"}, "transport_name": {"ORGANIZATION", "O"},
}  # fmt: skip
_VAGUE_PLACES: Final = re.compile(r"\b(our|my|this|here|local|area|city|near|world|town|state|country)\b")


@dataclass(frozen=True, slots=True)
class Example:
    """A text, its spans, the tags that each span may have, and the tags that the rest may have."""

    text: str
    spans: tuple[Span, ...]
    allowed: tuple[frozenset[str], ...]
    outside: frozenset[str]
    source: str

    def options(self, start: int, end: int) -> frozenset[str]:
        """Return the tags that characters `start` to `end` may have."""
        for span, allowed in zip(self.spans, self.allowed, strict=True):
            if span.start < end and start < span.end:
                return allowed
        return self.outside


@dataclass(frozen=True, slots=True)
class Row:
    """One example as numbers: token ids, shapes, and the tags that each token may have."""

    ids: list[int]
    shapes: list[int]
    tags: list[list[float]]


@dataclass(frozen=True, slots=True)
class Splits:
    """Examples to train on, to choose thresholds on, and to measure on; and the sentence patterns of `train`."""

    train: list[Example]
    check: list[Example]
    test: list[Example]
    patterns: list[str]


def gather(folder: Path) -> Splits:
    """Return every corpus, split by template, document or official split."""
    splits = Splits([], [], [], [])
    for row in json_presidio(folder):
        example = _example(row[0], _PRESIDIO, frozenset({"O"}), "presidio")
        part = crc32(row[1].encode()) % 10
        target = splits.test if part < 2 else splits.check if part == 2 else splits.train
        target.append(example)
        if target is splits.train:
            splits.patterns.append(_pattern(example))
    for name, texts in named_entities(folder).items():
        for place, text in enumerate(texts):
            fold = {"wnut17_test": 0, "wnut17_dev": 2, "wnut17_train": 5}.get(name, place // 20 % 10)
            target = splits.test if fold == 0 else splits.check if fold == 2 else splits.train
            target.append(_example(text, _NER, _OUTSIDE_NER, name.split("_")[0]))
    for file, parts in (("RasaNlu_Merged_KFold_1", "train"), ("RasaNluTestset_Merged", "test")):
        for place, example in enumerate(_hwu(folder / f"hwu64/{file}_2018_03_22-13_01_25_169.json")):
            target = splits.test if parts == "test" else splits.check if place % 15 == 0 else splits.train
            target.append(example)
    return splits


def made_up(splits: Splits, count: int, rng: random.Random) -> list[Example]:
    """Return `count` sentences of the training patterns with new personal data."""
    known: dict[str, list[str]] = {"PERSON": [], "LOCATION": [], "ORGANIZATION": []}
    for example in splits.train:
        for span, allowed in zip(example.spans, example.allowed, strict=True):
            kind = next(iter(allowed)) if len(allowed) == 1 else ""
            value = example.text[span.start : span.end]
            if kind in known and re.fullmatch(r"[^\W\d_][\w.' -]*", value) and len(value) < 30:
                known[kind].append(
                    " ".join(value.split()).title() if value.islower() else " ".join(value.split())
                )
    inventor = Inventor(known, rng)
    return [
        _example(text, {tag: tag for tag in TAGS}, frozenset({"O"}), "made up")
        for text in inventor.sentences(count, splits.patterns)
    ]


def recased(example: Example, rng: random.Random) -> Example:
    """Return the example in lower case (3 of 10), upper case (1 of 20), or as it is."""
    roll = rng.random()
    text = example.text.lower() if roll < 0.3 else example.text.upper() if roll < 0.35 else example.text
    return replace(example, text=text) if len(text) == len(example.text) else example


def json_presidio(folder: Path) -> Iterable[tuple[MarkedText, str]]:
    """Yield each presidio text with its template, the text in which every value is masked."""
    for name in ("generated_large.json", "synth_dataset_v2.json"):
        rows = json.loads((folder / "presidio_research" / name).read_text("utf-8"))
        for row in rows:
            spans = sorted((s["start_position"], s["end_position"], s["entity_type"]) for s in row["spans"])
            template = " ".join(re.sub(r"\{\{.*?\}\}", "{}", row["masked"]).lower().split())
            yield MarkedText(row["full_text"], tuple(Span(*span) for span in spans)), template


def _example(text: MarkedText, names: dict[str, str], outside: frozenset[str], source: str) -> Example:
    spans = tuple(span for span in text.spans if span.kind in names)
    allowed = tuple(frozenset({names[span.kind]}) for span in spans)
    return Example(text.text, spans, allowed, outside, source)


def _hwu(file: Path) -> Iterable[Example]:
    for row in json.loads(file.read_text("utf-8"))["rasa_nlu_data"]["common_examples"]:
        marks = [e for e in row["entities"] if e["entity"] in _HWU]
        spans = tuple(Span(e["start"], e["end"], e["entity"]) for e in marks)
        allowed = tuple(_hwu_tags(e["entity"], e["value"]) for e in marks)
        yield Example(row["text"], spans, allowed, frozenset({"O"}), "hwu64")


def _hwu_tags(slot: str, value: str) -> frozenset[str]:
    if slot == "place_name" and _VAGUE_PLACES.search(value.lower()):
        return frozenset({"O", "LOCATION"})
    return frozenset(_HWU[slot])


def _pattern(example: Example) -> str:
    out, at = "", 0
    for span, allowed in zip(example.spans, example.allowed, strict=True):
        out += example.text[at : span.start] + "{" + next(iter(allowed)) + "}"
        at = span.end
    return out + example.text[at:]


def row_of(example: Example, tokenizer: TextTokenizer) -> Row:
    """Return the example as numbers."""
    tokens = tokenizer.encode(example.text, MAX_TOKENS)
    allowed = [example.options(start, end) for start, end in tokens.offsets]
    return Row(tokens.ids, shapes(example.text, tokens), [[float(t in a) for t in TAGS] for a in allowed])
