"""The stage `data`: public corpora by name, or a user's own marked texts, in one set of tags and three parts."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Final

from hive.errors import HiveError
from specialists.forge.data.files import find_file
from specialists.forge.data.findings import Findings
from specialists.forge.data.request import reading_of, refuse_unread
from specialists.forge.data.text_files import TextFiles, labelled_texts
from specialists.forge.pipeline.lineage import DATA_SUMMARY
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.recipe import DataPart
from specialists.forge.redact.corpus import SOURCES, gather
from specialists.forge.redact.examples import OUTSIDE, PARTS, PLAIN, TAGS, Splits, example_of
from specialists.forge.redact.invented import Invented
from specialists.forge.tag.prepare import TagFiles, marked_texts

OWN: Final = "own"
_EACH: Final = 25
# What people call the types that this task knows; a type of another name becomes a tag of its own.
_SYNONYMS: Final = {
    "PERSON": ("PER", "NAME", "GIVEN_NAME", "SURNAME", "FIRST_NAME", "LAST_NAME", "PATIENT", "DOCTOR"),
    "LOCATION": (
        "LOC",
        "GPE",
        "ADDRESS",
        "STREET_ADDRESS",
        "STREET",
        "CITY",
        "STATE",
        "COUNTRY",
        "ZIP",
        "ZIP_CODE",
    ),
    "ORGANIZATION": ("ORG", "ORGANISATION", "COMPANY", "HOSPITAL"),
    "DATE": ("DATE_TIME", "DOB", "DATE_OF_BIRTH"),
    "ID": ("SSN", "US_SSN", "PASSPORT", "MRN", "IDNUM", "ID_NUMBER", "US_DRIVER_LICENSE", "DRIVER_LICENSE"),
    "EMAIL": ("EMAIL_ADDRESS", "E_MAIL"),
    "PHONE": ("PHONE_NUMBER", "TELEPHONE", "TEL", "FAX"),
    "CARD": ("CREDIT_CARD", "CREDIT_CARD_NUMBER"),
    "IBAN": ("IBAN_CODE",),
    "IP": ("IP_ADDRESS",),
}
_TAG_OF: Final = {name: tag for tag, names in _SYNONYMS.items() for name in (tag, *names)}


def data(bench: Workbench) -> None:
    """Write the three parts, the texts without marks, and a summary. Raises HiveError: recipe_invalid, data_invalid."""
    findings = Findings()
    refuse_unread("redact", bench.recipe.data, "outside")
    splits = _public(bench.recipe.data, bench.data_root)
    if bench.recipe.data.path:
        splits = _with_own(splits, bench.recipe.data, bench.seed, findings)
    if not splits.train or not splits.test:
        raise HiveError(
            "recipe_invalid",
            f"`data` names no marked texts. Give `path`, or one of {', '.join(SOURCES[:3])} as `source`.",
        )
    made = Invented(splits.train)
    splits.test.extend(made.held_out(_EACH, random.Random(f"{bench.seed}:held out")))
    splits.save(bench.folder)
    for finding in findings.items:
        bench.say(finding.sentence)
    if not made.possible:
        bench.say("There are too few names of persons, places and organisations to make up new ones from.")
    for name, part in zip(PARTS, (splits.train, splits.validation, splits.test), strict=True):
        sources = Counter(example.source for example in part)
        bench.say(f"{name}: {len(part)} texts ({', '.join(f'{n} {s}' for s, n in sorted(sources.items()))}).")
    counts = {
        name: len(part)
        for name, part in zip(PARTS, (splits.train, splits.validation, splits.test), strict=True)
    }
    digest = hashlib.sha256()
    for file in sorted(bench.folder.glob("*.jsonl")):
        digest.update(file.read_bytes())
    summary = {"digest": f"sha256:{digest.hexdigest()}", "counts": counts, "classes": splits.tags[1:]}
    (bench.folder / DATA_SUMMARY).write_text(json.dumps(summary, indent=2) + "\n", "utf-8")


def tag_of(kind: str) -> str:
    """Return the tag for a type of a user's data: the one that it is a synonym of, or one of its own."""
    name = re.sub(r"[^A-Z]+", "_", kind.upper()).strip("_") or "OTHER"
    return _TAG_OF.get(name, name)


def _public(part: DataPart, root: Path | None) -> Splits:
    names = [*([part.source] if part.source else []), *part.also]
    if unknown := [name for name in names if name not in SOURCES]:
        raise HiveError(
            "recipe_invalid",
            f"The task redact reads {', '.join(SOURCES)}; it has no use for {', '.join(unknown)}.",
        )
    return gather(root, names) if names and root else Splits()


def _with_own(public: Splits, part: DataPart, seed: int, findings: Findings) -> Splits:
    """Return a user's texts beside the public ones, which are only learned from and chosen by."""
    test, validation = (find_file(path) if path else None for path in (part.test, part.validation))
    files = TagFiles(find_file(str(part.path)), validation, test, part.columns, reading_of(part))
    corpus = marked_texts(files, seed, findings)
    parts = (corpus.train, corpus.validation, corpus.test)
    kinds = sorted({span.kind for texts in parts for text in texts for span in text.spans})
    names = {kind: tag_of(kind) for kind in kinds}
    tags = (*TAGS, *sorted(set(names.values()) - set(TAGS)))
    # A file says nothing of the types that it never marks.
    outside = PLAIN | (frozenset(tags) - set(names.values()))
    own = [
        [
            example_of(text, names, outside, OWN, text.group or f"{number}")
            for number, text in enumerate(texts)
        ]
        for texts in parts
    ]
    unlabelled = [*corpus.unlabelled, *public.unlabelled]
    if part.unlabelled:
        text = part.columns.get("text")
        loose = TextFiles(find_file(part.unlabelled), text=text, reading=reading_of(part), needs_label=False)
        unlabelled += [text for texts in labelled_texts(loose, seed).parts.values() for text in texts.texts]
    return Splits([*own[0], *public.train], [*own[1], *public.validation], own[2], unlabelled, tags)


assert set(_SYNONYMS) == set(TAGS) - {OUTSIDE}, "every tag has its names"
