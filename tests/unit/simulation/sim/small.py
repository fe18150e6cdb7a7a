"""A scenario for tests of the simulator itself: the smoke one, for three virtual seconds."""

from __future__ import annotations

from typing import Any

from simulation.sim.scenario import Scenario, load


def small(**keys: Any) -> Scenario:
    """Return it, with other values for some keys of its file."""
    scenario = load("smoke")
    faults = scenario.file.faults.model_copy(update={"count": 15})
    file = scenario.file.model_copy(update={"seconds": 3.0, "faults": faults, **keys})
    return Scenario(scenario.name, file, scenario.mesh)
