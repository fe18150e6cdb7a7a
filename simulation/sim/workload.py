"""What callers ask for, from a scenario and a seed: each caller has its own stream."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from simulation.sim.chance import stream
from simulation.sim.plan import Fault, Plan, Submission
from simulation.sim.scenario import Scenario
from simulation.sim.scenario_models import CallersConfig
from simulation.sim.trouble import faults_of

START_US = 1_000_000
"""Callers begin when everything has had time to come up."""
NUMBERS = 1_000_000
"""How many payloads a caller, or a fault, may number: each has a range of its own."""

_POISON_US = 30_000_000
_LATER_US = 3_000_000


def plan_of(scenario: Scenario, seed: int) -> Plan:
    """Return what a seed makes of a scenario."""
    asked: list[Submission] = []
    for index, (name, callers) in enumerate(callers_of(scenario)):
        asked += _submissions(name, callers, scenario, stream(seed, "caller", name), index * NUMBERS)
    asked.sort(key=lambda submission: (submission.at_us, submission.number))
    return Plan(tuple(faults_of(scenario, seed)), tuple(asked))


def callers_of(scenario: Scenario) -> Iterator[tuple[str, CallersConfig]]:
    """Yield every caller by name."""
    for callers in scenario.file.callers:
        for number in range(1, callers.count + 1):
            yield (callers.name if number == 1 else f"{callers.name}-{number}"), callers


def flood(fault: Fault, callers: CallersConfig, seed: int) -> Iterator[Submission]:
    """Yield what a fault makes a caller ask for: a flood of tasks, or poison."""
    base = fault.arg("number")
    chance = stream(seed, "flood", base)
    wait_us = max(1, fault.arg("over_us", 1))
    poison = ("", "kill", "hang")[fault.arg("poison")]
    for number in range(fault.arg("count", 1)):
        at_us = fault.at_us + chance.randrange(wait_us)
        ask = _submission(fault.target, callers, chance, at_us, base + number)
        if poison:
            ask = replace(
                ask,
                poison=poison,
                durable=True,
                wait=False,
                cancel_us=-1,
                deadline_us=_POISON_US,
                retried=False,
            )
        yield ask


def _submissions(
    name: str, callers: CallersConfig, scenario: Scenario, chance: random.Random, first: int
) -> Iterator[Submission]:
    end_us = START_US + int(scenario.file.seconds * 1e6)
    at_us = float(START_US)
    for number in count(first):
        at_us += chance.expovariate(callers.rate) * 1e6
        if at_us >= end_us:
            return
        ask = _submission(name, callers, chance, int(at_us), number)
        if not (ask.key and chance.random() < callers.conflicting):
            yield ask
        else:
            ask = replace(ask, cancel_us=-1)  # the key may turn out to be the other one's
            yield ask
            later_us = ask.at_us + chance.randrange(_LATER_US)
            other = number + NUMBERS // 2
            what = _one_of(callers.asks, chance)
            yield replace(ask, at_us=later_us, number=other, capability=what, again_us=-1)


def _submission(
    name: str, callers: CallersConfig, chance: random.Random, at_us: int, number: int
) -> Submission:
    least, most = callers.deadline_ms
    keyed = chance.random() < callers.keyed
    return Submission(
        at_us,
        name,
        number,
        _one_of(callers.asks, chance),
        _one_of(callers.labels, chance),
        chance.choice(callers.priorities),
        int(least * 1000 * (most / least) ** chance.random()),
        chance.random() < callers.durable,
        chance.random() < callers.waits,
        chance.random() < callers.holds,
        chance.random() < callers.patient,
        f"{name}-{number}" if keyed else "",
        0.8 if chance.random() < callers.surer else 0.0,
        chance.randrange(200_000) if chance.random() < callers.cancelled else -1,
        chance.randrange(_LATER_US) if keyed and chance.random() < callers.repeated else -1,
        retried=chance.random() < callers.retried,
        wished=bool(callers.wished) and chance.random() < callers.wished,
    )


def _one_of(weights: dict[str, float], chance: random.Random) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]
