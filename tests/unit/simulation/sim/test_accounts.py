"""Both sides of a connection are compared when nothing is under way between them, and only then."""

from __future__ import annotations

import pytest

from simulation.sim import accounts
from simulation.sim.scenario import load
from simulation.sim.workload import plan_of
from simulation.sim.world import World

SECOND = 1_000_000


@pytest.fixture
def world() -> World:
    """A world of which everything is up and has work, so that somebody holds an attempt."""
    world = World(load("policy"), 1)
    for process in (*world.conductors.values(), *world.controls.values(), *world.callers.values()):
        process.start()
    for node in world.nodes.values():
        node.plug_in()
    world.run(3 * SECOND)
    for ask in plan_of(world.scenario, 1).submissions[:20]:
        world.callers[ask.caller].submit(ask)
    return world


def until_held(world: World) -> str:
    """Let time pass until a node holds work and nothing is under way to or from it; return its name."""
    while True:
        for node in world.nodes.values():
            if node.end is not None and node.core.inflight and accounts.quiet(node.end):
                return node.name
        world.run(world.now + 100)


def test_two_sides_that_agree_are_let_be(world: World) -> None:
    until_held(world)
    accounts.compare(world)
    assert world.watch.violations == []


def test_a_slot_that_counts_as_free_while_it_is_taken_is_told(world: World) -> None:
    node = world.nodes[until_held(world)]
    known = world.conductors[node.site].core.state.nodes[node.id]
    attempt = known.attempts.popitem()[1]
    accounts.compare(world)
    said = f"conductor@{node.site} and {node.name}: attempt 1.{attempt.told} is held, and its slot counts as free."
    assert [(v.invariant, v.sentence) for v in world.watch.violations] == [("credit", said)]


def test_an_attempt_that_the_other_side_has_dropped_is_told(world: World) -> None:
    node = world.nodes[until_held(world)]
    known = world.conductors[node.site].core.state.nodes[node.id]
    number, attempt = next(iter(known.attempts.items()))
    attempt.told = 99_999
    accounts.compare(world)
    waits = [v.sentence for v in world.watch.violations if "is waited for" in v.sentence]
    assert waits == [
        f"conductor@{node.site} and {node.name}: attempt 1.99999 is waited for, and the other side has nothing of it."
    ], number


def test_a_right_that_policy_does_not_grant_is_seen(world: World) -> None:
    world.watch.duties.rights()
    assert world.watch.violations == []
    for node in world.conductors["clinic"].core.state.nodes.values():
        node.removes |= node.id == "boaster" and world.conductors["clinic"].core.state.label_table.mask(
            ["phi"]
        )
    world.watch.duties.rights()
    assert [violation.invariant for violation in world.watch.violations] == ["rights"]
