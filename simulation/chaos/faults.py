"""The kinds of faults, and a schedule of them from a seed. Pure: the same seed is the same schedule."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from hive.errors import HiveError


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A kind of fault: what `--help` says of it, and how long one lasts, in seconds (0: a single blow)."""

    what: str
    shortest_s: float = 0.0
    longest_s: float = 0.0


KINDS: Final[Mapping[str, FaultKind]] = MappingProxyType(
    {
        "kill": FaultKind("SIGKILL of a node"),
        "stop": FaultKind("SIGSTOP of a node for a while", 0.3, 4.0),
        "slow": FaultKind("a node that runs a quarter of the time", 1.0, 5.0),
        "partition": FaultKind("packets dropped: node, site or callers, both ways or one", 0.5, 6.0),
        "link-cut": FaultKind("a link between two sites cut, both ways or one", 0.5, 8.0),
        "poison": FaultKind("a payload that kills, or hangs, whatever runs it"),
        "agent-kill": FaultKind("SIGKILL of a device's agent, with its nodes"),
        "conductor-kill": FaultKind("SIGKILL of a dispatcher"),
        "conductor-stop": FaultKind("SIGSTOP of a dispatcher for a while", 0.2, 3.0),
        "control-kill": FaultKind("SIGKILL of a control process, with its gateway"),
        "gateway-kill": FaultKind("the same, by the gateway's name"),
        "gateway-stop": FaultKind("SIGSTOP of a gateway for a while", 0.2, 3.0),
        "client-kill": FaultKind("SIGKILL of a caller, whose open calls end as nobody knows"),
    }
)
WAYS: Final = ("both", "there", "back")
_FIRST: Final = 0.04
_LAST: Final = 0.92
"""The part of the run in which faults begin: load comes before the first and is there after the last."""


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault to come: `at_s` after the begin, for `lasts_s`; `chance` in [0, 1) chooses whom, `way` which way."""

    at_s: float
    kind: str
    lasts_s: float
    chance: float
    way: str


def parse_faults(text: str) -> dict[str, int]:
    """Return kind -> how many, 0 where that is left open, from `kill=100,stop`. Raises HiveError(bad_request)."""
    wanted: dict[str, int] = {}
    for word in filter(None, (part.strip() for part in text.split(","))):
        name, mark, number = word.partition("=")
        if name not in KINDS:
            raise HiveError("bad_request", f"There is no fault {name!r}; there are: {', '.join(KINDS)}.")
        if mark and not (number.isdecimal() and int(number)):
            raise HiveError("bad_request", f"{word!r}: write how many, such as {name}=10.")
        wanted[name] = int(number) if mark else 0
    return wanted


def schedule(wanted: Mapping[str, int], seed: int, duration_s: float, every_s: float) -> list[Strike]:
    """Return the faults of a run in their order.

    A kind with a number comes exactly so often; the others share what is left of one fault each `every_s`, and each
    comes at least once.
    """
    chance = random.Random(seed)
    span_s = (_LAST - _FIRST) * duration_s
    free = [kind for kind, number in wanted.items() if not number]
    share = max(1, round(span_s / every_s / len(free))) if free else 0
    counts = {kind: number or share for kind, number in wanted.items()}
    strikes = [
        _strike(chance, kind, _FIRST * duration_s + span_s * chance.random())
        for kind, number in counts.items()
        for _ in range(number)
    ]
    return sorted(strikes, key=lambda strike: strike.at_s)


def _strike(chance: random.Random, kind: str, at_s: float) -> Strike:
    about = KINDS[kind]
    lasts_s = chance.uniform(about.shortest_s, about.longest_s)
    return Strike(at_s, kind, lasts_s, chance.random(), chance.choice(WAYS))


def chosen(candidates: Sequence[str], chance: float) -> str:
    """Return one of several names by a number in [0, 1)."""
    return candidates[int(chance * len(candidates))]
