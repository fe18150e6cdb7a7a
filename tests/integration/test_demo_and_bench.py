"""The demo and the benchmark in their small sizes, as commands on the real thing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def hive(home: Path, *words: str) -> tuple[int, Any]:
    environment = {**os.environ, "HIVE_HOME": str(home)}
    environment.pop("HIVE_URL", None)
    done = subprocess.run(
        [sys.executable, "-m", "hive", *words, "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.count("\n") == 1, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_the_demo_breaks_two_nodes_and_a_link_and_loses_nothing(tmp_path: Path) -> None:
    status, said = hive(tmp_path, "demo", "--seconds", "10", "--rate", "40")
    assert (status, said["lost"]) == (0, 0), said
    assert said["sent"] == said["finished"] >= 100
    assert [fault["kind"] for fault in said["faults"]] == ["SIGKILL", "SIGSTOP"]
    assert all(fault["back_s"] > 0 for fault in said["faults"])
    assert said["moved"] >= 1
    link, redacted = said["link"], said["redacted"]
    assert (link["site"], link["to"]) == ("plant-b", "cloud")
    assert link["answered_alone"] >= 5 < link["waited"]
    assert 0 < link["drained_s"] < 10
    assert (redacted["labels"], redacted["rule"]) == (["internal"], "plants-to-cloud")
    assert "Maria Keller" in redacted["said"]
    assert "Keller" not in redacted["left"]


def test_memory_of_a_node_is_measured_against_a_bare_python(tmp_path: Path) -> None:
    status, said = hive(tmp_path, "bench", "memory", "--pairs", "2")
    (row,) = said["results"]
    assert (row["id"], row["unit"]) == ("P12", "kB")
    assert 20_000 < row["baseline"] < row["ours"]
    assert status == (0 if row["holds"] else 1)


def test_the_benchmark_measures_every_goal_and_its_status_says_whether_all_hold(tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, said = hive(tmp_path, "bench", "dispatch", "--pairs", "2", "--trips", "20", "--out", str(out))
    assert [row["id"] for row in said["results"]] == ["P1", "P2", "P14"]
    for row in said["results"]:
        assert 0 < row["low"] <= row["ratio"] <= row["high"]
        assert row["ours"] > 0 < row["baseline"]
    assert status == (0 if all(row["holds"] for row in said["results"]) else 1)
    assert json.loads((out / "dispatch.json").read_text())["results"] == said["results"]


def test_a_decision_does_not_grow_with_the_nodes_and_is_plotted(tmp_path: Path) -> None:
    few = ("--nodes", "10", "--nodes", "300", "--pairs", "4")
    status, said = hive(tmp_path, "bench", "route", *few, "--out", str(tmp_path / "out"))
    assert [row["id"] for row in said["results"]] == ["P7", "P7 join", "P7 leave"]
    assert status == (0 if all(row["holds"] for row in said["results"]) else 1)
    assert [(size["nodes"], size["sites"]) for size in said["sizes"]] == [
        (10, 0),
        (300, 0),
        (10, 1),
        (300, 1),
        (300, 10),
    ]
    assert all(size["decision_us"] > 0 and size["answer_us"] > 0 for size in said["sizes"])
    assert (tmp_path / "out" / "route.svg").read_text().startswith("<?xml")
    assert json.loads((tmp_path / "out" / "route.json").read_text())["sizes"] == said["sizes"]
