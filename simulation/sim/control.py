"""A site's control process: the production planner, with the glue of conductor/control/process.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from conductor.control import planner as planning
from hive.core.link import LinkState
from hive.wire.messages import EMPTY, Generation, Hello, Journal, Message, PlanWanted, Seen, Welcome
from simulation.sim.chance import stream
from simulation.sim.dialler import Dialler

if TYPE_CHECKING:
    from simulation.sim.world import World

_BEGAN_S: Final = 1_700_000_000


class ControlProcess(Dialler):
    """Judges and plans. It lives on when the dispatcher dies, and the other way round."""

    inside = True

    def __init__(self, world: World, site: str) -> None:
        """Begin dead."""
        super().__init__(world, f"control@{site}", site)
        self.policy = 0  # which of the scenario's policies its file holds now
        self.planner: planning.Planner
        self._published = 0
        self._policies: dict[int, int] = {}

    def start(self) -> None:
        """Read the file and dial. Seconds of the wall clock begin the generations, as in production."""
        super().start()
        wall_s = _BEGAN_S + (self.world.now + self.wall_shift_us) // 1_000_000
        self.planner = planning.Planner(self.world.scenario.meshes[self.policy], self.site, wall_s)
        self._policies[self.planner.generation] = self.policy
        self._published = 0
        self.dial_on(stream(self.world.seed, self.name, self.boots))
        self.woke()

    def reload(self, policy: int) -> None:
        """Read a file with another policy."""
        self.policy = policy
        if self.alive:
            self.planner.reload(self.world.scenario.meshes[policy])
            self._policies[self.planner.generation] = policy
            self.link_do(self.link.failed(self.clock_us()))
            self.woke()

    def published(self, message: Generation) -> int:
        """Return which policy a generation stands for."""
        return self._policies[message.generation]

    def hello(self) -> Hello:
        """Return the greeting."""
        header = EMPTY._replace(sent_us=self.clock_us())
        return Hello(header, "control", "control", self.world.scenario.mesh.mesh)

    def came_up(self, welcome: Welcome) -> None:
        """Publish."""
        del welcome
        self._publish()

    def took(self, message: Message | None) -> None:
        """Answer a question."""
        if self.link.state is LinkState.UP:
            if isinstance(message, Seen):
                verdict = self.planner.seen(message)
                if self.planner.generation != self._published:
                    self._publish()
                self.say(verdict)
            elif isinstance(message, PlanWanted):
                self.say(self.planner.plan(message))
            elif isinstance(message, Journal):
                self.planner.took(message)
        self._arm()

    def woke(self) -> None:
        """Let time pass."""
        self.tick_link()
        self._arm()

    def _publish(self) -> None:
        self._policies[self.planner.generation] = self.policy
        if self.say(self.planner.present()):
            self._published = self.planner.generation

    def _arm(self) -> None:
        due_us = self.link.next_us
        if due_us is not None:
            self.wake_at(due_us)
