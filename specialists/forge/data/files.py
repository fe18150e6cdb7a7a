"""What a file of data is: its hash, compression, format, encoding and, for a table of text, its delimiter."""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import hashlib
import io
import json
import lzma
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import BinaryIO, Final, Literal, cast

from specialists.forge.data.findings import refused

Format = Literal["csv", "json", "jsonl", "parquet"]
Compression = Literal["", "gzip", "bzip2", "xz"]
_HEAD_BYTES: Final = 1 << 18
_BLOCK: Final = 1 << 20
_SAMPLE_ROWS: Final = 500
_DELIMITERS: Final = (",", ";", "\t", "|")
_MAGIC: Final[Mapping[bytes, Compression]] = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz"}
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TEXT: Final = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook: unpack it, or save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save the sheet as CSV",
    b"%PDF": "a PDF: export its table as CSV",
    b"SQLite format 3": "an SQLite database: export the table as CSV",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """How a user wants a file read; None stands for `find out`. `header` is False if the first row is data."""

    encoding: str | None = None
    delimiter: str | None = None
    header: bool = True


AS_FOUND: Final = Reading()


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of data and what it is. `sha256` (64 hex digits) and `size_bytes` are of the file as it lies there.

    `quoted` says whether double quotes stand around fields of a table. `encoding` is what the content is read as, and
    `odd_byte` is where it stops being UTF-8, or -1.
    """

    path: Path
    sha256: str
    size_bytes: int
    compression: Compression
    format: Format
    encoding: str
    delimiter: str
    quoted: bool = True
    odd_byte: int = -1

    def open(self) -> BinaryIO:
        """Open the content, unpacked."""
        return _opened(self.path, self.compression)

    def as_json(self) -> dict[str, object]:
        """Return what a report says of the file."""
        return {
            "name": self.path.name,
            "sha256": self.sha256,
            "bytes": self.size_bytes,
            "format": self.format,
            "encoding": self.encoding,
        }


def find_file(name: str | Path, beside: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the file or folder `name`, looked for here, in the folder `beside`, and in the environment's HIVE_DATA.

    Raises HiveError(data_invalid) if it is in none of them.
    """
    folders = [
        Path(),
        *([beside] if beside else []),
        *([Path(environ["HIVE_DATA"])] if "HIVE_DATA" in environ else []),
    ]
    for folder in folders:
        if (folder / name).exists():
            return folder / name
    where = ", ".join(str(folder.absolute()) for folder in folders)
    raise refused("file_missing", f"There is no file {name}. It was looked for in {where}.")


def inspect(path: Path, reading: Reading = AS_FOUND, wanted: Sequence[str] = ()) -> DataFile:
    """Return what `path` is. Of several possible delimiters that one wins whose header has the columns `wanted`.

    Raises HiveError(data_invalid) if it is empty, no text, or cannot be read.
    """
    try:
        compression = _compression(path)
        sha256, size = _hash(path)
        head = _head(path, compression)
        _refuse_other(path, head)
        if head[:4] == b"PAR1":
            return DataFile(path, sha256, size, compression, "parquet", "binary", "")
        encoding, odd = (reading.encoding, -1) if reading.encoding else _encoding(path, compression, head)
        text = head.decode(encoding, errors="replace")
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise refused(
            "file_unreadable", f"{path} cannot be read: {getattr(error, 'strerror', None) or error}."
        ) from error
    except LookupError as error:
        raise refused(
            "encoding_unknown", f"There is no encoding {reading.encoding!r}; try utf-8, cp1252 or utf-16."
        ) from error
    kind = _format(path, text)
    delimiter, quoted = _delimiter(path, text, reading.delimiter, wanted) if kind == "csv" else ("", True)
    return DataFile(path, sha256, size, compression, kind, encoding, delimiter, quoted, odd)


def _compression(path: Path) -> Compression:
    with path.open("rb") as file:
        begin = file.read(8)
    return next((kind for magic, kind in _MAGIC.items() if begin.startswith(magic)), "")


