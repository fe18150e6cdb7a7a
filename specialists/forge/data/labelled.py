"""Checks of labelled texts: what is missing, of the wrong kind, twice, contradictory, too rare or too long."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from specialists.forge.data.findings import Findings, counted, listed, rows_named
from specialists.forge.data.normal import normalised
from specialists.forge.data.numbers import numbers

MIN_PER_CLASS: Final = 4
"""Different texts that a class needs, so that it can be trained, validated and tested."""
FEW_PER_CLASS: Final = 20
_MIN_ROWS: Final = 8
_NO_LABEL: Final = frozenset({"", "nan", "null"})
_ALL: Final = 0.95
_MANY: Final = 50

TEXT, LABEL, KEY = "text", "label", "key"


def as_texts(frame: pd.DataFrame, where: str, findings: Findings) -> pd.DataFrame:
    """Return the rows of `frame` (columns text and label) with both, as stripped strings, and their `key`.

    The key is the normalised text. Rows without are left out, and findings say which.
    """
    texts = frame[TEXT].map(_text)
    labels = frame[LABEL].map(_label)
    _say_kinds(frame, texts, labels, where, findings)
    _say_missing(
        frame.index[texts == ""], len(frame), f"{where}: the text is missing", "text_missing", findings
    )
    _say_missing(
        frame.index[labels == ""], len(frame), f"{where}: the label is missing", "label_missing", findings
    )
    whole = pd.DataFrame({TEXT: texts, LABEL: labels}, dtype=object)[(texts != "") & (labels != "")]
    broken = whole.index[whole[TEXT].str.contains("\ufffd", regex=False)]
    if len(broken):
        findings.warn(
            "text_broken",
            f"{where}: {counted(len(broken), 'text')} with characters that could not be read, in {rows_named(broken)}. "
            "Name the file's encoding with --encoding.",
        )
    return whole.assign(**{KEY: whole[TEXT].map(normalised)})


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) and value == value else ""  # noqa: PLR0124 - NaN


def _label(value: object) -> str:
    if isinstance(value, str):
        name = value.strip()
        return "" if name.lower() in _NO_LABEL else name
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return "" if value != value else str(int(value)) if value.is_integer() else str(value)  # noqa: PLR0124
    return str(value) if isinstance(value, int) else ""


def _say_kinds(
    frame: pd.DataFrame, texts: pd.Series, labels: pd.Series, where: str, findings: Findings
) -> None:
    lists = frame.index[frame[LABEL].map(lambda value: isinstance(value, list | dict))]
    if len(lists):
        findings.fatal(
            "label_several",
            f"{where}: the label is a list or an object in {rows_named(lists)}. A text has one label here; write one.",
        )
    odd = frame.index[frame[TEXT].map(lambda value: isinstance(value, list | dict | bool))]
    if len(odd):
        findings.warn(
            "text_no_text", f"{where}: the text is no text in {rows_named(odd)}. They are left out."
        )
    numeric = texts[texts != ""].map(lambda text: text.replace(".", "", 1).lstrip("-").isdigit())
    if len(numeric) and numeric.mean() > _ALL / 2:
        findings.warn(
            "text_numbers",
            f"{where}: {numeric.mean():.0%} of the texts are plain numbers. Is it the right column (--text-column)?",
        )
    elif numeric.any():
        rows = rows_named(numeric.index[numeric])
        findings.note("text_mixed", f"{where}: the text is a plain number in {rows}. They are kept.")
    twins = _twin_labels(labels)
    if twins:
        findings.warn(
            "label_twins",
            f"{where}: labels that differ in case or spaces alone count as different: {listed(twins)}. "
            "Write them alike.",
        )


def _twin_labels(labels: pd.Series) -> list[str]:
    forms: dict[str, list[str]] = {}
    for name in sorted(set(labels) - {""}):
        forms.setdefault(" ".join(name.casefold().split()), []).append(name)
    return [" / ".join(map(repr, names)) for names in forms.values() if len(names) > 1]


def _say_missing(rows: pd.Index, total: int, what: str, code: str, findings: Findings) -> None:
    if not len(rows):
        return
    sentence = f"{what} in {counted(len(rows), 'row')} of {total:,} ({rows_named(rows)})."
    if len(rows) * 2 > total:
        findings.fatal(code, f"{sentence} That is most of them: name another column, or fill them in.")
    else:
        findings.warn(code, f"{sentence} They are left out.")


def without_repeats(frame: pd.DataFrame, where: str, findings: Findings) -> pd.DataFrame:
    """Return one row for each text and label; a text with several labels keeps the commonest, or goes if none is."""
    kept = frame.drop_duplicates([KEY, LABEL])
    if len(kept) < len(frame):
        gone = frame.index.difference(kept.index)
        findings.note(
            "rows_twice",
            f"{where}: {counted(len(gone), 'row')} that repeat an earlier text and label but for case and punctuation "
            f"({rows_named(gone)}) are left out.",
        )
    torn = kept[kept.duplicated(KEY, keep=False)]
    if torn.empty:
        return kept
    votes = frame[frame[KEY].isin(set(torn[KEY]))].groupby([KEY, LABEL]).size().rename("votes").reset_index()
    best = votes[votes["votes"] == votes.groupby(KEY)["votes"].transform("max")]
    clear = best[~best.duplicated(KEY, keep=False)]
    winners = set(zip(clear[KEY], clear[LABEL], strict=True))
    stays = [(key, label) in winners for key, label in zip(torn[KEY], torn[LABEL], strict=True)]
    example = torn[torn[KEY] == torn[KEY].iloc[0]]
    names = listed([repr(name) for name in example[LABEL]])
    findings.warn(
        "labels_differ",
        f"{where}: {counted(torn[KEY].nunique(), 'text')} with different labels, such as "
        f"{_short(example[TEXT].iloc[0])} in {rows_named(example.index)}: {names}. Each keeps the label that most of "
        "its rows have; where none has most, its rows are left out.",
    )
    return kept.drop(index=torn.index[[not stay for stay in stays]])


def check_labels(frame: pd.DataFrame, findings: Findings) -> None:
    """Say if the labels are no classes to tell apart: one alone, measured numbers, or one for each row."""
    counts = frame[LABEL].value_counts()
    if len(counts) == 1:
        findings.fatal(
            "one_class",
            f"Every row has the label {counts.index[0]!r}. There is nothing to tell apart: at least two classes are "
            "needed.",
        )
    read = numbers(list(counts.index))
    if not read.odd and len(counts) > _MANY and (read.floats % 1 != 0).any():
        findings.fatal(
            "label_measured",
            f"The label column holds {len(counts):,} different numbers such as {counts.index[0]}: that is a measured "
            "value, not a class. Use --task regress, or write classes.",
        )
    elif len(frame) >= FEW_PER_CLASS and len(counts) * 2 > len(frame):
        findings.fatal(
            "label_unique",
            f"The label column has {len(counts):,} different values in {len(frame):,} rows, such as "
            f"{_short(str(counts.index[0]))}. That is no class. Are --text-column and --label-column the right way "
            "round?",
        )


def check_classes(frame: pd.DataFrame, least: int, findings: Findings) -> pd.DataFrame:
    """Return the rows of the classes that have at least `least` different texts, and say which are small."""
    counts = frame[LABEL].value_counts()
    rare = counts[counts < least]
    if len(rare):
        frame = frame[~frame[LABEL].isin(set(rare.index))]
        names = listed([f"{name!r} ({n})" for name, n in sorted(rare.items())])
        sentence = (
            f"{counted(len(rare), 'class', 'classes')} with fewer than {least} different texts: {names}."
        )
        if len(counts) - len(rare) < 2:
            findings.fatal(
                "classes_small", f"{sentence} That leaves fewer than two classes: collect more rows."
            )
            return frame
        findings.warn("classes_small", f"{sentence} They are left out; collect more rows of them.")
    if len(frame) < _MIN_ROWS:
        findings.fatal("rows_few", f"{counted(len(frame), 'usable row')}: too few to train and to test on.")
        return frame
    few = counts[(counts >= least) & (counts < FEW_PER_CLASS)]
    if len(few):
        findings.warn(
            "rows_few",
            f"{counted(len(few), 'class', 'classes')} with fewer than {FEW_PER_CLASS} different texts "
            f"({listed([f'{name!r} ({n})' for name, n in sorted(few.items())])}): expect a weak model and wide "
            "intervals. A hundred texts per class make a good one.",
        )
    smallest = int(counts[counts >= least].min())
    if counts.iloc[0] > _MANY * smallest:
        findings.warn(
            "classes_uneven",
            f"The class {counts.index[0]!r} has {counts.iloc[0]:,} rows, the smallest one {smallest:,}: look at "
            "the figures per class and at macro F1, not at accuracy alone.",
        )
    return frame


def check_texts(frame: pd.DataFrame, reads_words: int, findings: Findings) -> None:
    """Say what is odd about the texts: longer than the model reads, hardly any different ones, naming their label."""
    words = frame[TEXT].str.split().str.len().to_numpy()
    long = int((words > reads_words).sum())
    if long:
        findings.warn(
            "texts_long",
            f"{counted(long, 'text')} of {len(frame):,} ({long / len(frame):.0%}) longer than the {reads_words} words "
            f"or so that the model reads; the longest has {int(words.max()):,}. Only the beginning counts: put what "
            "matters there, or split long texts.",
        )
    named = np.array([_names(key, label) for key, label in zip(frame[KEY], frame[LABEL], strict=True)])
    if named.mean() > _ALL:
        findings.warn(
            "label_in_text",
            f"{named.mean():.0%} of the texts contain the name of their label. If it was put there by whoever labelled "
            "them, a new text will not have it: take it out.",
        )


def _names(key: str, label: str) -> bool:
    name = normalised(label)
    return len(name) > 2 and f" {name} " in f" {key} "


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
