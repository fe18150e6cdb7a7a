"""Texts in which persons, places and the like are marked: presidio-research and three sets in the CoNLL form."""

from __future__ import annotations

import json
import re
from pathlib import Path

from specialists.forge.sources.values import MarkedText, Span


def presidio(data: Path) -> list[MarkedText]:
    """Return the synthetic texts of presidio-research with their PII spans.

    `group` is the template, the text with {} for each value: its two files number the same templates differently.
    """
    found = []
    for name in ("generated_large.json", "synth_dataset_v2.json"):
        for row in json.loads((data / "presidio_research" / name).read_text("utf-8")):
            spans = (Span(s["start_position"], s["end_position"], s["entity_type"]) for s in row["spans"])
            ordered = tuple(sorted(spans, key=lambda span: span.start))
            template = " ".join(re.sub(r"\{\{.*?\}\}", "{}", row["masked"]).lower().split())
            found.append(MarkedText(str(row["full_text"]), ordered, template))
    return found


def conll(path: Path) -> list[MarkedText]:
    """Return the sentences of a CoNLL file (token first, tag last), as text with spans."""
    sentences: list[list[tuple[str, str]]] = [[]]
    for line in path.read_text("utf-8").splitlines():
        columns = line.split()
        if len(columns) < 2:
            sentences.append([])
        elif columns[0] != "-DOCSTART-":
            sentences[-1].append((columns[0], columns[-1]))
    return [_joined(rows, f"{path.stem}:{n}") for n, rows in enumerate(sentences) if rows]


def named_entities(data: Path) -> dict[str, list[MarkedText]]:
    """Return the sentences of WNUT17 (train, dev, test), BTC and wikigold."""
    root = data / "ner/data"
    wnut = root / "WNUT17/CONLL-format/data"
    return {
        "wnut17_train": conll(wnut / "train/wnut17train.conll"),
        "wnut17_dev": conll(wnut / "dev/emerging.dev.conll"),
        "wnut17_test": conll(wnut / "test/emerging.test.annotated"),
        "btc": [m for file in sorted((root / "BTC/CONLL-format/data").glob("*.conll")) for m in conll(file)],
        "wikigold": conll(root / "wikigold/CONLL-format/data/wikigold.conll.txt"),
    }


def _joined(rows: list[tuple[str, str]], group: str) -> MarkedText:
    text, spans, open_span = "", [], None
    for token, tag in rows:
        start = len(text) + (1 if text else 0)
        text = f"{text} {token}" if text else token
        kind = tag[2:] if tag[:2] in ("B-", "I-") else ""
        if open_span and (tag[0] != "I" or open_span.kind != kind):
            spans.append(open_span)
            open_span = None
        if kind:
            open_span = Span(open_span.start if open_span else start, len(text), kind)
    return MarkedText(text, (*spans, *([open_span] if open_span else [])), group)
