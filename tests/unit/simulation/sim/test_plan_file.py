"""A plan that is written is read again as it was, and what is no plan is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.errors import HiveError
from simulation.sim import plan_file
from simulation.sim.plan_file import PlanFile
from simulation.sim.run import plan_of, run
from simulation.sim.scenario import load


def test_a_plan_is_the_same_after_a_file_and_runs_the_same(tmp_path: Path) -> None:
    scenario = load("smoke")
    plan = plan_of(scenario, 5)
    written = PlanFile("smoke", 5, "state", plan)
    plan_file.save(tmp_path / "a.json", written)
    read = plan_file.read(tmp_path / "a.json")
    assert read == written
    assert run(scenario, 5, read.plan).digest == run(scenario, 5).digest


def test_each_fault_and_each_submission_is_a_line(tmp_path: Path) -> None:
    plan = plan_of(load("smoke"), 5)
    plan_file.save(tmp_path / "a.json", PlanFile("smoke", 5, "state", plan))
    lines = (tmp_path / "a.json").read_text(encoding="utf-8").splitlines()
    assert sum('"kind"' in line for line in lines) == len(plan.faults)
    assert sum('"caller"' in line for line in lines) == len(plan.submissions)


def test_a_file_that_is_not_there_and_one_that_is_no_plan_are_told(tmp_path: Path) -> None:
    with pytest.raises(HiveError, match="hive sim shrink") as missing:
        plan_file.read(tmp_path / "none.json")
    assert missing.value.code == "config_not_found"
    (tmp_path / "b.json").write_text('{"faults": []}', encoding="utf-8")
    with pytest.raises(HiveError, match="is no plan") as wrong:
        plan_file.read(tmp_path / "b.json")
    assert wrong.value.code == "config_invalid"
