"""Marked texts from a file of any form that the forge reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from specialists.forge.data.files import inspect
from specialists.forge.data.findings import Findings
from specialists.forge.data.rows import Rows
from specialists.forge.sources.values import MarkedText
from specialists.forge.tag.conll import is_conll, read_conll
from specialists.forge.tag.tables import Row, layout_of, read_rows, read_tokens

_HEAD_BYTES: Final = 1 << 18
_SAMPLE: Final = 50


def read_marked(path: Path, columns: Mapping[str, str], findings: Findings) -> Iterable[MarkedText]:
    """Return, one by one, the texts of a CoNLL, CSV, TSV, JSON lines, JSON or Parquet file.

    `columns` may say which column is the text, spans, tags, tokens, sentence or label (the intent). Raises
    HiveError(data_invalid) with every reason why nothing can be learned from the file.
    """
    if _looks_conll(path):
        return read_conll(path.read_text("utf-8", errors="replace"), findings)
    rows = Rows(inspect(path), header=True, findings=Findings())
    sample = [row for _, row in islice(_numbered(rows), _SAMPLE)]
    layout = layout_of(rows.columns, sample, columns, findings)
    read = read_tokens if layout.sentence else read_rows
    return read(_numbered(Rows(rows.file, header=True, findings=findings)), layout, findings)


def _looks_conll(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return is_conll(head.decode("utf-8", errors="replace"), path.name)


def _numbered(rows: Rows) -> Iterator[Row]:
    for chunk in rows.chunks():
        names = list(chunk.columns)
        for number, values in zip(chunk.index, chunk.itertuples(index=False, name=None), strict=True):
            yield int(number), dict(zip(names, values, strict=True))
