"""One run: a scenario, a seed and a plan go in; what happened and which promises were broken come out."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from conductor.core.states import InvariantError
from hive.core.link_states import LinkFaultError
from simulation.history.checker import Verdict, judge
from simulation.sim import accounts
from simulation.sim.breaker import Breaker
from simulation.sim.plan import Plan
from simulation.sim.story import everything, story_of
from simulation.sim.watch import Violation
from simulation.sim.workload import plan_of
from simulation.sim.world import World
from specialists.core.states import NodeFaultError

if TYPE_CHECKING:
    from simulation.sim.scenario import Scenario

_STEP_US: Final = 500_000
_CALM_US: Final = 2_000_000
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to. `story` is told for the first violation, if the run was traced."""

    seed: int
    events: int
    virtual_us: int
    wall_s: float
    cpu_s: float
    digest: str
    violations: tuple[Violation, ...]
    counts: dict[str, int] = field(default_factory=dict)
    verdict: Verdict | None = None
    story: tuple[str, ...] = ()

    @property
    def events_per_s(self) -> float:
        """Return how many events one core works off in a second."""
        return self.events / max(self.cpu_s, 1e-9)

    @property
    def ok(self) -> bool:
        """Say whether every promise was kept."""
        return not self.violations


def run(scenario: Scenario, seed: int, plan: Plan | None = None, *, trace: bool = False) -> Result:
    """Run a seed of a scenario; `plan` replaces what the seed makes happen. The same arguments, the same result.

    With `trace` the result has a story: of the first violation, or of everything where none is.
    """
    began, busy = time.perf_counter(), time.process_time()
    world = World(scenario, seed, trace=trace)
    play = _Play(world, plan if plan is not None else plan_of(scenario, seed))
    collecting = gc.isenabled()
    gc.disable()
    try:
        verdict = play.through()
    finally:
        if collecting:
            gc.enable()
    violations = tuple(world.watch.violations)
    story = tuple(story_of(world, violations) if violations else everything(world)) if trace else ()
    return Result(
        seed, world.events, world.now, time.perf_counter() - began, time.process_time() - busy,
        world.digest(), violations,
        dict(sorted(world.watch.counts.items())), verdict, story,
    )  # fmt: skip


class _Play:
    """The acts of a run: everything comes up, the plan happens, all is healed and calms down, accounts are settled."""

    def __init__(self, world: World, plan: Plan) -> None:
        self._world = world
        self._breaker = Breaker(world)
        self._plan = plan

    def through(self) -> Verdict | None:
        """Play to the end; a core that breaks its own rules ends the run."""
        world = self._world
        try:
            self._begin()
            self._breaker.schedule(self._plan)
            world.run(world.ends_us)
            self._breaker.heal()
            self._settle()
            world.look()
            for conductor in world.conductors.values():
                if conductor.alive:
                    world.watch.ended(conductor)
        except (InvariantError, NodeFaultError, LinkFaultError) as error:
            world.watch.broken("state", str(error))
            return None
        except Exception as error:  # noqa: BLE001 - whatever a core raises is what the simulator is there to find
            world.watch.broken("crash", f"{type(error).__name__}: {error}, {_where(error)}")
            return None
        return self._judge()

    def _begin(self) -> None:
        world = self._world
        world.watch.duties.look()
        for conductor in world.conductors.values():
            conductor.start()
        for control in world.controls.values():
            control.start()
        for node in world.nodes.values():
            node.plug_in()
        for caller in world.callers.values():
            caller.start()

    def _settle(self) -> None:
        """Wait until nothing is open, then let callers read what they are owed."""
        world = self._world
        until_us = world.now + int(world.scenario.file.settle_s * _MILLION)
        world.run(world.now + _CALM_US)
        while world.now < until_us and not self._calm():
            world.run(world.now + _STEP_US)
        for caller in world.callers.values():
            for task, ask in list(caller.owed.items()):
                caller.watch(ask, task, until_us - world.now + _CALM_US)
        while world.now < until_us + 2 * _CALM_US and any(
            len(caller.core) for caller in world.callers.values()
        ):
            world.run(world.now + _STEP_US)
        while world.now < until_us and not self._calm():  # a beat may have been late just now
            world.run(world.now + _STEP_US)
        self._unfinished()

    def _calm(self) -> bool:
        world = self._world
        if any(len(caller.core) for caller in world.callers.values()):
            return False
        for conductor in world.conductors.values():
            state = conductor.core.state
            links_down = any(peer.spec is not None and not peer.up for peer in state.peers.values())
            if (
                not conductor.alive
                or not state.idle
                or any(peer.held or len(peer.outbox) for peer in state.peers.values())
                or links_down
                or any(node.inflight for node in state.nodes.values())
            ):
                return False
        return not any(world.conductors[node.site].missing(node.id) for node in world.nodes.values())

    def _unfinished(self) -> None:
        """Everything has been whole for long: nothing may be open any more."""
        world = self._world
        watch = world.watch
        for conductor in world.conductors.values():
            state = conductor.core.state
            for task in [t for t in state.tasks.values() if not t.closed][:3]:
                watch.broken(
                    "liveness",
                    f"{conductor.name} still has task {task.id.hex()}: {task.state}.",
                    task.id.hex(),
                )
            for peer in state.peers.values():
                if peer.spec is not None and not peer.up:
                    watch.broken(
                        "liveness",
                        f"The link from {conductor.name} to {peer.site} is not up: {peer.trouble}.",
                    )
                if peer.held or len(peer.outbox):
                    watch.broken(
                        "liveness",
                        f"{conductor.name} owes {peer.site} {len(peer.held)} tasks and {len(peer.outbox)} answers.",
                    )
            for node in world.nodes.values():
                if node.site == conductor.site and (how := conductor.missing(node.id)):
                    watch.broken("liveness", f"{node.name} does not serve again: {how}.", node.name)
        accounts.settled(world)
        for caller, ident, ask in watch.tasks():
            site = world.callers[caller].site
            stored = world.conductors[site].disk.tables.tasks.get((caller, ident))
            if stored is not None and stored.finished is None:
                watch.broken("lost", f"{ask.payload} is stored and has no outcome.", ask.payload)

    def _judge(self) -> Verdict:
        world = self._world
        calls = [call for caller in world.callers.values() for call in caller.history]
        allowed = [mesh.compiled_policy for mesh in world.scenario.meshes]
        verdict = judge(
            calls,
            world.watch.effects,
            lambda label, site: any(label in policy.allowed_labels(site) for policy in allowed),
            lambda payload: payload,
        )
        for problem in verdict.problems:
            if problem.kind == "lost" and problem.payload in world.watch.withdrawn:
                continue  # it has its outcome, and policy has deleted the answer
            world.watch.broken(problem.kind, f"{problem.payload}: {problem.sentence}", problem.payload)
        return verdict


def _where(error: Exception) -> str:
    """Return the place in the code where an error was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace is not None else ""


__all__ = ["Plan", "Result", "Violation", "plan_of", "run"]
