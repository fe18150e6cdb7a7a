"""The public corpora of personal data in one set of tags, split so that nothing leaks."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final
from zlib import crc32

from specialists.forge.redact.examples import EVERY, OUTSIDE, PLAIN, Example, Mark, Splits, example_of
from specialists.forge.sources.entities import named_entities, presidio
from specialists.forge.sources.intents import clinc150, hwu64
from specialists.forge.sources.values import MarkedText

SOURCES: Final = ("presidio_research", "ner", "hwu64", "clinc150", "mts_dialog")
"""What this task reads of the public data sets; the last two have no marks."""
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
_SENTENCE: Final = range(16, 300)


def gather(folder: Path, names: Collection[str] = SOURCES) -> Splits:
    """Return the public corpora `names`, which lie in `folder`, split by template, document or official split."""
    splits = Splits()
    if "presidio_research" in names:
        _presidio(folder, splits)
    if "ner" in names:
        _ner(folder, splits)
    if "hwu64" in names:
        _requests(folder, splits)
    if "clinc150" in names:
        splits.unlabelled.extend(clinc150(folder)["train"].texts[::2])
    if "mts_dialog" in names:
        splits.unlabelled.extend(_notes(folder))
    return splits


def template_parts(templates: Sequence[str]) -> dict[str, int]:
    """Return the part of each template: 0 test, 1 validation, 2 train; one that is like one of a part joins it."""
    words = {t: frozenset(re.findall(r"\w+", t)) for t in templates}
    parts = {t: {0: 0, 1: 0, 2: 1}.get(crc32(t.encode()) % 10, 2) for t in templates}
    for one in templates:
        for two in templates:
            common = len(words[one] & words[two])
            if parts[two] > parts[one] and common >= _TWINS * len(words[one] | words[two]) > 0:
                parts[two] = parts[one]
    return parts


def _presidio(folder: Path, splits: Splits) -> None:
    texts = presidio(folder)
    parts = template_parts(sorted({text.group for text in texts}))
    for text in texts:
        splits.part(parts[text.group]).append(example_of(text, _PRESIDIO, PLAIN, "presidio", text.group))


def _ner(folder: Path, splits: Splits) -> None:
    for name, texts in named_entities(folder).items():
        for place, text in enumerate(texts):
            fold = {"wnut17_test": 0, "wnut17_dev": 2, "wnut17_train": 5}.get(name, place // 20 % 10)
            example = example_of(text, _NER, _NER_OUTSIDE, name.split("_")[0], f"{name}:{place // 20}")
            splits.part({0: 0, 2: 1}.get(fold, 2)).append(example)


def _requests(folder: Path, splits: Splits) -> None:
    for split, texts in hwu64(folder).items():
        for place, text in enumerate(texts):
            part = 0 if split == "test" else 1 if place % 15 == 0 else 2
            splits.part(part).append(_request(text, f"hwu64:{place}"))


def _request(text: MarkedText, group: str) -> Example:
    marks = tuple(
        Mark(s.start, s.end, s.kind, _slot_tags(s.kind, text.text[s.start : s.end]))
        for s in text.spans
        if s.kind in _HWU
    )
    return Example(text.text, marks, PLAIN, "hwu64", group)


def _slot_tags(slot: str, value: str) -> frozenset[str]:
    if slot == "place_name" and _VAGUE_PLACES.search(value.lower()):
        return frozenset({OUTSIDE, "LOCATION"})
    return frozenset(_HWU[slot])


def _notes(folder: Path) -> list[str]:
    """Return sentences from the clinical notes of MTS-Dialog, every third."""
    notes: list[str] = []
    with (folder / "mts_dialog/Main-Dataset/MTS-Dialog-TrainingSet.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            lines = [*re.split(r"(?<=[.?!])\s+", row["section_text"]), *row["dialogue"].splitlines()]
            notes += [line.strip() for line in lines if len(line) in _SENTENCE]
    return notes[::3]
