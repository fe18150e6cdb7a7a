"""Files with a token in each line, its tag in a column, and an empty line after each sentence (CoNLL)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from specialists.forge.data.findings import Findings, rows_named
from specialists.forge.sources.values import MarkedText
from specialists.forge.tag.schemes import TAG, marked

ENDINGS: Final = (".conll", ".conllu", ".conll03", ".bio", ".iob", ".iob2", ".bioes", ".ner")
_DOCUMENT: Final = "-DOCSTART-"
_NOTE: Final = re.compile(r"#\s*\S+\s*=")
_NUMBER: Final = re.compile(r"\d+")
_SAMPLE: Final = 2000
_BAD_SHARE: Final = 0.05


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    columns: list[str]


def is_conll(text: str, name: str = "") -> bool:
    """Say whether `text`, the beginning of the file `name`, is one: by its name's ending, or by its tags and gaps."""
    if name.lower().endswith(ENDINGS):
        return True
    lines = text.splitlines()[:_SAMPLE]
    if "" not in [line.strip() for line in lines[:-1]]:
        return False
    rows = [_columns(line, "\t" in text) for line in lines if line.strip() and not _is_note(line)]
    if not rows or any(len(row) < 2 for row in rows[:-1]):
        return False
    return _tag_column([_Line(0, row) for row in rows if len(row) > 1]) is not None


def read_conll(text: str, findings: Findings) -> list[MarkedText]:
    """Return the sentences of a CoNLL file. Reports lines that do not fit; HiveError(data_invalid) if they are many.

    The token is the first column that is no running number; the tag is the last column with nothing but tags.
    """
    sentences = list(_sentences(text))
    lines = [line for sentence in sentences for line in sentence]
    tag = _tag_column([line for line in lines if len(line.columns) > 1])
    if tag is None:
        findings.fatal(
            "tags_missing",
            "No column of the file holds tags such as O, B-PERSON and I-PERSON. Each line needs a token and its tag, "
            "with a space or tab between them, and an empty line ends a sentence.",
        )
        findings.refuse_fatal()
        return []
    if _headed(sentences[0], tag):
        lines, sentences[0] = lines[1:], sentences[0][1:]
    token = _token_column(lines, tag)
    bad = {line.number for line in lines if not _fits(line, token, tag)}
    _report(bad, len(lines), findings)
    good = [sentence for sentence in sentences if not any(line.number in bad for line in sentence)]
    return [
        marked([line.columns[token] for line in rows], [line.columns[tag] for line in rows], places=True)
        for rows in good
    ]


def _report(bad: set[int], total: int, findings: Findings) -> None:
    if not bad:
        return
    lines = rows_named(bad).replace("row", "Line", 1)
    sentence = f"{lines}: no tag such as O, B-PERSON or I-PERSON there."
    if len(bad) > _BAD_SHARE * total:
        findings.fatal("tags_misaligned", f"{sentence} Each line needs a token and its tag.")
        findings.refuse_fatal()
    findings.warn("tags_misaligned", f"{sentence} These sentences are left out.")


def _sentences(text: str) -> Iterator[list[_Line]]:
    tabs = "\t" in text
    rows: list[_Line] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith(_DOCUMENT):
            if rows:
                yield rows
            rows = []
        elif not _is_note(line):
            rows.append(_Line(number, _columns(line, tabs)))
    if rows:
        yield rows


def _columns(line: str, tabs: bool) -> list[str]:  # noqa: FBT001 - private, one caller's view of the whole file
    return [part.strip() for part in line.split("\t")] if tabs else line.split()


def _is_note(line: str) -> bool:
    return bool(_NOTE.match(line))


def _tag_column(lines: Sequence[_Line]) -> int | None:
    """Return the last column of which most are tags, and some are not outside."""
    width = min((len(line.columns) for line in lines), default=0)
    for column in range(width - 1, 0, -1):
        values = [line.columns[column] for line in lines]
        fitting = sum(bool(TAG.fullmatch(value)) for value in values)
        if 2 * fitting > len(values) and any(value != "O" for value in values):
            return column
    return None


def _headed(sentence: Sequence[_Line], tag: int) -> bool:
    """Say whether the file begins with names of columns."""
    first = sentence[0].columns
    return len(sentence) > 1 and len(first) > tag and not TAG.fullmatch(first[tag])


def _token_column(lines: Sequence[_Line], tag: int) -> int:
    numbered = all(_NUMBER.fullmatch(line.columns[0]) for line in lines) and tag > 1
    return 1 if numbered else 0


def _fits(line: _Line, token: int, tag: int) -> bool:
    return (
        len(line.columns) > max(token, tag)
        and bool(TAG.fullmatch(line.columns[tag]))
        and bool(line.columns[token])
    )
