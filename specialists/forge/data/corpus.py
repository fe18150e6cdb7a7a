"""Labelled texts, ready for a task: in three parts, with what was found about them, and hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from specialists.forge.data.findings import Finding
from specialists.forge.data.split import PARTS

_SUMMARY: Final = "data.json"


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts, the label of each, and the number of the row of the file that it came from."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    rows: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, slots=True)
class Corpus:
    """Labelled texts in three parts. `classes` are the labels of the training part, sorted.

    `digest` is "sha256:" and the hash of the three parts as `save` writes them: of what was used, not of the file.
    """

    parts: Mapping[str, Texts]
    classes: tuple[str, ...]
    findings: tuple[Finding, ...]
    files: tuple[Mapping[str, object], ...]
    digest: str

    @property
    def train(self) -> Texts:
        """What may be learned from."""
        return self.parts["train"]

    @property
    def validation(self) -> Texts:
        """What decisions are made on."""
        return self.parts["validation"]

    @property
    def test(self) -> Texts:
        """What is looked at once, at the end."""
        return self.parts["test"]

    def save(self, folder: Path) -> None:
        """Write train.jsonl, validation.jsonl, test.jsonl and data.json (classes, counts, findings, files, digest)."""
        for name, part in self.parts.items():
            (folder / f"{name}.jsonl").write_bytes(_lines(part))
        summary = {
            "classes": list(self.classes),
            "counts": {name: len(part) for name, part in self.parts.items()},
            "findings": [finding.as_json() for finding in self.findings],
            "files": [dict(file) for file in self.files],
            "digest": self.digest,
        }
        (folder / _SUMMARY).write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", "utf-8")


def load_corpus(folder: Path) -> Corpus:
    """Return what `Corpus.save` wrote."""
    summary = json.loads((folder / _SUMMARY).read_text("utf-8"))
    parts = {name: _read_lines(folder / f"{name}.jsonl") for name in PARTS}
    return Corpus(
        MappingProxyType(parts),
        tuple(summary["classes"]),
        tuple(Finding(f["severity"], f["sentence"], f["code"]) for f in summary["findings"]),
        tuple(summary["files"]),
        summary["digest"],
    )


def corpus_of(
    parts: Mapping[str, Texts], findings: Sequence[Finding], files: Sequence[Mapping[str, object]]
) -> Corpus:
    """Return the corpus of three given parts, such as those of a public data set with a split of its own."""
    whole = hashlib.sha256()
    for name in PARTS:
        whole.update(_lines(parts[name]))
    classes = tuple(sorted(set(parts["train"].labels)))
    ordered = MappingProxyType({name: parts[name] for name in PARTS})
    return Corpus(ordered, classes, tuple(findings), tuple(files), "sha256:" + whole.hexdigest())


def _lines(part: Texts) -> bytes:
    rows = zip(part.texts, part.labels, part.rows, strict=True)
    lines = (json.dumps({"text": t, "label": y, "row": n}, ensure_ascii=False) + "\n" for t, y, n in rows)
    return "".join(lines).encode("utf-8", "replace")


def _read_lines(path: Path) -> Texts:
    rows = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
    columns = ([row[name] for row in rows] for name in ("text", "label", "row"))
    texts, labels, numbers = map(tuple, columns)
    return Texts(texts, labels, numbers)
