"""Marked texts in which each part carries the set of tags that it may have, and their files between stages.

Corpora do not mark the same things: a tweet marked for persons, places and organisations says nothing of the dates in
it. So training asks for one of the permitted tags, and measuring counts only what a corpus does say.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from specialists.forge.sources.values import MarkedText

OUTSIDE: Final = "O"
TAGS: Final = (
    OUTSIDE, "PERSON", "LOCATION", "ORGANIZATION", "DATE", "ID", "EMAIL", "PHONE", "CARD", "IBAN", "IP",
)  # fmt: skip
EVERY: Final = frozenset(TAGS)
PLAIN: Final = frozenset({OUTSIDE})
PARTS: Final = ("train", "validation", "test")
_TAGS_FILE: Final = "tags.json"
_UNLABELLED: Final = "unlabelled"


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
    """Examples to train on, to choose by, and to measure on; texts without marks; the tags, "outside" first."""

    train: list[Example] = field(default_factory=list)
    validation: list[Example] = field(default_factory=list)
    test: list[Example] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)
    tags: tuple[str, ...] = TAGS

    def part(self, number: int) -> list[Example]:
        """Return a part: 0 test, 1 validation, else train."""
        return {0: self.test, 1: self.validation}.get(number, self.train)

    def save(self, folder: Path) -> None:
        """Write a file of JSON lines for each part, and one with the tags."""
        for name, part in zip(PARTS, (self.train, self.validation, self.test), strict=True):
            _write(folder / f"{name}.jsonl", map(_as_json, part))
        _write(folder / f"{_UNLABELLED}.jsonl", ({"text": text} for text in self.unlabelled))
        (folder / _TAGS_FILE).write_text(json.dumps(self.tags) + "\n", "utf-8")


def load_splits(folder: Path) -> Splits:
    """Return what `Splits.save` wrote."""
    train, validation, test = ([_from_json(row) for row in _read(folder / f"{name}.jsonl")] for name in PARTS)
    unlabelled = [str(row["text"]) for row in _read(folder / f"{_UNLABELLED}.jsonl")]
    return Splits(
        train, validation, test, unlabelled, tuple(json.loads((folder / _TAGS_FILE).read_text("utf-8")))
    )


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
    whole = (e for e in examples if e.outside == PLAIN and all(len(mark.allowed) == 1 for mark in e.marks))
    return sorted(
        {_pattern(e) for e in whole if any(mark.allowed != PLAIN for mark in e.marks) and "{" not in e.text}
    )


def _pattern(example: Example) -> str:
    out, at = "", 0
    for mark in example.marks:
        (tag,) = mark.allowed
        out += example.text[at : mark.start]
        out += example.text[mark.start : mark.end] if tag == OUTSIDE else "{" + tag + "}"
        at = mark.end
    return out + example.text[at:]


def _as_json(example: Example) -> dict[str, object]:
    return {
        "text": example.text,
        "marks": [[m.start, m.end, m.kind, sorted(m.allowed)] for m in example.marks],
        "outside": sorted(example.outside),
        "source": example.source,
        "group": example.group,
    }


def _from_json(row: Mapping[str, object]) -> Example:
    marks, outside = row["marks"], row["outside"]
    assert isinstance(marks, list), "marks is a list"
    assert isinstance(outside, list), "outside is a list"
    read = tuple(Mark(start, end, kind, frozenset(allowed)) for start, end, kind, allowed in marks)
    return Example(str(row["text"]), read, frozenset(outside), str(row["source"]), str(row["group"]))


def _write(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _read(path: Path) -> Sequence[Mapping[str, object]]:
    # Not splitlines: a text may hold a line separator of Unicode, which JSON does not escape.
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
