"""What runs on a simulated node: an answer that depends on the payload alone, after a time that is never the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from hive.types import TypeRegistry
from simulation.sim.chance import mixed, spread, stream
from specialists.core.events import Done, Failed, Result

if TYPE_CHECKING:
    from hive.wire.messages import Work
    from simulation.sim.node import NodeProcess
    from simulation.sim.scenario_models import NodesConfig
    from simulation.sim.world import World

NEVER: Final = -1
MARK: Final = re.compile(rb"[<\[](\d+)[>\]]")
"""The number of a payload: `<5>`, or `[5]` once a label has been removed from it."""
_SHARES: Final = 1 << 16
_TYPES: Final = TypeRegistry()


def number_of(body: tuple[bytes, ...]) -> tuple[int, bool]:
    """Return the number in a body, and whether it is as it was submitted, with every label; (-1, False) if none."""
    number, whole = -1, False
    for frame in body:
        found = MARK.search(frame)
        if found is not None:
            number = int(found[1])
            whole = whole or frame[found.start()] == ord("<")
    return number, whole


def shape_of(config: NodesConfig) -> tuple[tuple[str, str], ...]:
    """Return the named inputs of a node's model, with their types."""
    return (("input", config.input), *config.also.items())


class Engine:
    """Runs works. `slow` and `wrong` are what faults do to it."""

    def __init__(self, world: World, node: NodeProcess) -> None:
        """Take the times of the node's configuration."""
        self._world = world
        self._node = node
        self._config = node.config
        self._removed = bool(world.watch.law.ever_removes(node.config))
        self._seed = stream(world.seed, "engine", node.name).getrandbits(60)
        self._name = node.config.capability.encode()
        self._makes = {nodes.capability.encode(): nodes.output for nodes in world.scenario.nodes}
        self.slow = 1
        self.wrong = 0  # how many of 65,536 runs fail, beyond the scenario's
        self.wedged = False

    def run(self, works: tuple[Work, ...]) -> tuple[int, tuple[Result, ...] | None]:
        """Return the time until the run ends, and its results; None if it kills the process. NEVER: it hangs."""
        first = works[0].header
        chance = mixed(self._seed, first.attempt, first.epoch)
        takes_us = spread(self._config.run_ms * 1000 * self.slow * (1 + len(works)) / 2, chance)
        if self.wedged:
            self.wedged = False
            return NEVER, None
        results: list[Result] = []
        for work in works:
            number, whole = number_of(work.body)
            poison = self._world.watch.poison.get(number)
            if poison == "kill":
                return takes_us, None
            if poison == "hang":
                return NEVER, None
            results.append(self._result(work, number, whole=whole))
        return takes_us, tuple(results)

    def _result(self, work: Work, number: int, *, whole: bool) -> Result:
        chance = mixed(self._seed, number, work.header.attempt)
        config = self._config
        if (chance >> 16) % _SHARES < config.fails * _SHARES + self.wrong:
            return Failed("inference_failed", "The simulated model failed.")
        unsure = (chance >> 32) % _SHARES < config.unsure * _SHARES
        removes = config.removes if not unsure else ()
        gone = bool(removes) and self._removed  # what nobody grants, nobody has removed
        mark = b"<%d>" if whole and not gone else b"[%d]"
        if config.also and not self._fits(work):
            mark = b"mixed" + mark
        confidence = 0.3 if unsure else config.confidence
        return Done((self._name + mark % number,), confidence, unsure, removes)

    def _fits(self, work: Work) -> bool:
        """Say whether each of several inputs is what its place is for: as it was given, or made by an earlier step."""
        made = {name: kind for name, kind, _ in work.inputs}
        for (name, kind), frame in zip(shape_of(self._config), work.body, strict=False):
            maker = MARK.split(frame)[0]
            if made.get(name) != self._makes.get(maker, maker.decode()) or not _TYPES.is_a(made[name], kind):
                return False
        return len(work.body) == len(made) == len(shape_of(self._config))
