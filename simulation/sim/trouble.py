"""What goes wrong, from a scenario and a seed: instants, kinds and victims, as plain values."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from simulation.sim.chance import stream
from simulation.sim.plan import Args, Fault

if TYPE_CHECKING:
    from simulation.sim.scenario import Scenario

_BEGIN_US: Final = 1_500_000
_REST_S: Final = 1.0  # so long before all is healed the last fault begins
_MS: Final = 1_000
_NUMBERS: Final = 1_000_000_000
_DARK: Final = 0.2  # share of crashes in which the machine loses power
_DAY_S: Final = 86_400


class Victims:
    """The names of everything that can be hit."""

    def __init__(self, scenario: Scenario) -> None:
        """Collect them."""
        self.sites = list(scenario.mesh.sites)
        self.nodes = [
            f"{nodes.site}/{base if number == 1 else f'{base}-{number}'}"
            for nodes in scenario.nodes
            for base in [nodes.name or nodes.capability]
            for number in range(1, nodes.count + 1)
        ]
        self.callers = [
            callers.name if number == 1 else f"{callers.name}-{number}"
            for callers in scenario.file.callers
            for number in range(1, callers.count + 1)
        ]
        self.links = [f"{a} {b}" for a, b in sorted(scenario.mesh.linked_sites())]
        self.policies = len(scenario.meshes)

    def of(self, kind: str) -> list[str]:
        """Return who can be hit by a kind of fault."""
        group = kind.partition("_")[0]
        if group == "link":
            return self.links
        if group in ("client", "flood", "poison"):
            return self.callers
        if group == "node":
            return self.nodes
        if kind in ("connection_break", "clock_drift", "network_slow"):
            return [*self.nodes, *self.callers, *(f"conductor@{site}" for site in self.sites)]
        if kind == "policy_reload" and self.policies == 1:
            return []
        return self.sites


def faults_of(scenario: Scenario, seed: int) -> Iterator[Fault]:
    """Yield the faults of a seed in the order of their instants."""
    chance = stream(seed, "faults")
    victims = Victims(scenario)
    kinds = {
        kind: weight for kind, weight in scenario.file.faults.kinds.items() if weight and victims.of(kind)
    }
    if not kinds:
        return
    end_us = _BEGIN_US + max(1, int((scenario.file.seconds - _REST_S) * 1e6))
    instants = sorted(chance.randrange(_BEGIN_US, end_us) for _ in range(scenario.file.faults.count))
    for index, at_us in enumerate(instants):
        kind = chance.choices(list(kinds), list(kinds.values()))[0]
        one = stream(seed, "fault", index)
        target = one.choice(victims.of(kind))
        args: Args = tuple(ARGS[kind](one, victims)) if kind in ARGS else (("for_us", _time(one)),)
        if kind in ("flood", "poison"):
            args = (("number", _NUMBERS + index * 1_000_000), *args)
        yield Fault(at_us, kind, target, args)


def _time(chance: random.Random, least_ms: int = 20, most_ms: int = 4_000) -> int:
    """Return a time: short ones as often as long ones."""
    return int(least_ms * _MS * (most_ms / least_ms) ** chance.random())


def _crash(chance: random.Random, _: Victims) -> Iterator[tuple[str, int]]:
    yield "for_us", _time(chance)
    yield "lost", chance.choice((0, 0, 50, 100))  # percent of what was under way
    yield "dark", int(chance.random() < _DARK)


def _conductor_crash(chance: random.Random, victims: Victims) -> Iterator[tuple[str, int]]:
    yield from _crash(chance, victims)
    # 0: now; 1: with the next commit, before it has heard of it; 2: after so many of the next actions.
    how = chance.choice((0, 1, 1, 2, 2))
    yield "how", how
    yield "fuse", chance.randrange(8) if how else 0
    yield "committed", chance.randrange(2)


def _stop(chance: random.Random, _: Victims) -> Iterator[tuple[str, int]]:
    yield "for_us", _time(chance, 500, 8_000)


def _cut(chance: random.Random, _: Victims) -> Iterator[tuple[str, int]]:
    yield "for_us", _time(chance, 50, 15_000)
    yield "way", chance.choice((0, 0, 1, 2))  # both, there, back
    yield "breaks", chance.randrange(2)


def _flap(chance: random.Random, victims: Victims) -> Iterator[tuple[str, int]]:
    yield "times", chance.randrange(2, 7)
    yield "every_us", _time(chance, 100, 1_000)
    yield from _cut(chance, victims)


def _node_flap(chance: random.Random, victims: Victims) -> Iterator[tuple[str, int]]:
    """Crash again and again, often with time enough to come back in between: that is what a quarantine is for."""
    yield "times", chance.randrange(2, 10)
    yield "every_us", _time(chance, 200, 3_000)
    yield from _crash(chance, victims)


def _freeze(chance: random.Random, _: Victims) -> Iterator[tuple[str, int]]:
    yield "for_us", _time(chance, 50, 6_000)


def _slow(chance: random.Random, _: Victims) -> Iterator[tuple[str, int]]:
    yield "for_us", _time(chance, 500, 6_000)
    yield "factor", chance.choice((3, 10, 40))


def _network(chance: random.Random, _: Victims) -> Iterator[tuple[str, int]]:
    yield "for_us", _time(chance, 500, 6_000)
    yield "delay_us", _time(chance, 1, 400)
    yield "loss", chance.choice((0, 5, 20))


def _wrong(chance: random.Random, _: Victims) -> Iterator[tuple[str, int]]:
    yield "for_us", _time(chance, 200, 5_000)
    yield "share", chance.choice((20, 60, 100))


def _flood(chance: random.Random, _: Victims) -> Iterator[tuple[str, int]]:
    yield "count", chance.choice((50, 200, 500))
    yield "over_us", _time(chance, 5, 500)


def _poison(chance: random.Random, _: Victims) -> Iterator[tuple[str, int]]:
    yield "poison", chance.choice((1, 1, 2))


def _clock(chance: random.Random, _: Victims) -> Iterator[tuple[str, int]]:
    yield "shift_s", chance.choice((-1, 1)) * chance.choice((5, 3_600, _DAY_S, 3 * _DAY_S))


def _drift(chance: random.Random, _: Victims) -> Iterator[tuple[str, int]]:
    yield "for_us", _time(chance, 1_000, 20_000)
    yield "ppm", chance.choice((-1, 1)) * chance.choice((50, 200, 500))


def _reload(chance: random.Random, victims: Victims) -> Iterator[tuple[str, int]]:
    yield "for_us", _time(chance, 200, 5_000)
    yield "policy", chance.randrange(1, victims.policies)


def _join(chance: random.Random, _: Victims) -> Iterator[tuple[str, int]]:
    yield "for_us", _time(chance, 500, 5_000)
    yield "share", chance.choice((30, 60, 100))


ARGS: Final[dict[str, Callable[[random.Random, Victims], Iterator[tuple[str, int]]]]] = {
    "client_crash": _crash,
    "client_cut": _cut,
    "client_freeze": _freeze,
    "clock_drift": _drift,
    "clock_jump": _clock,
    "conductor_crash": _conductor_crash,
    "conductor_freeze": _freeze,
    "conductor_stop": _stop,
    "control_crash": _crash,
    "flood": _flood,
    "link_cut": _cut,
    "link_flap": _flap,
    "network_slow": _network,
    "node_crash": _crash,
    "node_cut": _cut,
    "node_flap": _node_flap,
    "node_freeze": _freeze,
    "node_join": _join,
    "node_slow": _slow,
    "node_wrong": _wrong,
    "poison": _poison,
    "policy_reload": _reload,
}
