"""A build tells how far it is: with bars on a terminal, in plain lines elsewhere."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from specialists.forge.pipeline.progress import Lines, Reporter, Screen, reporter_for


def told(reporter: Reporter) -> None:
    """Tell what a short build would."""
    with reporter.shown():
        reporter.kept("data")
        reporter.begun("teacher")
        bar = reporter.bar("epochs", 10)
        for number in range(10):
            bar.advance(1, f"loss {number}")
        reporter.said("teacher", "It learned [a lot].")
        reporter.done("teacher", 75.0)


def test_in_a_pipe_there_are_plain_lines_and_few_of_a_bar() -> None:
    stream = StringIO()
    told(Lines(Console(file=stream, width=40)))
    assert stream.getvalue().splitlines() == [
        "data: from the cache",
        "teacher: begins",
        "epochs: 2 of 10, loss 1",
        "epochs: 4 of 10, loss 3",
        "epochs: 6 of 10, loss 5",
        "epochs: 8 of 10, loss 7",
        "epochs: 10 of 10, loss 9",
        "teacher: It learned [a lot].",
        "teacher: done in 1 min 15 s",
    ]


def test_on_a_terminal_each_finished_stage_leaves_a_line_and_bars_vanish() -> None:
    stream = StringIO()
    told(Screen(Console(file=stream, width=80, force_terminal=True, color_system=None, _environ={})))
    text = stream.getvalue()
    assert "● data       from the cache" in text
    assert "It learned [a lot]." in text
    assert "● teacher    1 min 15 s" in text
    assert "\x1b[2K" in text


@pytest.mark.parametrize(("terminal", "kind"), [(True, Screen), (False, Lines)])
def test_the_console_decides(terminal: bool, kind: type) -> None:  # noqa: FBT001
    console = Console(file=StringIO(), force_terminal=terminal)
    assert isinstance(reporter_for(console), kind)
