"""How commands speak: one JSON value on stdout, sentences on stderr, the catalogue's exit status."""

from __future__ import annotations

import json

import pytest
import typer

from hive.cli.report import emit, escape, plain, reported, wants_json
from hive.errors import HiveError


def left_with(error: BaseException, *, as_json: bool = False) -> int:
    with pytest.raises(typer.Exit) as caught, reported(as_json=as_json):
        raise error
    return caught.value.exit_code


def test_a_failure_is_a_sentence_on_stderr_with_its_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert left_with(HiveError("address_in_use", "Port 1 is taken by [another] process.")) == 82
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "address_in_use  Port 1 is taken by [another] process.",
        "The address is taken by another process.",
    ]


def test_with_json_a_failure_is_one_value_on_stdout_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert left_with(HiveError("forbidden", "No.", rule="r1"), as_json=True) == 12
    assert json.loads(capsys.readouterr().out) == {"code": "forbidden", "detail": "No.", "rule": "r1"}


def test_a_sentence_of_the_catalogue_is_not_said_twice(capsys: pytest.CaptureFixture[str]) -> None:
    left_with(HiveError("not_running"))
    assert capsys.readouterr().err == "not_running  No mesh is running. `hive up CONFIG` starts one.\n"


def test_every_line_of_a_long_failure_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    left_with(HiveError("config_invalid", "a.yaml:1: one\na.yaml:2: two"))
    assert capsys.readouterr().err.splitlines()[:2] == ["config_invalid  a.yaml:1: one", "a.yaml:2: two"]


def test_a_fault_of_ours_shows_its_trace_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert left_with(ZeroDivisionError("x / 0")) == 99
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "internal  ZeroDivisionError: x / 0" in said


def test_an_interruption_is_130_and_no_trace(capsys: pytest.CaptureFixture[str]) -> None:
    assert left_with(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_an_exit_status_passes_through() -> None:
    assert left_with(typer.Exit(7)) == 7


def test_json_keeps_other_alphabets(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"text": "größer"})
    assert capsys.readouterr().out == '{"text": "größer"}\n'


@pytest.mark.parametrize(
    ("words", "wanted"),
    [("nodes --json", True), ("submit x -- --json", False), ("nodes", False), ("--json", True)],
)
def test_json_is_wanted_before_any_option_is_known(words: str, wanted: bool) -> None:
    assert wants_json(words.split()) is wanted


def test_what_others_chose_gives_the_terminal_no_orders() -> None:
    assert plain("a\x1b]0;b\x07c\x9bd\r\te\nf") == "a\ufffd]0;b\ufffdc\ufffdd\ufffd\te\nf"
    assert escape("[red]\x1b[2J") == "\\[red]\ufffd[2J"
