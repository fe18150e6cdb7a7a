"""Clinical notes and the section each belongs to: MTS-Dialog."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

from specialists.forge.sources.values import Utterances

_FILES: Final = {
    "train": "TrainingSet",
    "validation": "ValidationSet",
    "test": "TestSet-1-MEDIQA-Chat-2023",
    "test2": "TestSet-2-MEDIQA-Sum-2023",
}


def mts_notes(data: Path) -> dict[str, Utterances]:
    """Return the splits train, validation, test (both of the published ones) of section texts and their headers."""
    rows = {split: _rows(data, split) for split in _FILES}
    rows["test"] += rows.pop("test2")
    return {
        split: Utterances(
            tuple(row["section_text"] for row in some), tuple(row["section_header"] for row in some)
        )
        for split, some in rows.items()
    }


def mts_dialogues(data: Path) -> dict[str, Utterances]:
    """Return the split train of the conversations that the notes were written after, under the notes' headers."""
    some = _rows(data, "train")
    return {
        "train": Utterances(
            tuple(row["dialogue"] for row in some), tuple(row["section_header"] for row in some)
        )
    }


def _rows(data: Path, split: str) -> list[dict[str, str]]:
    file = data / "mts_dialog/Main-Dataset" / f"MTS-Dialog-{_FILES[split]}.csv"
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return [row for row in csv.DictReader(lines) if row["section_text"].strip()]
