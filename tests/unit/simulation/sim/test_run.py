"""One run: the same seed gives the same events in any process, and what breaks is told with its story."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from simulation.sim.plan import Plan
from simulation.sim.run import plan_of, run
from tests.unit.simulation.sim.small import small

DIGEST = """
from tests.unit.simulation.sim.small import small
from simulation.sim.run import run
print(run(small(), 3).digest)
"""


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_a_seed_replays_bit_for_bit_in_another_process(hash_seed: str) -> None:
    there = subprocess.run(
        [sys.executable, "-c", DIGEST],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert there.stdout.strip() == run(small(), 3).digest


def test_a_trace_changes_nothing_and_tells_what_happened() -> None:
    scenario = small()
    plain, traced = run(scenario, 3), run(scenario, 3, trace=True)
    assert traced.digest == plain.digest
    assert plain.story == ()
    assert any("FAULT" in line for line in traced.story)
    assert any("Submit" in line for line in traced.story)


def test_another_seed_is_another_run() -> None:
    scenario = small()
    assert plan_of(scenario, 1) == plan_of(scenario, 1)
    assert plan_of(scenario, 1) != plan_of(scenario, 2)
    assert run(scenario, 1).digest != run(scenario, 2).digest


def test_encoding_every_message_gives_the_same_run() -> None:
    assert run(small(encode=True), 3).digest == run(small(), 3).digest


def test_leaving_a_fault_out_leaves_the_others_and_the_submissions_as_they_are() -> None:
    scenario = small()
    plan = plan_of(scenario, 5)
    without = Plan(plan.faults[1:], plan.submissions)
    counts = run(scenario, 5, without).counts
    assert sum(n for name, n in counts.items() if name.startswith("fault ")) <= len(without.faults)
    assert run(scenario, 5, without).digest == run(scenario, 5, without).digest


def test_an_empty_plan_is_a_quiet_run() -> None:
    result = run(small(), 1, Plan((), ()))
    assert (result.violations, result.counts) == ((), {})
    assert result.verdict is not None
    assert result.verdict.acknowledged == 0
