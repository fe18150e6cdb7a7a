"""From files of marked texts to a checked corpus in three parts without leakage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from specialists.forge.data.files import Reading
from specialists.forge.data.findings import Findings, counted
from specialists.forge.data.normal import near_groups, normalised
from specialists.forge.data.sample import drawn
from specialists.forge.data.split import PARTS, split
from specialists.forge.sources.values import MarkedText
from specialists.forge.tag.checks import check_intents, check_marks, without_repeats
from specialists.forge.tag.corpus import TagCorpus
from specialists.forge.tag.inventory import Inventory
from specialists.forge.tag.load import read_marked
from specialists.forge.tag.windows import in_windows

SHARES: Final = (0.12, 0.15)
"""The shares of validation and test, unless there are files for them."""
MOST: Final = 60_000
"""Texts that are used of a larger file."""
MOST_HELD_OUT: Final = 5_000


@dataclass(frozen=True, slots=True)
class TagFiles:
    """Where marked texts lie; without `validation` or `test` a part of `data` is split off for it."""

    data: Path
    validation: Path | None = None
    test: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    reading: Reading = field(default_factory=Reading)


def marked_texts(files: TagFiles, seed: int, findings: Findings) -> TagCorpus:
    """Load, check and split a user's marked texts; raise HiveError(data_invalid) with every fatal finding."""
    given = {"train": _loaded(files, files.data, seed, findings)}
    for name, path in (("validation", files.validation), ("test", files.test)):
        if path is not None:
            given[name] = _loaded(files, path, seed, findings)
    return corpus_of(given, seed, findings)


def corpus_of(given: Mapping[str, Sequence[MarkedText]], seed: int, findings: Findings) -> TagCorpus:
    """Return the corpus of the part train, and validation and test where they are given; else they are split off.

    Raises HiveError(data_invalid) with every fatal finding.
    """
    train = without_repeats(given["train"], findings)
    train = check_intents(train, findings)
    check_marks(train, findings)
    findings.refuse_fatal()
    for name in ("test", "validation"):
        if name in given:
            train = _without(train, given[name], name, findings)
    parts = _parted(train, given, seed)
    for name in PARTS:
        if not parts[name]:
            findings.fatal(f"{name}_empty", f"There are too few texts for a {name} part. Collect more.")
    findings.refuse_fatal()
    inventory = Inventory.of(parts["train"])
    for name in PARTS[1:]:
        _say_unknown(parts[name], inventory, name, findings)
    return TagCorpus(_cut(parts["train"]), _cut(parts["validation"]), _cut(parts["test"]), inventory)


def _cut(texts: Sequence[MarkedText]) -> tuple[MarkedText, ...]:
    return tuple(piece for text in texts for piece in in_windows(text))


def _loaded(files: TagFiles, path: Path, seed: int, findings: Findings) -> list[MarkedText]:
    seen, kept = _drawn(read_marked(path, files.columns, findings, files.reading), seed)
    if seen > len(kept):
        findings.note(
            "rows_sampled",
            f"{path.name} has {counted(seen, 'text')}; {len(kept):,} of them, drawn by chance, are used.",
        )
    return kept


def _drawn(texts: Iterable[MarkedText], seed: int) -> tuple[int, list[MarkedText]]:
    """Return how many texts there are, and `MOST` of them; of equal texts all or none."""
    kept: list[MarkedText] = []
    seen = 0
    for text in texts:
        seen += 1
        kept.append(text)
        if len(kept) >= 2 * MOST:
            kept = _fewest(kept, seed)
    return seen, _fewest(kept, seed) if len(kept) > MOST else kept


def _fewest(texts: list[MarkedText], seed: int) -> list[MarkedText]:
    order = np.argsort(drawn((normalised(text.text) for text in texts), seed), kind="stable")[:MOST]
    return [texts[i] for i in sorted(order.tolist())]


def _without(
    train: Sequence[MarkedText], held: Sequence[MarkedText], name: str, findings: Findings
) -> list[MarkedText]:
    keys = {normalised(text.text) for text in held}
    kept = [text for text in train if normalised(text.text) not in keys]
    if len(kept) < len(train):
        findings.warn(
            "parts_overlap",
            f"{counted(len(train) - len(kept), 'text')} of the data are in the {name} file too; they are not learned "
            f"from, so that the {name} figures are honest.",
        )
    return kept


def _parted(
    train: Sequence[MarkedText], given: Mapping[str, Sequence[MarkedText]], seed: int
) -> dict[str, list[MarkedText]]:
    """Split `train` by groups of nearly equal texts, each intent, or else each rarest type, by itself."""
    most = MOST_HELD_OUT / max(1, len(train))
    shares = [
        0.0 if name in given else min(share, most) for name, share in zip(PARTS[1:], SHARES, strict=True)
    ]
    counts = Counter(span.kind for text in train for span in text.spans)
    strata = [text.intent or _rarest(text, counts) for text in train]
    groups = near_groups([normalised(text.text) for text in train])
    which = split(groups.tolist(), strata, shares, seed)
    parts = {
        name: [text for text, part in zip(train, which, strict=True) if part == n]
        for n, name in enumerate(PARTS)
    }
    return parts | {name: list(texts) for name, texts in given.items() if name != "train"}


def _rarest(text: MarkedText, counts: Mapping[str, int]) -> str:
    return min((span.kind for span in text.spans), key=lambda kind: (counts[kind], kind), default="")


def _say_unknown(texts: Sequence[MarkedText], inventory: Inventory, name: str, findings: Findings) -> None:
    kinds = {tag[2:] for tag in inventory.tags[1:]}
    unknown = sorted({span.kind for text in texts for span in text.spans} - kinds)
    if unknown:
        findings.warn(
            "kinds_unknown",
            f"The {name} part has {counted(len(unknown), 'type')} that training lacks, such as {unknown[0]!r}; their "
            "spans count as missed.",
        )
