"""A process that dials a conductor: the production Link, with the glue that its owners share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hive.core import link as linking
from hive.core.backoff import Chance
from simulation.sim.network import CLOSED, End
from simulation.sim.process import Process

if TYPE_CHECKING:
    from hive.wire.messages import Hello, Message, Welcome
    from simulation.sim.world import World


class Dialler(Process):
    """Dials the conductor of its site, for ever."""

    def __init__(self, world: World, name: str, site: str) -> None:
        """Begin dead."""
        super().__init__(world, name, site)
        self.end: End | None = None
        self.link: linking.Link

    def dial_on(self, rng: Chance) -> None:
        """Begin to look for the conductor, after a start."""
        self.end = None
        endpoint = self.world.scenario.mesh.sites[self.site].conductor.bind
        self.link = linking.Link([endpoint], rng)
        self.link_do(self.link.start(self.clock_us()))

    def die(self, share: float = 0.0, *, dark: bool = False) -> None:
        """End."""
        super().die(share, dark=dark)
        self.end = None

    def heard(self, end: End, message: Any) -> None:  # noqa: ANN401 - a message, or CLOSED
        """Take a message in; only those of the present connection count."""
        if end is not self.end:
            self.shut(end)
        elif message is CLOSED:
            self.link_do(self.link.failed(self.clock_us()))
            self.took(None)
        else:
            self.link_do(self.link.received(message, self.clock_us()))
            self.took(message)

    def link_do(self, actions: Sequence[linking.LinkAction]) -> None:
        """Carry out what the link wants."""
        for action in actions:
            kind = type(action)
            if kind is linking.Send:
                self.say(action.message)  # type: ignore[union-attr]
            elif kind is linking.Dial:
                target = self.world.conductors[self.site]
                self.end = self.world.network.connect(self, target)
                self.count("opened")
                self.link_do(self.link.opened(self.hello(), self.clock_us()))
            elif kind is linking.Hangup:
                end, self.end = self.end, None
                if end is not None:
                    self.shut(end)
                    self.hung_up()
            elif kind is linking.Up:
                self.came_up(action.welcome)  # type: ignore[union-attr]
            elif kind is linking.Down:
                self.went_down()

    def tick_link(self) -> None:
        """Let time pass for the link, if it waits for that."""
        due_us = self.link.next_us
        if due_us is not None and due_us <= self.clock_us():
            self.count("tick")
            self.link_do(self.link.tick(self.clock_us()))

    def say(self, message: Message) -> bool:
        """Send a message; False where that cannot be."""
        return self.end is not None and self.end.out.send(message)

    def count(self, what: str) -> None:
        """Count an event: a call into the link."""
        world = self.world
        world.events += 1
        world.marks.append(world.now << 8)
        world.marks.append(self.number)
        if world.tape is not None:
            world.tape.append((world.now, self.name, "link", what))

    # What each kind of caller does

    def hello(self) -> Hello:
        """Return the greeting."""
        raise NotImplementedError

    def took(self, message: Message | None) -> None:
        """Take what the link has seen: a message, or None where the connection closed."""
        raise NotImplementedError

    def came_up(self, welcome: Welcome) -> None:
        """The session works."""
        raise NotImplementedError

    def hung_up(self) -> None:
        """The connection has been closed."""

    def went_down(self) -> None:
        """The session, or the try, is over."""
