"""Requests and their intents: CLINC150 and HWU64."""

from __future__ import annotations

import json
from pathlib import Path

from specialists.forge.sources.values import MarkedText, Span, Utterances


def clinc150(data: Path) -> dict[str, Utterances]:
    """Return the splits train, val, test and oos_train, oos_val, oos_test (label `oos`) of CLINC150."""
    raw = json.loads((data / "clinc150/data/data_full.json").read_text("utf-8"))
    return {
        name: Utterances(*(tuple(column) for column in zip(*rows, strict=True))) for name, rows in raw.items()
    }


def hwu64(data: Path) -> dict[str, list[MarkedText]]:
    """Return the splits train and test (fold 1) of HWU64: requests with their intent and the spans of their slots."""
    names = {"train": "RasaNlu_Merged_KFold_1", "test": "RasaNluTestset_Merged"}
    # By name, since a folder is read in no order of its own.
    return {split: _rasa(min((data / "hwu64").glob(f"{name}_*.json"))) for split, name in names.items()}


def hwu64_texts(data: Path) -> list[str]:
    """Return the training utterances of HWU64, without their labels."""
    return [row.text for row in hwu64(data)["train"]]


def _rasa(file: Path) -> list[MarkedText]:
    found = []
    for row in json.loads(file.read_text("utf-8"))["rasa_nlu_data"]["common_examples"]:
        spans = (Span(slot["start"], slot["end"], slot["entity"]) for slot in row["entities"])
        ordered = tuple(sorted(spans, key=lambda span: span.start))
        found.append(MarkedText(str(row["text"]), ordered, intent=str(row["intent"])))
    return found