def _opened(path: Path, compression: Compression) -> BinaryIO:
    if compression == "gzip":
        return cast("BinaryIO", gzip.open(path, "rb"))
    if compression == "bzip2":
        return cast("BinaryIO", bz2.open(path, "rb"))
    return cast("BinaryIO", lzma.open(path, "rb")) if compression == "xz" else path.open("rb")


def _hash(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def _head(path: Path, compression: Compression) -> bytes:
    with _opened(path, compression) as file:
        return file.read(_HEAD_BYTES)


def _refuse_other(path: Path, head: bytes) -> None:
    if not head.strip(b" \t\r\n\x00" + codecs.BOM_UTF8):
        raise refused("file_empty", f"{path} is empty.")
    for magic, what in _NO_TEXT.items():
        if head.startswith(magic):
            raise refused("file_no_table", f"{path} is {what}.")


def _encoding(path: Path, compression: Compression, head: bytes) -> tuple[str, int]:
    """Return the encoding, and where the content stops being UTF-8 or -1: it is read to its end for that."""
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name, -1
    sample = head[:4096]
    if sample.count(b"\x00") > len(sample) // 4:  # every second byte of Latin text in UTF-16 is a zero
        return ("utf-16-le" if sample[1:2] == b"\x00" else "utf-16-be"), -1
    decoder, read = codecs.getincrementaldecoder("utf-8")(), 0
    with _opened(path, compression) as file:
        while True:
            block = file.read(_BLOCK)
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                return _one_byte(head), read - held + error.start
            if not block:
                return "utf-8", -1
            read += len(block)


def _one_byte(head: bytes) -> str:
    """Return Windows' Western encoding, or Latin-1 where bytes occur that Windows does not use."""
    with suppress(UnicodeDecodeError):
        head.decode("cp1252")
        return "cp1252"
    return "latin-1"


def _format(path: Path, text: str) -> Format:
    start = text.lstrip("\ufeff \t\r\n")
    if start[:1] == "[" and path.name.lower().removesuffix(".gz").endswith((".json", ".jsonl", ".ndjson")):
        return "json" if not _is_json(start.splitlines()[0]) or len(start.splitlines()) == 1 else "jsonl"
    if start[:1] == "{":
        return "jsonl" if _is_json(start.splitlines()[0]) else "json"
    return "csv"


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _delimiter(path: Path, text: str, given: str | None, wanted: Sequence[str]) -> tuple[str, bool]:
    """Return the delimiter, and whether fields are quoted, with which the first rows agree best on their length."""
    lines = text.splitlines(keepends=True)
    sample = "".join(lines[:-1] if len(lines) > _SAMPLE_ROWS else lines)
    tabs = ("\t",) if ".tsv" in path.name.lower() else _DELIMITERS
    candidates = (given,) if given else tabs
    best, best_score = (candidates[0], True), (0, 0.0, 0, False)
    for delimiter, quoted in product(candidates, (True, False)):
        rows = _records(sample, delimiter, quoted=quoted)
        if not rows or (len(rows[0]) == 1 and not given):
            continue
        agree = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
        header = {field.strip() for field in rows[0]}
        score = (sum(name in header for name in wanted), round(agree, 2), len(rows[0]), quoted)
        if score > best_score:
            best, best_score = (delimiter, quoted), score
    return best


def csv_reader(lines: Iterable[str], delimiter: str, *, quoted: bool) -> Iterator[list[str]]:
    """Return the records of CSV text; `quoted` says whether double quotes stand around fields."""
    return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)


def _records(sample: str, delimiter: str, *, quoted: bool) -> list[list[str]]:
    rows: list[list[str]] = []
    with suppress(csv.Error):
        for row in csv_reader(io.StringIO(sample, newline=""), delimiter, quoted=quoted):
            if row:
                rows.append(row)
            if len(rows) == _SAMPLE_ROWS:
                break
    return rows
