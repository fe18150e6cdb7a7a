"""Carries out faults, and undoes each when its time is over: what is healed at the end of a run heals by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from simulation.sim.asked import scheduled
from simulation.sim.chance import stream
from simulation.sim.workload import flood

if TYPE_CHECKING:
    from simulation.sim.plan import Fault, Plan
    from simulation.sim.process import Process
    from simulation.sim.world import World

_PERCENT: Final = 100
_SHARES: Final = 1 << 16
_DRAIN_US: Final = 5_000_000
_CRAWL_US: Final = 5_000


class Breaker:
    """Puts a plan into a world's queue."""

    def __init__(self, world: World) -> None:
        """Break nothing yet."""
        self._world = world
        self.undo: dict[int, Callable[[], None]] = {}  # what is broken now, in the order in which it broke
        self._next = 0
        self._over = False

    def schedule(self, plan: Plan) -> None:
        """Let everything of a plan happen at its time."""
        world = self._world
        asks = list(plan.submissions)
        for fault in plan.faults:
            if fault.kind in ("flood", "poison"):
                asks += flood(fault, world.callers[fault.target].config, world.seed)
            else:
                world.at(fault.at_us, self.strike, fault)
        for at_us, what, ask in scheduled(asks):
            caller = world.callers[ask.caller]
            world.at(at_us, caller.submit if what == "submit" else caller.cancel, ask)

    def strike(self, fault: Fault) -> None:
        """Let a fault happen now, unless all is healed."""
        if self._over:
            return
        self._world.watch.count(f"fault {fault.kind}")
        if self._world.tape is not None:
            self._world.tape.append((self._world.now, fault.target, "fault", fault))
        getattr(self, f"_{fault.kind}")(fault)

    def heal(self) -> None:
        """Undo everything, and break nothing any more."""
        self._over = True
        while self.undo:
            self._mend(next(iter(self.undo)))

    def _again_and_again(self, fault: Fault, strike: Callable[[Fault], object]) -> None:
        for turn in range(fault.arg("times")):
            at_us = self._world.now + turn * fault.arg("every_us")
            self._world.at(at_us, lambda _: None if self._over else strike(fault))

    def _until(self, fault: Fault, mend: Callable[[], None]) -> None:
        number = self._next = self._next + 1
        self.undo[number] = mend
        self._world.at(self._world.now + fault.arg("for_us", 1), self._mend, number)

    def _mend(self, number: int) -> None:
        mend = self.undo.pop(number, None)
        if mend is not None:
            mend()

    def _process(self, name: str) -> Process:
        world = self._world
        if name.startswith("conductor@"):
            return world.conductors[name.partition("@")[2]]
        return world.nodes[name] if name in world.nodes else world.callers[name]

    # Crashes

    def _node_crash(self, fault: Fault) -> None:
        self._world.nodes[fault.target].die(fault.arg("lost") / _PERCENT, dark=bool(fault.arg("dark")))

    def _node_flap(self, fault: Fault) -> None:
        self._again_and_again(fault, self._node_crash)

    def _client_crash(self, fault: Fault) -> None:
        caller = self._world.callers[fault.target]
        if caller.alive:
            caller.die(fault.arg("lost") / _PERCENT, dark=bool(fault.arg("dark")))
            self._until(fault, caller.start)

    def _control_crash(self, fault: Fault) -> None:
        control = self._world.controls[fault.target]
        if control.alive:
            control.die()
            self._until(fault, lambda: None if control.alive else control.start())

    def _conductor_crash(self, fault: Fault) -> None:
        conductor = self._world.conductors[fault.target]
        if not conductor.alive:
            return
        how = fault.arg("how")
        if how == 1:
            conductor.doomed = "commit"
        elif how:
            conductor.fuse = fault.arg("fuse")
        else:
            share, dark = fault.arg("lost") / _PERCENT, bool(fault.arg("dark"))
            conductor.die(share, dark=dark, committed=bool(fault.arg("committed")))
            if dark and self._world.controls[fault.target].alive:  # it is the same machine
                self._world.controls[fault.target].die()

        def restart() -> None:
            if conductor.alive:
                conductor.doomed, conductor.fuse = "", -1
                conductor.die()
            conductor.start()
            if not self._world.controls[fault.target].alive:
                self._world.controls[fault.target].start()

        self._until(fault, restart)

    def _conductor_stop(self, fault: Fault) -> None:
        conductor = self._world.conductors[fault.target]
        if not conductor.alive:
            return
        boots = conductor.boots
        conductor.drain(self._world.now + _DRAIN_US)

        def restart() -> None:
            if conductor.boots == boots:
                conductor.die()
                conductor.start()

        self._until(fault, restart)

    # Standing still, and being slow

    def _frozen(self, process: Process, fault: Fault) -> None:
        if not process.alive:
            return
        boots = process.boots
        process.freeze()
        self._until(fault, lambda: process.thaw() if process.boots == boots and process.alive else None)

    def _node_freeze(self, fault: Fault) -> None:
        self._frozen(self._world.nodes[fault.target], fault)

    def _client_freeze(self, fault: Fault) -> None:
        self._frozen(self._world.callers[fault.target], fault)

    def _conductor_freeze(self, fault: Fault) -> None:
        self._frozen(self._world.conductors[fault.target], fault)

    def _conductor_slow(self, fault: Fault) -> None:
        conductor = self._world.conductors[fault.target]
        conductor.crawl(_CRAWL_US * (1 + fault.at_us % 20))
        self._until(fault, lambda: conductor.crawl(0))

    def _node_wedge(self, fault: Fault) -> None:
        self._world.nodes[fault.target].engine.wedged = True

    def _node_slow(self, fault: Fault) -> None:
        engine = self._world.nodes[fault.target].engine
        engine.slow = fault.arg("factor")
        self._until(fault, lambda: setattr(engine, "slow", 1))

    def _node_wrong(self, fault: Fault) -> None:
        engine = self._world.nodes[fault.target].engine
        engine.wrong = fault.arg("share") * _SHARES // _PERCENT
        self._until(fault, lambda: setattr(engine, "wrong", 0))

    # Coming and going

    def _node_leave(self, fault: Fault) -> None:
        node = self._world.nodes[fault.target]
        node.unplug()
        self._until(fault, node.plug_in)

    def _node_join(self, fault: Fault) -> None:
        """Many nodes of a site leave at once and come back at once."""
        site = fault.target.partition("/")[0]
        chance = stream(self._world.seed, "join", fault.at_us)
        for node in self._world.nodes.values():
            if node.site == site and chance.random() * _PERCENT < fault.arg("share"):
                node.unplug()
                self._until(fault, node.plug_in)

    # The network

    def _ways(self, fault: Fault) -> Iterator[tuple[Process, Process]]:
        world = self._world
        if fault.kind.startswith("link"):
            a, _, b = fault.target.partition(" ")
            one: Process = world.conductors[a]
            other = world.conductors[b]
        else:
            one = self._process(fault.target)
            other = world.conductors[one.site]
        if fault.arg("way") != 2:  # noqa: PLR2004 - both, there, back
            yield one, other
        if fault.arg("way") != 1:
            yield other, one

    def _cut(self, fault: Fault) -> None:
        network = self._world.network
        for source, target in self._ways(fault):
            network.cut(source, target)
            self._until(
                fault,
                lambda s=source, t=target: network.heal(s, t, breaks=bool(fault.arg("breaks"))),  # type: ignore[misc]
            )

    _node_cut = _client_cut = _link_cut = _cut

    def _link_flap(self, fault: Fault) -> None:
        self._again_and_again(fault, self._cut)

    def _network_slow(self, fault: Fault) -> None:
        process = self._process(fault.target)
        network = self._world.network
        conductor = self._world.conductors[process.site]
        for path in (network.path(process, conductor), network.path(conductor, process)):
            before = (path.base_us, path.loss)
            path.base_us, path.loss = path.base_us + fault.arg("delay_us"), fault.arg("loss") / _PERCENT

            def mend(path=path, before=before) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
                path.base_us, path.loss = before

            self._until(fault, mend)

    def _connection_break(self, fault: Fault) -> None:
        process = self._process(fault.target)
        for end in list(process.ends):
            self._world.network.sever(end.out)

    # Disks, clocks and policies

    def _disk_full(self, fault: Fault) -> None:
        disk = self._world.conductors[fault.target].disk
        disk.full += 1
        self._until(fault, lambda: setattr(disk, "full", disk.full - 1))

    def _disk_slow(self, fault: Fault) -> None:
        disk = self._world.conductors[fault.target].disk
        disk.slow = 50
        self._until(fault, lambda: setattr(disk, "slow", 1))

    def _clock_jump(self, fault: Fault) -> None:
        self._world.controls[fault.target].wall_shift_us += fault.arg("shift_s") * 1_000_000
        self._world.conductors[fault.target].wall_shift_us += fault.arg("shift_s") * 1_000_000

    def _clock_drift(self, fault: Fault) -> None:
        process = self._process(fault.target)
        process.drift(fault.arg("ppm"))
        self._until(fault, lambda: process.drift(0))

    def _policy_reload(self, fault: Fault) -> None:
        control = self._world.controls[fault.target]
        control.reload(fault.arg("policy"))
        self._until(fault, lambda: control.reload(0))
