"""Tables that leave columns out instead of cutting every one of them off."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from hive.cli.style import Listing


def shown(width: int) -> list[list[str]]:
    table = Listing(("node", "site", "pid"), right=("pid",), spare=("site", "pid"))
    table.add_row("press-1/mesh-echo", "plant-a", "4711")
    paper = io.StringIO()
    Console(file=paper, width=width, color_system=None).print(table)
    heading, _, row = paper.getvalue().splitlines()
    return [heading.split(), row.split()]


@pytest.mark.parametrize(
    ("width", "headings", "cells"),
    [
        (120, ["node", "site", "pid"], ["press-1/mesh-echo", "plant-a", "4711"]),
        (32, ["node", "site", "pid"], ["press-1/mesh-echo", "plant-a", "4711"]),
        (31, ["node", "pid"], ["press-1/mesh-echo", "4711"]),
        (20, ["node"], ["press-1/mesh-echo"]),
        (8, ["node"], ["press-1…"]),
    ],
)
def test_a_table_keeps_the_columns_that_fit(width: int, headings: list[str], cells: list[str]) -> None:
    assert shown(width) == [headings, cells]
