from __future__ import annotations

import multiprocessing

import pytest

from simulation.sim.crew import run_here
from tests.fakes import seeds

LIMIT_S = 30.0


@pytest.mark.integration
def test_every_seed_is_run_once_by_as_many_processes_as_asked() -> None:
    done = list(run_here(seeds.ends, [1, 2, 7, 8, 9], 2, LIMIT_S))
    assert sorted(ran.seed for ran in done) == [1, 2, 7, 8, 9]
    assert all(ran.events == 100 and not ran.violations for ran in done)


@pytest.mark.integration
def test_a_process_that_dies_is_a_violation_of_its_seed_and_the_others_go_on() -> None:
    wanted = [1, seeds.KILLED, seeds.EXITED, seeds.BROKEN, 7]
    said = {
        ran.seed: [v.sentence for v in ran.violations] for ran in run_here(seeds.ends, wanted, 2, LIMIT_S)
    }
    assert said == {
        1: [],
        seeds.KILLED: ["The process that ran seed 3 was ended by SIGKILL."],
        seeds.EXITED: ["The process that ran seed 4 ended with exit status 7."],
        seeds.BROKEN: ["Seed 6 broke it."],
        7: [],
    }


@pytest.mark.integration
def test_a_seed_that_never_ends_is_a_violation_too() -> None:
    said = {
        ran.seed: [v.sentence for v in ran.violations]
        for ran in run_here(seeds.ends, [seeds.STUCK, 1], 1, 4.0)
    }
    assert said == {seeds.STUCK: ["Seed 5 was not done after 4 s."], 1: []}


@pytest.mark.integration
def test_who_stops_to_listen_leaves_no_process_behind() -> None:
    runs = run_here(seeds.ends, iter(range(10, 10_000)), 2, LIMIT_S)
    next(runs)
    runs.close()
    assert multiprocessing.active_children() == []
