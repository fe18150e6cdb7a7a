"""What a classifier is made from: labelled texts in three parts, unlabelled texts, and texts of no class."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from hive.errors import HiveError
from specialists.forge.data.corpus import Corpus, Texts, corpus_of, load_corpus
from specialists.forge.data.normal import normalised
from specialists.forge.data.request import reading_of, text_files_of
from specialists.forge.data.sample import drawn
from specialists.forge.data.text_files import TextFiles, labelled_texts
from specialists.forge.pipeline.cache import content_hash
from specialists.forge.recipe import DataPart
from specialists.forge.sources.intents import clinc150, hwu64_texts
from specialists.forge.sources.notes import mts_dialogues, mts_notes
from specialists.forge.sources.values import Utterances

_BESIDE: Final = "beside.json"
PARTS: Final = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that the later stages read. `outside` maps the three parts to texts of no class; each may be empty."""

    corpus: Corpus
    unlabelled: tuple[str, ...]
    outside: Mapping[str, tuple[str, ...]]

    def save(self, folder: Path) -> None:
        """Write it into `folder`."""
        self.corpus.save(folder)
        beside = {"unlabelled": self.unlabelled, "outside": dict(self.outside)}
        (folder / _BESIDE).write_text(json.dumps(beside, ensure_ascii=False, indent=0) + "\n", "utf-8")

    def numbers(self, part: Texts) -> list[int]:
        """Return the class number of each text of a part."""
        order = {name: n for n, name in enumerate(self.corpus.classes)}
        return [order[label] for label in part.labels]


def load_material(folder: Path) -> Material:
    """Return what `Material.save` wrote."""
    beside = json.loads((folder / _BESIDE).read_text("utf-8"))
    outside = {part: tuple(texts) for part, texts in beside["outside"].items()}
    return Material(load_corpus(folder), tuple(beside["unlabelled"]), outside)


def gather(data: DataPart, root: Path | None, seed: int) -> Material:
    """Return the material that a recipe's `data` names.

    Raises HiveError: data_invalid for files that cannot be learned from, recipe_invalid for a source without labels.
    """
    unlabelled = [text for name in data.also for text in _texts_of(name, root)]
    unlabelled += _loose(data.unlabelled, data, seed) if data.unlabelled else []
    if data.source:
        corpus, outside = _public(data.source, root)
    else:
        corpus = labelled_texts(_files(data), seed)
        outside = dict.fromkeys(PARTS, ())
    if data.outside:
        outside = _three(_loose(data.outside, data, seed), seed)
    # Neither is learned twice, nor is anything learned about a text that is kept aside.
    known = {normalised(text) for part in corpus.parts.values() for text in part.texts}
    fresh = (text for text in unlabelled if normalised(text) not in known)
    return Material(corpus, tuple(dict.fromkeys(fresh)), outside)


def _files(data: DataPart) -> TextFiles:
    if data.path is None:
        raise HiveError(
            "recipe_invalid", "`data` names neither a `source` nor a `path`. Say where the texts are."
        )
    return text_files_of(data)


def _public(name: str, root: Path | None) -> tuple[Corpus, dict[str, tuple[str, ...]]]:
    if root is not None and name == "clinc150":
        splits = clinc150(root)
        parts = {"train": splits["train"], "validation": splits["val"], "test": splits["test"]}
        outside = {part: splits[f"oos_{_short(part)}"].texts for part in PARTS}
        return _corpus(name, parts, root), outside
    if root is not None and name == "mts_dialog":
        return _corpus(name, mts_notes(root), root), dict.fromkeys(PARTS, ())
    raise HiveError(
        "recipe_invalid", f"`data.source`: {name} has no labelled texts; clinc150 and mts_dialog have."
    )


def _corpus(name: str, parts: Mapping[str, Utterances], root: Path) -> Corpus:
    known = set(parts["train"].labels)
    kept = {}
    for part, rows in parts.items():
        pairs = [
            (t, y, n) for n, (t, y) in enumerate(zip(rows.texts, rows.labels, strict=True)) if y in known
        ]
        texts, labels, numbers = (tuple(column) for column in zip(*pairs, strict=True))
        kept[part] = Texts(texts, labels, numbers)
    count = sum(len(part) for part in kept.values())
    return corpus_of(kept, (), [{"name": name, "rows": count, "sha256": content_hash(root / name)}])


def _texts_of(name: str, root: Path | None) -> Sequence[str]:
    if root is not None and name == "hwu64":
        return hwu64_texts(root)
    if root is not None and name == "mts_dialog":
        return mts_dialogues(root)["train"].texts
    if root is not None and name == "clinc150":
        return clinc150(root)["train"].texts
    raise HiveError("recipe_invalid", f"`data.also`: {name} has no texts to learn from.")


def _loose(path: str, data: DataPart, seed: int) -> list[str]:
    """Return the texts of a file that needs no labels."""
    files = TextFiles(Path(path), text=data.columns.get("text"), reading=reading_of(data), needs_label=False)
    corpus = labelled_texts(files, seed)
    return [text for part in PARTS for text in corpus.parts[part].texts]


def _three(texts: Sequence[str], seed: int) -> dict[str, tuple[str, ...]]:
    """Return the texts in three parts: half to learn from, a quarter each to choose by and to measure on."""
    order = drawn(texts, seed).argsort(kind="stable")
    ends = (0, len(texts) // 2, len(texts) * 3 // 4, len(texts))
    cuts = zip(PARTS, pairwise(ends), strict=True)
    return {part: tuple(texts[i] for i in sorted(order[begin:end])) for part, (begin, end) in cuts}


def _short(part: str) -> str:
    return {"validation": "val"}.get(part, part)
