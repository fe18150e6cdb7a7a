"""Comparing in pairs: the order of the runs, the ratio, its interval, and what holds."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from simulation.bench.pairs import Goal, Sample, bootstrap, compare, interleave
from simulation.bench.report import document, save, table

TIME = Goal("P1", "round trip", "us", gate=1.6, edge=1.25)
RATE = Goal("P2", "tasks/s", "1/s", gate=0.45, edge=0.6, more_is_better=True)


def pairs(*ratios: float) -> list[tuple[Sample, Sample]]:
    return [(Sample(100 * ratio, 2e-6), Sample(100, 1e-6)) for ratio in ratios]


def test_both_ways_take_turns_at_being_first() -> None:
    order: list[str] = []

    def run(name: str) -> Sample:
        order.append(name)
        return Sample(len(order))

    samples = interleave(lambda: run("ours"), lambda: run("bare"), 3, lambda: order.append("|"))
    assert order == ["ours", "bare", "|", "bare", "ours", "|", "ours", "bare", "|"]
    assert [(a.value, b.value) for a, b in samples] == [(1, 2), (5, 4), (7, 8)]


def test_the_result_is_the_median_of_the_paired_ratios() -> None:
    result = compare(TIME, pairs(1.0, 1.5, 9.0))
    assert (result.ratio, result.ours, result.baseline, result.pairs) == (1.5, 150, 100, 3)
    assert (result.ours_cpu_us, result.baseline_cpu_us) == (2.0, 1.0)


@pytest.mark.parametrize(
    ("goal", "ratio", "holds"),
    [(TIME, 1.6, True), (TIME, 1.61, False), (RATE, 0.45, True), (RATE, 0.44, False)],
)
def test_a_gate_holds_at_its_value_and_not_beyond(goal: Goal, ratio: float, holds: bool) -> None:  # noqa: FBT001
    assert compare(goal, pairs(ratio, ratio, ratio)).holds is holds


def test_the_interval_lies_around_the_median_and_is_the_same_every_time() -> None:
    values = [1.0 + i / 100 for i in range(40)]
    low, high = bootstrap(values)
    assert 1.0 <= low < 1.195 < high <= 1.39
    assert bootstrap(values) == (low, high)
    assert bootstrap([2.0] * 12) == (2.0, 2.0)


def test_the_document_has_what_scripts_rely_on(tmp_path: Path) -> None:
    results = [compare(TIME, pairs(1.5, 1.7)), compare(RATE, pairs(0.4, 0.5))]
    said = document("dispatch", results)
    assert list(said) == ["name", "machine", "results"]
    for row in said["results"]:  # type: ignore[attr-defined]
        assert {"id", "ratio", "low", "high", "gate", "edge", "holds"} <= row.keys()
    saved = json.loads(save(tmp_path / "new", "dispatch", results).read_text())
    assert saved["results"] == json.loads(json.dumps(said["results"]))


def test_the_table_says_what_misses() -> None:
    console = Console(width=100, file=io.StringIO())
    console.print(table("dispatch", [compare(TIME, pairs(1.9, 1.9)), compare(RATE, pairs(0.5, 0.5))]))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    (missed,) = (line for line in lines if "misses" in line)
    (held,) = (line for line in lines if "holds" in line)
    assert ("P1" in missed, "1.90" in missed) == (True, True)
    assert ("P2" in held, "0.50" in held) == (True, True)
