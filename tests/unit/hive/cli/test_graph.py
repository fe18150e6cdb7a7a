"""The graph as a tree, and as a file."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from hive.cli.graph import graph_screen, roots, write_drawing
from hive.errors import HiveError


def shown(screen: RenderableType) -> list[str]:
    paper = io.StringIO()
    Console(file=paper, width=120, color_system=None).print(screen)
    return [line.rstrip() for line in paper.getvalue().splitlines()]


def test_the_graph_leads_from_what_comes_in_to_what_can_be_made() -> None:
    rows = [
        {"capability": "text.redact", "inputs": {"text": "text"}, "output": "text.redacted", "ready": 2, "nodes": 2,
         "removes": ["pii"]},
        {"capability": "text.embed", "inputs": {"text": "text.redacted"}, "output": "embedding"},
    ]  # fmt: skip
    types = [{"name": "text.redacted", "is_a": "text"}, {"name": "text", "is_a": None}]
    assert shown(graph_screen(rows, types)) == [
        "text",
        "└── ● text.redact  2 of 2 ready  removes pii",
        "    └── text.redacted is a text",
        "        └── ● text.embed  0 of 0 ready",
        "            └── embedding",
    ]


def test_a_circle_of_capabilities_ends() -> None:
    rows = [
        {"capability": "a.b", "inputs": {"x": "one"}, "output": "two"},
        {"capability": "b.a", "inputs": {"x": "two"}, "output": "one"},
    ]
    assert roots(rows) == ["one", "two"]
    assert len(shown(graph_screen(rows, []))) < 20


def test_an_empty_graph_says_where_to_look() -> None:
    assert shown(graph_screen([], [])) == ["Nothing is offered yet. `hive nodes` shows who has connected."]


def test_a_drawing_goes_into_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_drawing("<svg/>", str(tmp_path / "graph.svg"))
    assert (tmp_path / "graph.svg").read_text(encoding="utf-8") == "<svg/>"
    assert capsys.readouterr().out == ""
    write_drawing("<svg/>", "-")
    assert capsys.readouterr().out == "<svg/>"


def test_a_drawing_that_cannot_be_written_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(HiveError, match="cannot be written: No such file") as caught:
        write_drawing("<svg/>", str(tmp_path / "absent" / "graph.svg"))
    assert caught.value.code == "bad_request"
