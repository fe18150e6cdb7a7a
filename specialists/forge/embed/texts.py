"""What an embedder is made from: texts in three parts, and labelled ones to see what its vectors are good for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hive.errors import HiveError
from specialists.forge.data.corpus import Corpus, Texts, corpus_of, load_corpus
from specialists.forge.data.request import refuse_unread, text_files_of
from specialists.forge.data.sample import drawn
from specialists.forge.data.text_files import NO_LABEL, labelled_texts
from specialists.forge.pipeline.cache import content_hash
from specialists.forge.recipe import DataPart
from specialists.forge.sources.entities import named_entities, presidio
from specialists.forge.sources.intents import clinc150, hwu64
from specialists.forge.sources.notes import mts_dialogues, mts_notes
from specialists.forge.sources.values import Utterances

_PROBE: Final = "probe.json"
_HELD_OUT: Final = 0.05


@dataclass(frozen=True, slots=True)
class Probe:
    """Labelled texts of a public data set that no stage learns from the labels of."""

    name: str
    train: Utterances
    test: Utterances


def gathered(data: DataPart, root: Path | None, seed: int) -> tuple[Corpus, list[Probe]]:
    """Return the texts that a recipe's `data` names, and what to probe with.

    Raises HiveError: data_invalid for files without texts, recipe_invalid where nothing is named.
    """
    refuse_unread("embed", data, "unlabelled", "outside")
    if data.path is not None:
        return labelled_texts(text_files_of(data, needs_label=False), seed), []
    names = [*([data.source] if data.source else []), *data.also]
    if root is None or not names:
        raise HiveError(
            "recipe_invalid", "`data` names neither a `source` nor a `path`. Say where the texts are."
        )
    texts = list(dict.fromkeys(text for name in names for text in _texts_of(name, root)))
    origins = [{"name": name, "sha256": content_hash(root / name)} for name in names]
    return _parted(texts, origins, seed), _probes(names, root)


def save_probes(folder: Path, probes: list[Probe]) -> None:
    """Write them into `folder`."""
    raw = [
        {"name": p.name, "train": [p.train.texts, p.train.labels], "test": [p.test.texts, p.test.labels]}
        for p in probes
    ]
    (folder / _PROBE).write_text(json.dumps(raw, ensure_ascii=False, indent=0) + "\n", "utf-8")


def load_probes(folder: Path) -> list[Probe]:
    """Return what `save_probes` wrote."""
    raw = json.loads((folder / _PROBE).read_text("utf-8"))
    return [Probe(p["name"], _utterances(p["train"]), _utterances(p["test"])) for p in raw]


def load_texts(folder: Path) -> Corpus:
    """Return the texts of the data stage."""
    return load_corpus(folder)


def _utterances(columns: list[list[str]]) -> Utterances:
    return Utterances(tuple(columns[0]), tuple(columns[1]))


def _parted(texts: list[str], files: list[dict[str, str]], seed: int) -> Corpus:
    place = drawn(texts, seed)
    bounds = {
        "test": (0, _HELD_OUT),
        "validation": (_HELD_OUT, 2 * _HELD_OUT),
        "train": (2 * _HELD_OUT, 1.0),
    }
    parts = {}
    for part, (low, high) in bounds.items():
        rows = [n for n in range(len(texts)) if low <= place[n] < high]
        parts[part] = Texts(tuple(texts[n] for n in rows), (NO_LABEL,) * len(rows), tuple(rows))
    return corpus_of(parts, (), files)


def _texts_of(name: str, root: Path) -> list[str]:
    if name == "clinc150":
        return [text for split in ("train", "oos_train") for text in clinc150(root)[split].texts]
    if name == "hwu64":
        return [row.text for row in hwu64(root)["train"]]
    if name == "mts_dialog":
        lines = [line for text in mts_dialogues(root)["train"].texts for line in text.splitlines()]
        return [text.strip() for text in (*mts_notes(root)["train"].texts, *lines) if text.strip()]
    if name == "presidio_research":
        return [row.text for row in presidio(root)]
    if name == "ner":
        return [
            row.text for split, rows in named_entities(root).items() if "test" not in split for row in rows
        ]
    raise HiveError("recipe_invalid", f"`data`: {name} has no texts to learn from.")


def _probes(names: list[str], root: Path) -> list[Probe]:
    found = []
    if "clinc150" in names:
        splits = clinc150(root)
        found.append(Probe("clinc150", splits["train"], splits["test"]))
    if "hwu64" in names:
        train, test = (
            Utterances(tuple(row.text for row in rows), tuple(row.intent for row in rows))
            for rows in (hwu64(root)["train"], hwu64(root)["test"])
        )
        found.append(Probe("hwu64", train, test))
    return found
