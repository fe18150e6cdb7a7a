"""The stage `data` of the task: marked texts of a public data set or of a user's files, checked and in three parts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from hive.errors import HiveError
from specialists.forge.data.files import find_file
from specialists.forge.data.findings import Findings
from specialists.forge.data.request import reading_of, refuse_unread
from specialists.forge.data.split import PARTS
from specialists.forge.data.text_files import TextFiles, labelled_texts
from specialists.forge.pipeline.cache import content_hash
from specialists.forge.pipeline.lineage import DATA_SUMMARY
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.sources.folders import folder_of
from specialists.forge.sources.intents import clinc150, hwu64
from specialists.forge.sources.values import MarkedText
from specialists.forge.tag.corpus import TagCorpus
from specialists.forge.tag.prepare import TagFiles, corpus_of, marked_texts

Read = TypeVar("Read")

SOURCES: Final[Mapping[str, Callable[[Path], Mapping[str, list[MarkedText]]]]] = {"hwu64": hwu64}
"""Public data sets with marks, by name; each reader returns the parts that the set itself has."""
TEXTS: Final[Mapping[str, Callable[[Path], list[str]]]] = {
    "clinc150": lambda root: list(clinc150(root)["train"].texts)
}
"""Public data sets whose texts may be used beside, without labels."""


def gather(bench: Workbench) -> None:
    """Write the corpus, and say what was found about it."""
    findings = Findings()
    corpus = _corpus(bench, findings)
    corpus = replace(corpus, unlabelled=tuple(_unlabelled(bench)))
    corpus.save(bench.folder)
    (bench.folder / DATA_SUMMARY).write_text(json.dumps(_summary(bench, corpus), indent=1) + "\n", "utf-8")
    for finding in findings.items:
        bench.say(finding.sentence)
    counts = [f"{len(part):,}" for part in (corpus.train, corpus.validation, corpus.test)]
    bench.say(
        f"{counts[0]} texts to learn from, {counts[1]} to choose by, {counts[2]} to measure on; "
        f"{len(corpus.inventory.tags) // 2} types, {len(corpus.inventory.intents)} intents."
    )


def _corpus(bench: Workbench, findings: Findings) -> TagCorpus:
    data = bench.recipe.data
    refuse_unread("tag", data, "outside")
    if data.source:
        return corpus_of(_reader(data.source, SOURCES, bench), bench.seed, findings)
    if not data.path:
        raise HiveError(
            "recipe_invalid", "`data` needs a `path`, or the name of a public data set as `source`."
        )
    validation, test = (find_file(path) if path else None for path in (data.validation, data.test))
    files = TagFiles(find_file(data.path), validation, test, data.columns, reading_of(data))
    return marked_texts(files, bench.seed, findings)


def _summary(bench: Workbench, corpus: TagCorpus) -> dict[str, object]:
    """Return what the lineage tells of the data: a hash of what is used, the rows of each part, the files."""
    data = bench.recipe.data
    whole = hashlib.sha256()
    for name in PARTS:
        whole.update((bench.folder / f"{name}.jsonl").read_bytes())
    files = [find_file(path) for path in (data.path, data.validation, data.test, data.unlabelled) if path]
    return {
        "digest": f"sha256:{whole.hexdigest()}",
        "counts": dict(zip(PARTS, map(len, (corpus.train, corpus.validation, corpus.test)), strict=True)),
        "files": [{"name": path.name, "sha256": content_hash(path)} for path in files],
    }


def _unlabelled(bench: Workbench) -> list[str]:
    """Return texts without marks: of the file that the recipe names, and of public data sets beside."""
    data = bench.recipe.data
    found = [text for name in data.also for text in _reader(name, TEXTS, bench)]
    if data.unlabelled:
        text = data.columns.get("text")
        files = TextFiles(find_file(data.unlabelled), text=text, reading=reading_of(data), needs_label=False)
        corpus = labelled_texts(files, bench.seed)
        found += [text for part in corpus.parts.values() for text in part.texts]
    return found


def _reader(name: str, readers: Mapping[str, Callable[[Path], Read]], bench: Workbench) -> Read:
    """Return what the reader of the public data set `name` reads."""
    folder = folder_of(name, bench.data_root)
    if name not in readers or folder is None:
        raise HiveError(
            "recipe_invalid",
            f"The task `tag` cannot read {name!r}; it reads {', '.join(readers)} and your own files.",
        )
    return readers[name](folder.parent)
