"""One run: the same seed gives the same events in any process, and what breaks is told with its story."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from simulation.sim.run import plan_of, run
from simulation.sim.scenario import load

DIGEST = """
from simulation.sim.run import run
from simulation.sim.scenario import load
print(run(load("smoke"), 3).digest)
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
    assert there.stdout.strip() == run(load("smoke"), 3).digest


def test_a_trace_changes_nothing_and_tells_what_happened() -> None:
    scenario = load("smoke")
    plain, traced = run(scenario, 3), run(scenario, 3, trace=True)
    assert traced.digest == plain.digest
    assert plain.story == ()
    assert any("FAULT" in line for line in traced.story)
    assert any("Submit" in line for line in traced.story)


def test_another_seed_is_another_run() -> None:
    scenario = load("smoke")
    assert plan_of(scenario, 1) == plan_of(scenario, 1)
    assert plan_of(scenario, 1) != plan_of(scenario, 2)
    assert run(scenario, 1).digest != run(scenario, 2).digest
