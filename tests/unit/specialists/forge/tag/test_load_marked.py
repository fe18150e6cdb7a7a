"""Marked texts come from files of many forms, and what is wrong with a file is said in sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("pandas")

from hive.errors import HiveError
from specialists.forge.data.findings import Findings
from specialists.forge.sources.values import MarkedText, Span
from specialists.forge.tag.load import read_marked

WAKE = MarkedText("wake me at five am", (Span(11, 18, "time"),), intent="alarm")
JOHN = MarkedText("John Smith left Paris.", (Span(0, 10, "PER"), Span(16, 21, "LOC")))


def read(folder: Path, name: str, content: str, **columns: str) -> tuple[list[MarkedText], list[str]]:
    path = folder / name
    path.write_text(content, "utf-8")
    findings = Findings()
    return list(read_marked(path, columns, findings)), [found.sentence for found in findings.items]


def refusal(folder: Path, name: str, content: str, **columns: str) -> str:
    with pytest.raises(HiveError) as caught:
        read(folder, name, content, **columns)
    assert caught.value.code == "data_invalid"
    return caught.value.detail


def lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    "row",
    [
        {"text": WAKE.text, "spans": [{"start": 11, "end": 18, "type": "time"}], "intent": "alarm"},
        {
            "text": WAKE.text,
            "entities": [{"start": 11, "end": 18, "label": "time", "value": "five am"}],
            "intent": "alarm",
        },
        {"text": WAKE.text, "labels": [[11, 18, "time"]], "intent": "alarm"},
        {"tokens": WAKE.text.split(), "tags": ["O", "O", "O", "B-time", "I-time"], "intent": "alarm"},
        {"utterance": WAKE.text, "tags": "O O O B-time I-time", "intent": "alarm"},
        {"tokens": WAKE.text.split(), "ner_tags": ["O", "O", "O", "time", "time"], "label": "alarm"},
    ],
)
def test_json_lines_of_many_forms(tmp_path: Path, row: object) -> None:
    assert read(tmp_path, "a.jsonl", lines(row, row)) == ([WAKE, WAKE], [])


def test_columns_can_be_named(tmp_path: Path) -> None:
    row = {"words": 3, "line": WAKE.text, "what": "alarm", "marks": [[11, 18, "time"]]}
    found, said = read(tmp_path, "a.jsonl", lines(row), text="line", spans="marks", label="what")
    assert (found, said) == ([WAKE], [])


def test_a_csv_with_spans_in_a_field(tmp_path: Path) -> None:
    content = (
        "text,spans,intent\n"
        'wake me at five am,"[{""start"": 11, ""end"": 18, ""type"": ""time""}]",alarm\n'
        "stop,,halt\n"
        "go,[],go\n"
    )
    found, said = read(tmp_path, "a.csv", content)
    assert found == [WAKE, MarkedText("stop", (), intent="halt"), MarkedText("go", (), intent="go")]
    assert said == []


def test_a_csv_with_lists_as_python_writes_them(tmp_path: Path) -> None:
    content = "Sentence,Tag\nwake me at five am,\"['O', 'O', 'O', 'B-time', 'I-time']\"\n"
    assert read(tmp_path, "a.csv", content)[0] == [MarkedText(WAKE.text, WAKE.spans)]


def test_a_csv_with_a_row_for_each_token(tmp_path: Path) -> None:
    content = (
        "Sentence #,Word,POS,Tag\nSentence: 1,John,NNP,B-PER\n,Smith,NNP,I-PER\n,left,VBD,O\n,Paris,NNP,B-LOC\n,.,.,O\n"
        "Sentence: 2,None,NN,O\n"
    )
    found, said = read(tmp_path, "a.csv", content)
    assert found == [JOHN, MarkedText("None", ())]
    assert said == []


@pytest.mark.parametrize(
    "tags",
    [
        "B-PER I-PER O B-LOC O",
        "I-PER I-PER O I-LOC O",
        "B-PER E-PER O S-LOC O",
        "B-PER L-PER O U-LOC O",
        "B_PER I_PER O B_LOC O",
    ],
)
def test_conll_in_every_scheme(tmp_path: Path, tags: str) -> None:
    rows = zip(["John", "Smith", "left", "Paris", "."], tags.split(), strict=True)
    content = "-DOCSTART- -X- O\n\n" + "".join(f"{token} NN {tag}\n" for token, tag in rows) + "\nhe O O\n"
    assert read(tmp_path, "a.txt", content) == ([JOHN, MarkedText("he", ())], [])


def test_conll_with_numbers_notes_and_a_header(tmp_path: Path) -> None:
    content = "id\ttoken\ttag\n# id = 7\n1\tParis\tB-LOC\n2\tis\tO\n\n1\t#\tO\n2\t!\tO\n"
    found, said = read(tmp_path, "a.tsv", content)
    assert found == [MarkedText("Paris is", (Span(0, 5, "LOC"),)), MarkedText("#!", ())]
    assert said == []


def test_neighbours_of_one_type_stay_two(tmp_path: Path) -> None:
    found, _ = read(tmp_path, "a.conll", "Ann B-PER\nBea B-PER\nand O\n")
    assert found == [MarkedText("Ann Bea and", (Span(0, 3, "PER"), Span(4, 7, "PER")))]


def test_a_single_bad_row_is_left_out_and_named(tmp_path: Path) -> None:
    good = {"text": WAKE.text, "spans": [[11, 18, "time"]]}
    bad = {"text": "stop", "spans": [[0, 9, "time"]]}
    found, said = read(tmp_path, "a.jsonl", lines(*[good] * 30, bad))
    assert len(found) == 30
    assert said == ["1 row of 31 (row 31): the span 0 to 9 is not within the text's 4 characters. Left out."]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"spans": [[0, 9, "a"]]}, "the span 0 to 9 is not within the text's 4 characters"),
        ({"spans": [[3, 1, "a"]]}, "the span 3 to 1 is not within the text's 4 characters"),
        ({"spans": [[0, 3, "a"], [2, 4, "b"]]}, "'sto' (a, 0 to 3) and 'op' (b, 2 to 4) overlap"),
        ({"spans": [{"start": 0, "type": "a"}]}, "has no whole numbers `start` and `end` and a `type`"),
        (
            {"spans": [{"start": 0, "end": 2, "type": "a", "value": "top"}]},
            "is 'st' in the text, but said to be 'top'",
        ),
        ({"text": "", "spans": [[0, 1, "a"]]}, "there is no text in 'text'"),
        ({"text": "a b", "spans": [[1, 2, "a"]]}, "the span 1 to 2 has no character that is seen"),
    ],
)
def test_wrong_spans(tmp_path: Path, row: dict[str, object], sentence: str) -> None:
    assert sentence in refusal(tmp_path, "a.jsonl", lines({"text": "stop", **row}))


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"tags": ["O"]}, "2 tokens have 1 tags; each needs one"),
        ({"tags": [0, 1]}, "the tags are numbers; write their names, such as B-PERSON"),
        ({"tags": ["O", ""]}, "the list in 'tags' has an empty string"),
        ({"tokens": [], "tags": []}, "there is no token in 'tokens'"),
    ],
)
def test_wrong_tags(tmp_path: Path, row: dict[str, object], sentence: str) -> None:
    assert sentence in refusal(tmp_path, "a.jsonl", lines({"tokens": ["go", "on"], **row}))


def test_unknown_columns_are_listed_with_what_would_do(tmp_path: Path) -> None:
    detail = refusal(tmp_path, "a.csv", "text,label\nhello,greeting\nbye,parting\n")
    assert (
        "The file has the columns text and label. A tagger learns from rows with a text and its spans"
        in detail
    )
    assert "did you mean 'text'?" in refusal(tmp_path, "a.csv", "text,spans\nhello,[]\n", text="txet")


def test_tokens_need_a_sentence(tmp_path: Path) -> None:
    detail = refusal(tmp_path, "a.csv", "token,tag\nhello,O\nAnn,B-PER\n")
    assert "no column says to which sentence it belongs" in detail


def test_conll_without_tags(tmp_path: Path) -> None:
    assert "No column of the file holds tags" in refusal(tmp_path, "a.conll", "Ann Bea\ngoes home\n")
    content = "Ann B-PER\n" * 10 + "goes home\n"
    assert "Line 11: no tag such as O, B-PERSON or I-PERSON there." in refusal(tmp_path, "b.conll", content)
