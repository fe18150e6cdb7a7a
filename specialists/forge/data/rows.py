"""The rows of a file of data, in chunks, so that a file may be larger than memory."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pandas as pd

from hive.errors import HiveError
from specialists.forge.data.files import DataFile, csv_reader
from specialists.forge.data.findings import Findings, counted, refused, rows_named

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

CHUNK_ROWS: Final = 20_000
_MAX_JSON_BYTES: Final = 1 << 29
_BAD_SHARE: Final = 0.05
_MANY_LINES: Final = 100
_LISTS: Final = ("data", "rows", "records", "examples", "items")
_MAX_FIELD: Final = 1 << 20
csv.field_size_limit(_MAX_FIELD)


@dataclass(slots=True)
class Rows:
    """The rows of one file. `columns` are known at once; `seen` counts the rows read so far.

    A row's number is the one that a spreadsheet or an editor shows: in a CSV file the header is row 1, in JSON lines
    it is the line.
    """

    file: DataFile
    header: bool
    findings: Findings
    columns: tuple[str, ...] = ()
    seen: int = 0
    _bad: list[int] = field(default_factory=list)
    _why: str = ""

    def __post_init__(self) -> None:
        """Read the names of the columns."""
        self.columns = self._column_names()

    def chunks(self, only: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
        """Yield data frames of objects, indexed by row number; an empty cell and JSON's null are None.

        `only` leaves out other columns. Rows that cannot be read are left out and reported in the findings at the end;
        HiveError(data_invalid) is raised if they are more than one in twenty.
        """
        columns = list(self.columns if only is None else only)
        if self.file.format == "parquet":
            yield from self._parquet(columns)
        else:
            yield from self._framed(columns)
        self._report_bad()

    def _framed(self, columns: list[str]) -> Iterator[pd.DataFrame]:
        numbers: list[int] = []
        rows: list[list[object]] = []
        for number, row in self._numbered():
            numbers.append(number)
            rows.append([row.get(name) for name in columns])
            if len(rows) == CHUNK_ROWS:
                yield self._frame(rows, numbers, columns)
                numbers, rows = [], []
        if rows:
            yield self._frame(rows, numbers, columns)

    def _frame(self, rows: list[list[object]], numbers: list[int], columns: list[str]) -> pd.DataFrame:
        self.seen += len(rows)
        return pd.DataFrame(rows, index=numbers, columns=columns, dtype=object)

    def _numbered(self) -> Iterator[tuple[int, Mapping[str, object]]]:
        if self.file.format == "csv":
            return self._csv()
        return self._jsonl() if self.file.format == "jsonl" else self._json()

    def _text(self) -> io.TextIOWrapper:
        # What is no text in this encoding becomes a replacement character, which the checks of texts report.
        return io.TextIOWrapper(self.file.open(), self.file.encoding, errors="replace", newline="")

    def _column_names(self) -> tuple[str, ...]:
        if self.file.format == "parquet":
            return tuple(map(str, self._parquet_file().schema_arrow.names))
        if self.file.format == "csv":
            return self._header_names()
        names: dict[str, None] = {}
        for count, (_, row) in enumerate(self._numbered()):
            names.update(dict.fromkeys(row))
            if count == 1000:
                break
        self._bad.clear()
        if not names:
            raise refused("file_no_rows", f"{self.file.path} holds no JSON object with named fields.")
        return tuple(names)

    def _header_names(self) -> tuple[str, ...]:
        with self._text() as text:
            first = next((row for row in self._records(text) if row), [])
        if not self.header:
            return tuple(str(n + 1) for n in range(len(first)))
        names = [name.strip().lstrip("\ufeff") or f"column {n + 1}" for n, name in enumerate(first)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise refused(
                "column_twice",
                f"{self.file.path} has the column {twice[0]!r} more than once. Give each column a name of its own.",
            )
        return tuple(names)

    def _csv(self) -> Iterator[tuple[int, Mapping[str, object]]]:
        width = len(self.columns)
        with self._text() as text:
            for number, row in enumerate(self._records(text), 1):
                if not row or (number == 1 and self.header):
                    continue
                if len(row) != width:
                    if max(cell.count("\n") for cell in row) > _MANY_LINES:
                        raise self._unclosed(number - 1, f"a field of more than {_MANY_LINES} lines")
                    self._skip(number, f"{counted(len(row), 'field')} where the header has {width}")
                    continue
                yield number, {name: cell or None for name, cell in zip(self.columns, row, strict=True)}

    def _records(self, text: io.TextIOWrapper) -> Iterator[list[str]]:
        number = 0
        try:
            for record in csv_reader(text, self.file.delimiter, quoted=self.file.quoted):
                number += 1
                yield record
        except csv.Error as error:
            raise self._unclosed(number, str(error)) from error

    def _unclosed(self, number: int, why: str) -> HiveError:
        sentence = f"{self.file.path} cannot be read after row {number:,}: {why}. Is a double quote missing its pair?"
        return refused("file_no_csv", sentence)

    def _jsonl(self) -> Iterator[tuple[int, Mapping[str, object]]]:
        with self._text() as text:
            for number, line in enumerate(text, 1):
                if not line.strip():
                    continue
                try:
                    value = json.loads(line)
                except ValueError as error:
                    self._skip(number, f"no JSON: {error}")
                    continue
                if isinstance(value, dict):
                    yield number, value
                else:
                    self._skip(number, "no JSON object with named fields")

    def _json(self) -> Iterator[tuple[int, Mapping[str, object]]]:
        if self.file.size_bytes > _MAX_JSON_BYTES:
            raise refused(
                "file_too_large",
                f"{self.file.path} is one JSON document of {self.file.size_bytes / 1e9:.1f} GB, which must be held "
                "whole. Write it as JSON lines, one object per line.",
            )
        with self._text() as text:
            try:
                document = json.load(text)
            except ValueError as error:
                raise refused("file_no_json", f"{self.file.path} is no valid JSON: {error}.") from error
        for number, value in enumerate(_records_of(document), 1):
            if isinstance(value, dict):
                yield number, value
            else:
                self._skip(number, "no JSON object with named fields")

    def _parquet_file(self) -> ParquetFile:
        try:
            from pyarrow import ArrowInvalid  # noqa: PLC0415 - most data is CSV
            from pyarrow.parquet import ParquetFile  # noqa: PLC0415
        except ImportError as error:
            raise refused(
                "parquet_missing", "To read Parquet, install pyarrow: pip install 'hive-mesh[forge]'."
            ) from error
        try:
            return ParquetFile(self.file.path)
        except (ArrowInvalid, OSError) as error:
            raise refused(
                "file_unreadable", f"{self.file.path} is no readable Parquet file: {error}."
            ) from error

    def _parquet(self, columns: list[str]) -> Iterator[pd.DataFrame]:
        for batch in self._parquet_file().iter_batches(CHUNK_ROWS, columns=columns):
            values = batch.to_pydict()
            count = batch.num_rows
            rows = [[values[name][n] for name in columns] for n in range(count)]
            yield self._frame(rows, list(range(self.seen + 1, self.seen + count + 1)), columns)

    def _skip(self, number: int, why: str) -> None:
        self._bad.append(number)
        self._why = self._why or f"{rows_named([number])}: {why}"

    def _report_bad(self) -> None:
        bad, total = len(self._bad), len(self._bad) + self.seen
        if not bad:
            return
        sentence = (
            f"{self.file.path.name}: {counted(bad, 'row')} of {total:,} cannot be read ({self._why}). "
            "A text with the delimiter, a quote or a line break in it must stand in double quotes."
            if self.file.format == "csv"
            else f"{self.file.path.name}: {counted(bad, 'row')} of {total:,} cannot be read ({self._why})."
        )
        if bad > _BAD_SHARE * total:
            raise refused("rows_unreadable", sentence)
        self.findings.warn("rows_unreadable", f"{sentence} They are left out.")


def _records_of(document: object) -> Sequence[object]:
    """Return the rows in a JSON document: a list, a list under a usual name, or columns as pandas writes them."""
    if isinstance(document, list):
        return document
    if not isinstance(document, dict):
        return []
    under = [document[name] for name in _LISTS if isinstance(document.get(name), list)]
    if under:
        return list(under[0])
    columns = {name: list(v.values()) if isinstance(v, dict) else v for name, v in document.items()}
    if not all(isinstance(column, list) for column in columns.values()):
        return []
    return [dict(zip(columns, row, strict=False)) for row in zip(*columns.values(), strict=False)]
