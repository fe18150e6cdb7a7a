"""Requests and their intents: CLINC150 and HWU64."""

from __future__ import annotations

import json
from pathlib import Path

from specialists.forge.sources.values import Utterances


def clinc150(data: Path) -> dict[str, Utterances]:
    """Return the splits train, val, test and oos_train, oos_val, oos_test (label `oos`) of CLINC150."""
    raw = json.loads((data / "clinc150/data/data_full.json").read_text("utf-8"))
    return {
        name: Utterances(*(tuple(column) for column in zip(*rows, strict=True))) for name, rows in raw.items()
    }


def hwu64_texts(data: Path) -> list[str]:
    """Return the training utterances of HWU64, without their labels."""
    file = data / "hwu64/RasaNlu_Merged_KFold_1_2018_03_22-13_01_25_169.json"
    rows = json.loads(file.read_text("utf-8"))["rasa_nlu_data"]["common_examples"]
    return [str(row["text"]) for row in rows]
