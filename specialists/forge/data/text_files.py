"""Reads a user's labelled texts: loaded, checked, split into train, validation and test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from specialists.forge.data import labelled
from specialists.forge.data.columns import LABEL_NAMES, TEXT_NAMES, column
from specialists.forge.data.corpus import Corpus, Texts, corpus_of
from specialists.forge.data.files import DataFile, Reading, inspect
from specialists.forge.data.findings import Findings, counted, rows_named
from specialists.forge.data.labelled import KEY, LABEL, TEXT
from specialists.forge.data.normal import near_groups, normalised
from specialists.forge.data.rows import Rows
from specialists.forge.data.sample import sampled
from specialists.forge.data.split import PARTS, split

SHARES: Final = (0.15, 0.15)
"""The shares of validation and test, unless the user gives files for them."""
NO_LABEL: Final = "-"
"""The label of texts that need none."""
_MOST_HELD_OUT: Final = 5000
_LARGEST: Final = 0.65
"""The share of a class that may be one group: what is left must do for validation and test."""


@dataclass(frozen=True, slots=True)
class TextFiles:
    """Where labelled texts lie: the files, and the columns by name or number (None: a usual name).

    Without `validation` or `test` a part of `data` is split off for it. With `needs_label` False the texts need no
    label, and all have NO_LABEL.
    """

    data: Path
    validation: Path | None = None
    test: Path | None = None
    text: str | None = None
    label: str | None = None
    reading: Reading = field(default_factory=Reading)
    needs_label: bool = True


def labelled_texts(files: TextFiles, seed: int, most: int = 200_000, reads_words: int = 48) -> Corpus:
    """Load, check and split a user's labelled texts.

    Of a larger file a stratified sample of about `most` rows is used. `reads_words` is about how many words of a text
    the model reads. Raises HiveError(data_invalid) with every fatal finding.
    """
    findings = Findings()
    facts: list[Mapping[str, object]] = []
    frames = {"train": _loaded(files, files.data, most, seed, findings, facts)}
    for name, path in (("validation", files.validation), ("test", files.test)):
        if path is not None:
            frames[name] = _loaded(files, path, _MOST_HELD_OUT * 4, seed, findings, facts)
    findings.refuse_fatal()
    if files.needs_label:
        labelled.check_labels(frames["train"], findings)
    findings.refuse_fatal()
    frames["train"] = labelled.without_repeats(frames["train"], files.data.name, findings)
    if files.needs_label:
        least = labelled.MIN_PER_CLASS - (files.validation is not None) - (files.test is not None)
        frames["train"] = labelled.check_classes(frames["train"], least, findings)
    findings.refuse_fatal()
    labelled.check_texts(frames["train"], reads_words, findings)
    _apart(frames, findings)
    parts = _parted(frames, seed, findings)
    findings.refuse_fatal()
    return corpus_of({name: _texts(parts[name]) for name in PARTS}, findings.items, facts)


def _loaded(
    files: TextFiles, path: Path, most: int, seed: int, findings: Findings, facts: list[Mapping[str, object]]
) -> pd.DataFrame:
    """Return the usable rows of one file as text, label and key."""
    file = inspect(path, files.reading, [name for name in (files.text, files.label) if name])
    rows = Rows(file, files.reading.header, findings)
    text = column(rows.columns, files.text, "--text-column", findings, TEXT_NAMES)
    label = (
        column(rows.columns, files.label, "--label-column", findings, LABEL_NAMES)
        if files.needs_label
        else ""
    )
    findings.refuse_fatal()
    _say_encoding(file, findings)
    assert text is not None, "its absence is fatal"
    wanted = [text, *([label] if label else [])]
    chunks = (_two(chunk, text, label) for chunk in rows.chunks(list(dict.fromkeys(wanted))))
    sample = sampled(
        chunks, most, lambda c: c[TEXT].map(lambda v: normalised(str(v))), lambda c: c[LABEL], seed
    )
    facts.append({**file.as_json(), "rows": sample.seen})
    if sample.seen > len(sample.rows):
        findings.note(
            "rows_sampled",
            f"{path.name} has {sample.seen:,} rows, more than this budget can use: a stratified sample of "
            f"{len(sample.rows):,} is used. A larger --budget uses more.",
        )
    if sample.rows.empty:
        findings.fatal("file_no_rows", f"{path.name} has a header and no rows.")
        return sample.rows
    return labelled.as_texts(sample.rows, path.name, findings)


def _two(chunk: pd.DataFrame, text: str, label: str | None) -> pd.DataFrame:
    labels = chunk[label] if label else NO_LABEL
    return pd.DataFrame({TEXT: chunk[text], LABEL: labels}, index=chunk.index, dtype=object)


def _say_encoding(file: DataFile, findings: Findings) -> None:
    if file.odd_byte >= 0:
        findings.warn(
            "encoding_guessed",
            f"{file.path.name} is not UTF-8 at byte {file.odd_byte:,}; it is read as {file.encoding}. If letters with "
            "accents look wrong, name its encoding with --encoding.",
        )


def _apart(frames: dict[str, pd.DataFrame], findings: Findings) -> None:
    """Take out of what is learned from what the held-out files contain too, and labels that training lacks."""
    known = set(frames["train"][LABEL])
    for held, others in (("test", ("train", "validation")), ("validation", ("train",))):
        if held not in frames:
            continue
        strange = sorted(set(frames[held][LABEL]) - known)
        if strange:
            kept = frames[held][frames[held][LABEL].isin(known)]
            findings.warn(
                "labels_unknown",
                f"The {held} file has {counted(len(strange), 'label')} that the training data lacks, such as "
                f"{strange[0]!r}: {counted(len(frames[held]) - len(kept), 'row')} left out.",
            )
            frames[held] = kept
        if frames[held].empty:
            findings.fatal(f"{held}_empty", f"No row of the {held} file can be used.")
            continue
        for other in others:
            if other in frames:
                frames[other] = _without(frames[other], frames[held], other, held, findings)


def _without(
    frame: pd.DataFrame, held: pd.DataFrame, name: str, held_name: str, findings: Findings
) -> pd.DataFrame:
    """Return `frame` without the texts of `held`; near-duplicates stay and are reported."""
    same = frame[KEY].isin(set(held[KEY]))
    if same.any():
        findings.warn(
            "parts_overlap",
            f"{counted(int(same.sum()), 'row')} of the {name} data are in the {held_name} file too "
            f"({rows_named(frame.index[same])}). They are taken out of the {name} data, so that the {held_name} "
            "figures are honest.",
        )
        frame = frame[~same]
    groups = near_groups([*held[KEY], *frame[KEY]])
    near = np.isin(groups[: len(held)], groups[len(held) :])
    if near.any():
        findings.note(
            "parts_near",
            f"{counted(int(near.sum()), 'text')} of the {held_name} file ({near.mean():.0%}) nearly equal a text of "
            f"the {name} data ({rows_named(held.index[near])}). They stay; on new texts expect a little less.",
        )
    return frame


def _parted(frames: dict[str, pd.DataFrame], seed: int, findings: Findings) -> dict[str, pd.DataFrame]:
    train = frames["train"]
    if len(frames) == len(PARTS):
        return frames
    most = _MOST_HELD_OUT / len(train)
    shares = [
        0.0 if name in frames else min(share, most)
        for name, share in zip(("validation", "test"), SHARES, strict=True)
    ]
    keys, labels = list(train[KEY]), list(train[LABEL])
    groups = near_groups(keys)
    which = split(_small_enough(groups, labels, keys, findings), labels, shares, seed)
    parts = {name: train[which == number] for number, name in enumerate(PARTS)} | {
        name: frame for name, frame in frames.items() if name != "train"
    }
    for name in PARTS[1:]:
        if parts[name].empty:
            findings.fatal(
                f"{name}_empty", f"There are too few rows to split off a {name} part. Collect more."
            )
    return parts


def _small_enough(
    groups: np.ndarray, labels: Sequence[str], keys: Sequence[str], findings: Findings
) -> list[object]:
    """Return the groups; in a class that is nearly one group each different text is a group of its own instead."""
    frame = pd.DataFrame({"group": groups, "label": labels, "key": keys})
    sizes = frame.groupby(["label", "group"]).size()
    shares = sizes.groupby("label").max() / sizes.groupby("label").sum()
    counts = sizes.groupby("label").size()
    alike = set(counts[(counts < len(PARTS)) | (shares > _LARGEST)].index)
    if alike:
        findings.warn(
            "class_alike",
            f"Most texts of {counted(len(alike), 'class', 'classes')} such as {min(alike)!r} are nearly the same. They "
            "are split all the same, so their figures flatter.",
        )
    return [
        key if label in alike else group
        for group, label, key in zip(groups.tolist(), labels, keys, strict=True)
    ]


def _texts(frame: pd.DataFrame) -> Texts:
    ordered = frame.sort_index()
    return Texts(tuple(ordered[TEXT]), tuple(ordered[LABEL]), tuple(map(int, ordered.index)))
