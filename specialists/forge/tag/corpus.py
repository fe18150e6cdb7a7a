"""Marked texts, checked and in three parts, as files between stages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from specialists.forge.data.split import PARTS
from specialists.forge.sources.values import MarkedText, Span
from specialists.forge.tag.inventory import Inventory

_NAMES: Final = "names.json"


@dataclass(frozen=True, slots=True)
class TagCorpus:
    """What is learned from (`train`), chosen by (`validation`) and measured on (`test`), and other texts.

    `unlabelled` are further texts for distillation, without marks.
    """

    train: tuple[MarkedText, ...]
    validation: tuple[MarkedText, ...]
    test: tuple[MarkedText, ...]
    inventory: Inventory
    unlabelled: tuple[str, ...] = ()

    def save(self, folder: Path) -> None:
        """Write a file of JSON lines for each part, and one with the names of tags and intents."""
        for name, part in zip(PARTS, (self.train, self.validation, self.test), strict=True):
            write_texts(folder / f"{name}.jsonl", part)
        _write(folder / "unlabelled.jsonl", ({"text": text} for text in self.unlabelled))
        names = {"tags": self.inventory.tags, "intents": self.inventory.intents}
        (folder / _NAMES).write_text(json.dumps(names, ensure_ascii=False, indent=1), "utf-8")


def load_corpus(folder: Path) -> TagCorpus:
    """Return what `TagCorpus.save` wrote."""
    names = json.loads((folder / _NAMES).read_text("utf-8"))
    train, validation, test = (tuple(read_texts(folder / f"{name}.jsonl")) for name in PARTS)
    unlabelled = tuple(str(row["text"]) for row in _read(folder / "unlabelled.jsonl"))
    return TagCorpus(
        train, validation, test, Inventory(tuple(names["tags"]), tuple(names["intents"])), unlabelled
    )


def write_texts(path: Path, texts: Iterable[MarkedText]) -> None:
    """Write marked texts as JSON lines, without their groups."""
    _write(path, (_as_json(text) for text in texts))


def read_texts(path: Path) -> list[MarkedText]:
    """Return what `write_texts` wrote."""
    return [_from_json(row) for row in _read(path)]


def _as_json(text: MarkedText) -> Mapping[str, object]:
    return {
        "text": text.text,
        "spans": [[span.start, span.end, span.kind] for span in text.spans],
        **({"intent": text.intent} if text.intent else {}),
    }


def _from_json(row: Mapping[str, object]) -> MarkedText:
    spans = row["spans"]
    assert isinstance(spans, list), "spans is a list"
    return MarkedText(
        str(row["text"]), tuple(Span(*span) for span in spans), intent=str(row.get("intent", ""))
    )


def _write(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def _read(path: Path) -> list[Mapping[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
