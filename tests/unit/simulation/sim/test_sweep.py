from __future__ import annotations

from collections.abc import Iterator

from simulation.sim.seeds import Ran
from simulation.sim.sweep import Sweep, sweep
from tests.fakes import seeds


def runs(*numbers: int) -> Iterator[Ran]:
    return iter([seeds.ends(number) for number in numbers])


def test_a_sweep_adds_up_and_names_what_broke() -> None:
    done = sweep("town", runs(1, seeds.BROKEN, 2))
    assert done.as_json() == {
        "seeds": 3,
        "events": 300,
        "events_per_s": 200,
        "violations": [{"seed": seeds.BROKEN, "invariant": "promise", "story": "what happened"}],
    }
    assert done.counts == {"tasks": 6}
    assert done.exit_status == 1


def test_it_may_stop_at_the_first_violation() -> None:
    left = runs(1, seeds.BROKEN, 2, 7)
    assert sweep("town", left, keep_going=False).seeds == 2
    assert [ran.seed for ran in left] == [2, 7]


def test_it_stops_when_the_time_is_over_with_what_was_done() -> None:
    assert sweep("town", runs(1, 2, 7), until_s=0.0).seeds == 1


def test_an_interrupted_sweep_gives_what_was_done_so_far() -> None:
    def interrupted() -> Iterator[Ran]:
        yield from runs(1, 2)
        raise KeyboardInterrupt

    done = sweep("town", interrupted())
    assert (done.seeds, done.interrupted, done.exit_status) == (2, True, 130)


def test_a_clean_sweep_is_fine() -> None:
    heard: list[int] = []

    def told(so_far: Sweep) -> None:
        heard.append(so_far.seeds)

    assert sweep("town", runs(1, 2), told=told).exit_status == 0
    assert heard == [1, 2]
