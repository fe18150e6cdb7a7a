"""Marked texts from a file of any form that the forge reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from specialists.forge.data.files import DataFile, Reading, inspect
from specialists.forge.data.findings import Findings
from specialists.forge.data.rows import Rows
from specialists.forge.sources.values import MarkedText
from specialists.forge.tag.conll import is_conll, read_conll
from specialists.forge.tag.tables import Row, layout_of, read_rows, read_tokens

_HEAD_BYTES: Final = 1 << 18
_SAMPLE: Final = 50
_AS_IT_IS: Final = Reading()


def read_marked(
    path: Path, columns: Mapping[str, str], findings: Findings, reading: Reading = _AS_IT_IS
) -> Iterable[MarkedText]:
    """Return, one by one, the texts of a CoNLL, CSV, TSV, JSON lines, JSON or Parquet file.

    `columns` may say which column is the text, spans, tags, tokens, sentence or label (the intent). Raises
    HiveError(data_invalid) with every reason why nothing can be learned from the file.
    """
    file = inspect(path, reading)
    if file.format == "csv" and _looks_conll(file):
        with file.open() as content:
            return read_conll(content.read().decode(file.encoding, errors="replace"), findings)
    rows = Rows(file, reading.header, Findings())
    sample = [row for _, row in islice(_numbered(rows), _SAMPLE)]
    layout = layout_of(rows.columns, sample, columns, findings)
    read = read_tokens if layout.sentence else read_rows
    return read(_numbered(Rows(file, reading.header, findings)), layout, findings)


def _looks_conll(file: DataFile) -> bool:
    with file.open() as content:
        head = content.read(_HEAD_BYTES).decode(file.encoding, errors="replace")
    packed = Path(file.path.stem) if file.compression else file.path
    return is_conll(head, packed.name)


def _numbered(rows: Rows) -> Iterator[Row]:
    for chunk in rows.chunks():
        names = list(chunk.columns)
        for number, values in zip(chunk.index, chunk.itertuples(index=False, name=None), strict=True):
            yield int(number), dict(zip(names, values, strict=True))
