"""Every scenario that comes with Hive, over a few seeds: no promise is broken.

`HIVE_SIM_SEEDS=1000` is the large size, in all scenarios; `hive sim sweep` does it on all cores.
"""

from __future__ import annotations

import os

import pytest

from simulation.sim.run import run
from simulation.sim.scenario import load, names

SEEDS = int(os.environ.get("HIVE_SIM_SEEDS", "2"))


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("name", names())
def test_no_promise_is_broken_whatever_a_seed_makes_happen(name: str, seed: int) -> None:
    result = run(load(name), seed)
    assert [f"{v.invariant}: {v.sentence}" for v in result.violations] == []
    assert result.verdict is not None
    assert result.verdict.acknowledged == result.verdict.finished > 0
