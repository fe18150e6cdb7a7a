"""Files of data are recognised by what they hold, and read in chunks with the row numbers that a person sees."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

pytest.importorskip("pandas", reason="the forge is not installed")

import pandas as pd

from hive.errors import HiveError
from specialists.forge.data.files import Reading, find_file, inspect
from specialists.forge.data.findings import Findings
from specialists.forge.data.rows import Rows

AS_FOUND = Reading()
TABLE = [{"text": 'naïve, "quoted"\nand in two lines', "n": "1,5"}, {"text": "second", "n": "2"}]


def read(path: Path, reading: Reading = AS_FOUND) -> tuple[list[tuple[int, dict[str, object]]], Findings]:
    findings = Findings()
    rows = Rows(inspect(path, reading), reading.header, findings)
    frames = list(rows.chunks())
    found = [(int(n), dict(row)) for frame in frames for n, row in frame.iterrows()]
    return found, findings


def saved(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


HEAD = b"text,label\n" + b"fine,a\n" * 60_000
CSV = 'text,n\n"naïve, ""quoted""\nand in two lines","1,5"\nsecond,2\n'
SEMICOLON = 'text;n\n"naïve, ""quoted""\nand in two lines";1,5\nsecond;2\n'
TSV = 'text\tn\n"naïve, ""quoted""\nand in two lines"\t1,5\nsecond\t2\n'


@pytest.mark.parametrize(
    ("name", "content", "encoding", "delimiter"),
    [
        ("a.csv", CSV.encode(), "utf-8", ","),
        ("a.csv", CSV.encode("utf-8-sig"), "utf-8-sig", ","),
        ("a.csv", CSV.encode("utf-16"), "utf-16", ","),
        ("a.csv", CSV.encode("utf-16-le"), "utf-16-le", ","),
        ("a.csv", CSV.encode("cp1252"), "cp1252", ","),
        ("a.csv.gz", gzip.compress(CSV.encode()), "utf-8", ","),
        ("a.csv", CSV.replace("\n", "\r\n").replace("\r\nand", "\nand").encode(), "utf-8", ","),
        ("a.csv", SEMICOLON.encode(), "utf-8", ";"),
        ("a.csv", SEMICOLON.replace(";", "|").encode(), "utf-8", "|"),
        ("a.tsv", TSV.encode(), "utf-8", "\t"),
        ("a.txt", TSV.encode(), "utf-8", "\t"),
    ],
)
def test_tables_of_text(tmp_path: Path, name: str, content: bytes, encoding: str, delimiter: str) -> None:
    path = saved(tmp_path / name, content)
    file = inspect(path)
    assert (file.format, file.encoding, file.delimiter) == ("csv", encoding, delimiter)
    found, findings = read(path)
    assert found == [(2, TABLE[0]), (3, TABLE[1])]
    assert findings.items == []


def test_quotes_that_are_part_of_the_text(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tsv", b'text\tlabel\n"stop\tx\nsay "go" now\ty\n"\tz\n')
    found, _ = read(path)
    assert [row["text"] for _, row in found] == ['"stop', 'say "go" now', '"']


def test_a_file_without_header(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.csv", b"hello,greet\nbye,leave\n")
    found, _ = read(path, Reading(header=False))
    assert found == [(1, {"1": "hello", "2": "greet"}), (2, {"1": "bye", "2": "leave"})]


def test_the_delimiter_whose_header_has_the_wanted_columns_wins(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.csv", b"a,b,text;c,d,label\nx,y,z;u,v,w\n")
    assert inspect(path, wanted=["a", "b"]).delimiter == ","
    assert inspect(path, wanted=["a,b,text"]).delimiter == ";"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", "".join(json.dumps(row) + "\n" for row in TABLE)),
        ("a.json", json.dumps(TABLE)),
        ("a.json", json.dumps(TABLE, indent=2)),
        ("a.json", json.dumps({"data": TABLE}, indent=1)),
        ("a.json", json.dumps({name: [row[name] for row in TABLE] for name in ("text", "n")}, indent=1)),
        (
            "a.json",
            json.dumps({k: {str(n): row[k] for n, row in enumerate(TABLE)} for k in ("text", "n")}, indent=1),
        ),
        ("a.jsonl", "".join(json.dumps({"n": row["n"], "text": row["text"]}) + "\n\n" for row in TABLE)),
    ],
)
def test_json_in_its_usual_forms(tmp_path: Path, name: str, text: str) -> None:
    found, _ = read(saved(tmp_path / name, text.encode()))
    assert [row for _, row in found] == TABLE


def test_json_lines_keep_nested_values_null_and_their_line_numbers(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jsonl", b'{"t": "x", "spans": [{"start": 0}]}\n\n{"t": null, "u": 2.5}\n')
    found, _ = read(path)
    assert found == [
        (1, {"t": "x", "spans": [{"start": 0}], "u": None}),
        (3, {"t": None, "spans": None, "u": 2.5}),
    ]


def test_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    pd.DataFrame(TABLE).to_parquet(tmp_path / "a.parquet")
    found, _ = read(tmp_path / "a.parquet")
    assert found == [(1, TABLE[0]), (2, TABLE[1])]


def test_a_few_broken_rows_are_left_out_and_many_are_refused(tmp_path: Path) -> None:
    good = "".join(f"text {n},a\n" for n in range(60))
    found, findings = read(saved(tmp_path / "a.csv", f"text,label\none, two,a\n{good}".encode()))
    assert len(found) == 60
    (finding,) = findings.items
    assert finding.sentence == (
        "a.csv: 1 row of 61 cannot be read (row 2: 3 fields where the header has 2). A text with the delimiter, a "
        "quote or a line break in it must stand in double quotes. They are left out."
    )
    with pytest.raises(HiveError, match="cannot be read"):
        read(
            saved(tmp_path / "b.csv", f"text,label\n{'one, two,a' * 1}\nfine,b\n".encode()),
            Reading(delimiter=","),
        )
    lines = b'{"a": 1}\n' * 40 + b"{broken\n[1]\n"
    found, findings = read(saved(tmp_path / "a.jsonl", lines))
    assert len(found) == 40
    assert "2 rows of 42 cannot be read (row 41: no JSON" in findings.items[0].sentence


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b" \n\n", "is empty"),
        ("a.csv", b"PK\x03\x04rest", "Excel workbook"),
        ("a.csv", b"a,a\n1,2\n", "the column 'a' more than once"),
        ("a.json", b"{broken", "no valid JSON"),
        ("a.parquet", b"PAR1 and no more", "no readable Parquet"),
        ("a.csv.gz", gzip.compress(b"a,b\n" * 1000)[:-12], "cannot be read"),
        ("a.csv", HEAD + b'"broken,a\n' + b"fine,a\n" * 200_000, "Is a double quote missing its pair?"),
        ("a.csv", HEAD + b'"broken,a\n' + b"fine,a\n" * 2_000, "Is a double quote missing its pair?"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    with pytest.raises(HiveError) as caught:
        read(saved(tmp_path / name, content))
    assert caught.value.code == "data_invalid"
    assert words in caught.value.detail


def test_an_unknown_encoding_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(HiveError, match="There is no encoding 'utf-9'"):
        inspect(saved(tmp_path / "a.csv", b"a,b\n"), Reading(encoding="utf-9"))
    with pytest.raises(HiveError, match=r"There is no file nothing\.csv"):
        find_file("nothing.csv", tmp_path, {})


def test_a_file_is_looked_for_beside_the_recipe_and_in_the_data_folder(tmp_path: Path) -> None:
    for name in ("recipes", "data"):
        (tmp_path / name).mkdir()
    saved(tmp_path / "data" / "mine.csv", b"a\n")
    assert find_file("mine.csv", tmp_path / "recipes", {"HIVE_DATA": str(tmp_path / "data")}) == (
        tmp_path / "data" / "mine.csv"
    )
    saved(tmp_path / "recipes" / "mine.csv", b"a\n")
    assert find_file("mine.csv", tmp_path / "recipes", {"HIVE_DATA": str(tmp_path / "data")}) == (
        tmp_path / "recipes" / "mine.csv"
    )
