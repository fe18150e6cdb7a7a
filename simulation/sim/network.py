"""The network: connections that keep the order, as ZeroMQ's over TCP do, on paths that are slow, lossy or cut.

A segment that is lost comes later, and everything behind it with it. What is sent into a cut path waits in the sender's
buffers: when the path is whole again it arrives, in order, unless the connection was given up meanwhile. A process that
is killed loses what had not left it; nothing of a connection outlives its end.
"""

from __future__ import annotations

import random
from heapq import heappush
from typing import TYPE_CHECKING, Any, Final

from hive.wire.codec import decode, encode
from simulation.sim.chance import stream

if TYPE_CHECKING:
    from hive.wire.messages import Message
    from simulation.sim.process import Process
    from simulation.sim.world import World

CLOSED: Final = object()
"""What arrives last: the other side has closed the connection, or it was refused."""
QUEUE_MOST: Final = 2_000
"""Messages of one direction that the queues of both ends and the kernel's buffers hold."""
_RETRANSMIT_US: Final = 200_000


class Path:
    """One direction between two processes; all their connections use it."""

    __slots__ = ("base_us", "cut", "jitter_us", "loss", "ways")

    def __init__(self, base_us: int, jitter_us: int, loss: float) -> None:
        """Begin whole."""
        self.base_us = base_us
        self.jitter_us = jitter_us
        self.loss = loss
        self.cut = 0  # how many faults cut it now
        self.ways: list[Way] = []


class End:
    """One end of a connection, at a process. `session` is what the listening side calls it."""

    __slots__ = ("open", "out", "process", "session")

    def __init__(self, process: Process) -> None:
        """Begin open."""
        self.process = process
        self.open = True
        self.session = 0
        self.out: Way


class Way:
    """One direction of one connection."""

    __slots__ = ("chance", "clear_us", "end", "flying", "held", "kept", "path", "pending", "world")

    def __init__(self, world: World, path: Path, end: End, chance: random.Random) -> None:
        """Lead to `end` over a path."""
        self.world = world
        self.path = path
        self.end = end
        self.chance = chance
        self.clear_us = 0
        self.pending = 0  # sent and not yet taken in by the other process
        self.flying = 0  # those of them that are under way
        self.kept = -1  # how many of these still arrive, once the sender is dead
        self.held: list[Any] = []  # what a cut keeps back
        path.ways.append(self)

    def send(self, message: Message) -> bool:
        """Queue a message; False if the queue is full."""
        if self.pending >= QUEUE_MOST:
            return False
        if self.world.encoded:
            message = decode(encode(message))
        self.pending += 1
        self._fly(message)
        return True

    def close(self) -> None:
        """Let the other side see that this one has closed the connection; what was held back is lost."""
        self.held.clear()
        self._fly(CLOSED)

    def lose(self, share: float) -> None:
        """The sender died: this share of what is under way had not left it. What was held back is lost."""
        self.held.clear()
        self.kept = int(self.flying * (1 - share))

    def release(self) -> None:
        """The path is whole again: what was held back is sent again, each after a pause."""
        held, self.held = self.held, []
        pause_us = self.chance.randrange(_RETRANSMIT_US) if held else 0
        self.clear_us = max(self.clear_us, self.world.now + pause_us)
        for message in held:
            self._fly(message)

    def _fly(self, message: object) -> None:
        path, world = self.path, self.world
        if path.cut:
            self.held.append(message)
            return
        at_us = world.now + path.base_us + int(path.jitter_us * self.chance.random())
        if path.loss:
            pause_us = _RETRANSMIT_US
            while self.chance.random() < path.loss:
                at_us += pause_us
                pause_us *= 2
        if at_us < self.clear_us:  # noqa: PLR1730 - `max` is a call, and this runs for each message
            at_us = self.clear_us
        self.clear_us = at_us
        self.flying += 1
        world.seq += 1
        heappush(world.heap, (at_us, world.seq, self.arrive, message))

    def arrive(self, message: Any) -> None:  # noqa: ANN401 - a message, or CLOSED
        """Hand a message to the process at the other end, or keep it while that does not look."""
        self.flying -= 1
        if self.path.cut:
            self.held.append(message)
            return
        if self.kept >= 0 and message is not CLOSED:
            if not self.kept:
                return
            self.kept -= 1
        end = self.end
        process = end.process
        if not end.open:
            if message is not CLOSED and not process.dark:
                end.out.close()  # nobody is there: the sender hears so
            return
        if process.stopped:
            process.inbox.append((end, message))
            return
        self.pending -= 1
        process.heard(end, message)


class Network:
    """All paths, and how a connection comes about."""

    def __init__(self, world: World) -> None:
        """Begin with no path."""
        self._world = world
        self._paths: dict[tuple[str, str], Path] = {}
        self._connections: dict[tuple[str, str], int] = {}

    def path(self, source: Process, target: Process) -> Path:
        """Return the direction from one process to another."""
        key = (source.name, target.name)
        found = self._paths.get(key)
        if found is None:
            config = self._world.scenario.file.network
            if source.inside or target.inside:
                found = Path(20, 20, 0.0)
            elif source.site == target.site:
                found = Path(int(config.lan_ms * 1000), int(config.lan_jitter_ms * 1000), config.loss)
            else:
                found = Path(int(config.wan_ms * 1000), int(config.wan_jitter_ms * 1000), config.loss)
            self._paths[key] = found
        return found

    def connect(self, source: Process, target: Process) -> End:
        """Open a connection and return the end of who dials; refused ones are closed by a message."""
        near, far = End(source), End(target)
        key = (source.name, target.name)
        number = self._connections[key] = self._connections.get(key, 0) + 1
        there, back = self.path(source, target), self.path(target, source)
        near.out = Way(self._world, there, far, stream(self._world.seed, "net", *key, number))
        far.out = Way(self._world, back, near, stream(self._world.seed, "net", key[1], key[0], number))
        source.ends[near] = None
        if target.alive:
            target.ends[far] = None
        else:
            far.open = False
            if not target.dark:
                far.out.close()
        return near

    def cut(self, source: Process, target: Process) -> None:
        """Let nothing through in one direction."""
        self.path(source, target).cut += 1

    def heal(self, source: Process, target: Process, *, breaks: bool) -> None:
        """Undo one cut. With `breaks` the connections that lived through it are given up by both sides."""
        path = self.path(source, target)
        path.cut -= 1
        if path.cut:
            return
        path.ways = [way for way in path.ways if way.held or way.end.open]
        for way in list(path.ways):
            if breaks:
                self.sever(way)
            else:
                way.release()

    def sever(self, way: Way) -> None:
        """Break a connection: both sides see it closed."""
        way.close()
        way.end.out.close()
