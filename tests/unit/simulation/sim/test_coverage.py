"""A report says what occurred and, above all, what never did."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from simulation.sim.coverage import document, grouped, missing, save
from simulation.sim.coverage_plot import draw
from simulation.sim.sweep import Sweep

COUNTS = Counter(
    {
        "fault link_cut": 2,
        "fault node_crash": 5,
        "submit done": 9,
        "submit queue_full": 1,
        "task new to queued": 4,
        "core moves": 3,
    }
)


def test_counters_are_told_apart_the_largest_first() -> None:
    assert list(grouped(COUNTS)["faults"].items()) == [("node_crash", 5), ("link_cut", 2)]
    assert grouped(COUNTS)["tasks"] == {"new to queued": 4}
    assert grouped(COUNTS)["nodes"] == {}


def test_what_never_occurred_is_named() -> None:
    never = missing(COUNTS)
    assert "node_freeze" in never["faults"]
    assert "link_cut" not in never["faults"]
    assert "label_forbidden" in never["errors"]
    assert "queue_full" not in never["errors"]


def test_a_report_is_a_page_a_document_and_a_plot(tmp_path: Path) -> None:
    done = Sweep("town", seeds=3, events=12_000, cpu_s=0.5, counts=COUNTS)
    page = save(tmp_path, done).read_text(encoding="utf-8")
    assert "12,000 events in 0.0 virtual hours, 24,000 a second of one core." in page
    assert "| node_crash | 5 |" in page
    assert json.loads((tmp_path / "town.json").read_text(encoding="utf-8")) == json.loads(
        json.dumps(document(done))
    )
    assert draw(done, tmp_path / "town.svg").read_text(encoding="utf-8").startswith("<?xml")
