"""A site's dispatcher: the production core with the glue of conductor/dispatcher/loop.py, on a simulated network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from conductor.core import machine
from conductor.core.actions import (
    Action,
    CloseSession,
    Dial,
    Drain,
    Incoming,
    Look,
    Lost,
    Opened,
    Persist,
    Received,
    Recovered,
    Send,
    StoodStill,
    Tick,
)
from conductor.core.liveness import LAG_US
from conductor.core.peers import LinkSpec
from conductor.dispatcher.spec import settings_of
from hive.errors import HiveError
from hive.wire.auth import Insecure
from hive.wire.messages import Answer, Generation, Hello, Kind, Refuse
from simulation.sim import checks
from simulation.sim.chance import stream
from simulation.sim.codes import CODES
from simulation.sim.network import CLOSED, End
from simulation.sim.process import Process
from simulation.sim.store import Disk, SimStore
from simulation.sim.watch import LOOKS

if TYPE_CHECKING:
    from simulation.sim.world import World

_PUBLIC, _PRIVATE, _DIALLED = 0, 1, 2
_TICK: Final = Tick()
_ABOUT_ATTEMPTS: Final = frozenset({Answer, Refuse})
_LOOK_US: Final = 100_000
_FAR: Final = 1 << 62


class ConductorProcess(Process):
    """Dispatcher and store of a site. Its control process is another process."""

    def __init__(self, world: World, site: str) -> None:
        """Begin dead, with an empty disk."""
        super().__init__(world, f"conductor@{site}", site)
        part = world.scenario.mesh.sites[site].conductor
        self._links = [
            LinkSpec(link.site, world.scenario.mesh.link_endpoint(link), part.upstream is link)
            for link in part.links()
        ]
        self.settings = settings_of(part.tuning)  # type: ignore[arg-type]
        self._auth = Insecure()
        commit_us = int(world.scenario.file.store.commit_ms * 1000)
        self.disk = Disk(stream(world.seed, "disk", site).getrandbits(60), commit_us)
        self.policy = 0  # which of the scenario's policies is in force: the last that control has published
        self.fuse = -1  # actions that are still carried out before it dies
        self.doomed = ""  # `commit`: it dies with the next commit, before it has heard of it
        self._sessions: dict[int, End] = {}
        self._next = 1
        self._looks_us = _FAR
        self.core: machine.Conductor
        self.store: SimStore

    def start(self) -> None:
        """Start on what the disk holds."""
        super().start()
        self._sessions.clear()
        self._next = 1
        self.fuse, self.doomed, self.policy = -1, "", -1
        self.store = SimStore(self.world, self.disk)
        self.store.wake(self._store_calls)
        epoch = self.store.open()
        rand = stream(self.world.seed, "conductor", self.site, self.boots).random
        mesh = self.world.scenario.mesh.mesh
        self.core = machine.Conductor(mesh, self.site, self.site, epoch, self.settings, rand, self._links)
        self.world.watch.started(self)
        self.feed(Recovered(self.store.recover()))
        self.woke()

    def die(self, share: float = 0.0, *, dark: bool = False, committed: bool = False) -> None:
        """End; a commit that is under way may have happened."""
        if self.alive:
            self.world.watch.ended(self)
            self.store.crash(committed=committed)
            super().die(share, dark=dark)
            self._sessions.clear()

    def missing(self, node: str) -> str:
        """Return how its core sees a node that does not serve; empty if it does, or is set aside for a while."""
        known = self.core.state.nodes.get(node)
        how = known.state.value if known is not None else "unknown"
        return "" if how in ("ready", "quarantined") else how

    def drain(self, until_us: int) -> None:
        """Stop in good order, as on SIGTERM: take nothing new, finish what is open, end."""
        self._drain((self.boots, until_us))

    def _drain(self, when: tuple[int, int]) -> None:
        boots, until_us = when
        if not self.alive or boots != self.boots:
            return
        if not self.stopped and not self.core.state.draining:
            self.feed(Drain())
            if not self.alive:  # a fault was to kill it in the middle of that
                return
        if self.core.state.idle or self.world.now >= until_us:
            self.store.close()
            self.die()
        else:
            self.world.at(self.world.now + _LOOK_US, self._drain, when)

    def end_to(self, site: str) -> End | None:
        """Return its end of the connection to a linked site, if there is one that works."""
        peer = self.core.state.peers[site]
        return self.end_of(peer.session.id) if peer.session is not None else None

    def end_of(self, session: int) -> End | None:
        """Return its end of the connection of a session."""
        return self._sessions.get(session)

    # What comes in

    def heard(self, end: End, message: Any) -> None:  # noqa: ANN401 - a message, or CLOSED
        """Take a message of a session, as `Dispatcher._drain` does."""
        session = end.session
        if message is CLOSED:
            self.shut(end)
            if session and self._sessions.pop(session, None) is not None:
                known = self.core.state.sessions.get(session)
                if known is not None and known.node is not None and known.node.pool is not None:
                    self.world.watch.duties.lost(self, known.node)
                self.feed(Lost(session))
            return
        if not session:
            which = _PRIVATE if end.out.end.process.inside else _PUBLIC
            session = end.session = self._next << 2 | which
            self._next += 1
            self._sessions[session] = end
        if type(message) is Hello and not session & _DIALLED:
            self._greet(session, end, message)
        elif type(message) is Generation:
            # Whose policy is in force changes with this event.
            self.policy = self.world.controls[self.site].published(message)
            self.feed(Received(session, message, bool(session & _PRIVATE)))
        elif type(message) is not Hello or session in self.core.state.sessions:
            self.feed(Received(session, message, bool(session & _PRIVATE)))

    def _greet(self, session: int, end: End, hello: Hello) -> None:
        private = bool(session & _PRIVATE)
        try:
            principal = hello.name if private else self._auth.principal(hello, "")
        except HiveError as error:
            self.perform([Send(session, Refuse(hello.header, error.code, error.detail, Kind.HELLO))])
            return
        self.feed(Received(session, hello, private, principal, end.out.end.process.name))

    def feed(self, event: Incoming) -> None:
        """Hand the core an event and do what it asks: one event of the simulation."""
        world = self.world
        core = self.core
        cls = type(event)
        attempt = None
        if cls is Received:
            message = event.message  # type: ignore[union-attr]
            header = message.header
            kind = type(message)
            world.marks.append(world.now << 8 | CODES[kind])
            world.marks.append(header.attempt << 16 | self.number)
            if kind in _ABOUT_ATTEMPTS:
                attempt = core.state.attempt_of(header.epoch, header.attempt)
        else:
            world.marks.append(world.now << 8 | CODES[cls])
            world.marks.append(self.number)
        world.events += 1
        if world.tape is not None:
            world.tape.append((world.now, self.name, "takes", event))
        actions = core.handle(event, self.clock_us())
        if attempt is not None:
            world.watch.worth.accepted(self, attempt, event.message)  # type: ignore[union-attr]
        if actions:
            self.perform(actions)
            if not self.alive:
                return
        checks.touched(self, event, attempt, actions)
        if world.events >= world.check_at:
            world.look()
        due_us = core.next_us()
        if 0 <= due_us < self._looks_us:
            self._looks_us = due_us
            self.wake_at(due_us)

    # What goes out

    def perform(self, actions: list[Action]) -> None:  # noqa: C901, PLR0912 - one branch for each kind, as there
        """Carry out what the core asks, as `Dispatcher._perform` does."""
        world = self.world
        if world.tape is not None:
            for action in actions:
                world.tape.append((world.now, self.name, "does", action))
        unreachable = []
        for action in actions:
            if self.fuse >= 0 and self._burnt():
                return
            kind = type(action)
            if kind is Send:
                message = action.message  # type: ignore[union-attr]
                look = LOOKS.get(type(message))
                if look is not None:
                    look(world.watch, self, action.session, message)  # type: ignore[union-attr]
                end = self._sessions.get(action.session)  # type: ignore[union-attr]
                if end is not None:
                    if end.out.send(message):
                        continue
                    self._drop(action.session)  # type: ignore[union-attr]
                elif action.session not in self.core.state.sessions:  # type: ignore[union-attr]
                    continue
                unreachable.append(action.session)  # type: ignore[union-attr]
            elif kind is Persist:
                world.watch.kept(self, action.record)  # type: ignore[union-attr]
                self.store.write(action.token, action.record)  # type: ignore[union-attr]
            elif kind is Look:
                self.store.ask(action.token, action.question)  # type: ignore[union-attr]
            elif kind is Dial:
                self._dial(action)  # type: ignore[arg-type]
            elif kind is CloseSession:
                self._drop(action.session)  # type: ignore[union-attr]
        for session in unreachable:
            if self.alive:
                self.feed(Lost(session))

    def _burnt(self) -> bool:
        """Die in the middle of what was decided, if that is to be."""
        self.fuse -= 1
        if self.fuse < 0:
            self.world.watch.crashed(self)
            self.die()
            return True
        return False

    def _drop(self, session: int) -> None:
        end = self._sessions.pop(session, None)
        if end is not None:
            self.shut(end)

    def _dial(self, action: Dial) -> None:
        site = self.world.endpoints.get(action.endpoint)
        if site is None:
            self.perform(self.core.unreachable(action.site, self.clock_us()))
            return
        end = self.world.network.connect(self, self.world.conductors[site])
        end.session = self._next << 2 | _DIALLED
        self._next += 1
        self._sessions[end.session] = end
        self.feed(Opened(end.session, action.site))

    # Store and time

    def _store_calls(self) -> None:
        if self.doomed == "commit":
            self.world.watch.crashed(self)
            self.die()
        elif not self.stopped:
            self._hear_store()

    def _hear_store(self) -> None:
        for event in self.store.events():
            if self.alive:
                self.feed(event)

    def resume(self) -> None:
        """Go on; first the core hears for how long it stood still, so that this accuses nobody."""
        lag_us, self.lag_us = self.lag_us, 0
        if lag_us > LAG_US:
            self.feed(StoodStill(lag_us))
        super().resume()

    def woke(self) -> None:
        """Take a turn: what the store says, then time."""
        self._hear_store()
        if not self.alive:
            return
        due_us = self.core.next_us()
        self._looks_us = _FAR
        if 0 <= due_us <= self.clock_us():
            self.feed(_TICK)
        elif due_us >= 0:
            self._looks_us = due_us
            self.wake_at(due_us)
