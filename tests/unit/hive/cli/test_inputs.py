"""What INPUT on the command line becomes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from hive.cli.inputs import asked_for, named_inputs
from hive.errors import HiveError


def value(written: str, *, as_text: bool = False) -> object:
    return asked_for("text.redact", written, None, as_text=as_text)[1]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("what is my balance", "what is my balance"),
        ("", ""),
        ("42", "42"),
        ("null", "null"),
        ('{"a": [1, null]}', {"a": [1, None]}),
        ("  [1, 2]", [1, 2]),
        ("[12:30] all fine", "[12:30] all fine"),
        ("Grüße", "Grüße"),
    ],
)
def test_a_word_is_text_unless_it_is_a_json_object_or_array(written: str, expected: object) -> None:
    assert value(written) == expected


@pytest.mark.parametrize("written", ['{"a": 1}', "[1]", "@someone", "{broken"])
def test_text_is_taken_as_it_is_where_told_so(written: str) -> None:
    assert value(written, as_text=True) == written


def test_files_are_json_by_their_name_and_text_otherwise(tmp_path: Path) -> None:
    (tmp_path / "window.json").write_text('{"source": "pump-7"}', encoding="utf-8")
    (tmp_path / "note.txt").write_text('{"a": 1}\n', encoding="utf-8")
    assert value(f"@{tmp_path}/window.json") == {"source": "pump-7"}
    assert value(f"@{tmp_path}/note.txt") == '{"a": 1}\n'


@pytest.mark.parametrize(
    ("content", "expected"), [(b"hello\n", "hello\n"), (b' {"a": 1}\n', {"a": 1}), (b"", "")]
)
def test_a_dash_reads_standard_input(content: bytes, expected: object) -> None:
    seen: list[object] = []
    app = typer.Typer()
    app.command()(lambda: seen.append(value("-")))
    assert CliRunner().invoke(app, [], input=content).exit_code == 0
    assert seen == [expected]


def test_with_want_the_only_word_is_the_input() -> None:
    assert asked_for("hello", None, "intent", as_text=False) == (None, "hello")
    assert asked_for(None, None, "intent", as_text=False) == (None, None)
    assert asked_for("a.b", "hello", None, as_text=False) == ("a.b", "hello")


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("{broken", r"INPUT is not JSON: .*--text takes it as text"),
        ("@absent.txt", r"absent\.txt cannot be read: No such file"),
        ("@/", r"/ cannot be read: Is a directory"),
        (os.fsdecode(b"\xff"), r"INPUT is not UTF-8 text at byte 0"),
    ],
)
def test_what_cannot_be_an_input_is_wrong_usage(written: str, sentence: str) -> None:
    with pytest.raises(HiveError, match=sentence) as caught:
        value(written)
    assert (caught.value.code, caught.value.kind.exit_status) == ("bad_request", 2)


def test_files_that_are_not_utf8_or_not_json_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"ok\xff")
    (tmp_path / "b.json").write_text("{", encoding="utf-8")
    with pytest.raises(HiveError, match=r"a\.txt is not UTF-8 text at byte 2"):
        value(f"@{tmp_path}/a.txt")
    with pytest.raises(HiveError, match=r"b\.json is not JSON"):
        value(f"@{tmp_path}/b.json")


def test_nothing_asked_for_is_wrong_usage() -> None:
    with pytest.raises(HiveError, match="Say what to call"):
        asked_for(None, None, None, as_text=False)


def test_several_inputs_go_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "w.json").write_text('{"source": "pump-7"}', encoding="utf-8")
    options = [f"window=@{tmp_path}/w.json", "note=a=b", 'sign:anomaly={"score": 1}']
    assert named_inputs(options, as_text=False) == {
        "inputs": {"window": {"source": "pump-7"}, "note": "a=b", "sign": {"score": 1}},
        "input_type": {"sign": "anomaly"},
    }
    assert named_inputs([], as_text=False) == {}


@pytest.mark.parametrize("options", [["window"], ["=x"], [":text=x"], ["a=1", "a=2"]])
def test_a_named_input_without_a_name_or_twice_is_refused(options: list[str]) -> None:
    with pytest.raises(HiveError, match="--input") as caught:
        named_inputs(options, as_text=False)
    assert caught.value.code == "bad_request"
