"""What a conductor owes its nodes and callers beside the right outcome, seen from outside.

A node that hangs is noticed, one that comes and goes is set aside, poison stays bounded, everybody is answered, and
what policy forbids is deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from conductor.core.states import NodeState, TaskState
from hive.errors import HiveError
from simulation.sim.accounts import quiet
from simulation.sim.asked import task_of
from simulation.sim.engine import number_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from conductor.core.nodes import Node
    from conductor.core.records import Body, Stored
    from hive.ids import TaskId
    from hive.wire.messages import Work
    from simulation.sim.client import Caller
    from simulation.sim.conductor import ConductorProcess
    from simulation.sim.node import NodeProcess
    from simulation.sim.plan import Submission
    from simulation.sim.world import World

_NOTICED_US: Final = 1_200_000
"""A node whose loop stands still is suspected after some 0.4 s on a quiet network; this is far beyond."""
_LOOK_US: Final = 200_000
_DELAYS: Final = frozenset({"fault network_slow", "fault node_cut"})
_LATE_US: Final = 2_000_000
"""By how much a beat may come late after these."""
_GOES_ON: Final = (TaskState.QUEUED, TaskState.RUNNING)
_EXPIRES_US: Final = 300_000
"""A timer fires within some milliseconds; callers wait for half a second more."""


class Duties:
    """What the observer has to remember for that."""

    def __init__(self, world: World) -> None:
        """Have seen nothing."""
        self._world = world
        self._runs: dict[str, tuple[Work, ...]] = {}
        self._kills: dict[tuple[str, TaskId], int] = {}
        self._losses: dict[tuple[str, int, str], list[int]] = {}
        self._boots: dict[tuple[str, str], int] = {}  # which boot was lost last
        self._purged: dict[tuple[str, int], int] = {}

    # Poison

    def runs(self, node: NodeProcess, works: tuple[Work, ...]) -> None:
        """A node begins a run."""
        self._runs[node.name] = works

    def poisoned(self, node: NodeProcess) -> None:
        """Its run has killed it: a payload may do so only so often.

        Once more is permitted while it is not sure that a node is dead, and once for each death of the conductor.
        """
        watch = self._world.watch
        conductor = self._world.conductors[node.site]
        # A start may miss what was not committed yet; on a full disk, that is everything.
        full = "fault disk_full" in watch.counts
        kills_max, boots = conductor.settings.kills_max, conductor.boots
        most = (kills_max + 1) * boots if full else kills_max + boots
        for work in self._runs[node.name]:
            number, _ = number_of(work.body)
            if watch.poison.get(number) == "kill" and watch.began_at(number) == node.site:
                task = (node.site, work.header.task)  # a retry is another task
                kills = self._kills[task] = self._kills.get(task, 0) + 1
                if kills > most:
                    sentence = f"Payload <{number}> has taken down {kills} nodes of {node.site}; {most} are the most."
                    watch.broken("poison", sentence, f"<{number}>")

    # Nodes that come and go, and nodes that hang

    def lost(self, conductor: ConductorProcess, node: Node) -> None:
        """A conductor sees the connection of a node that it uses close."""
        losses = self._losses.setdefault((conductor.site, conductor.boots, node.id), [])
        losses.append(self._world.now)
        self._boots[conductor.site, node.id] = node.hello.incarnation

    def given(self, conductor: ConductorProcess, node: str) -> None:
        """A conductor gives work to a node: not to one that has just died again and again."""
        settings, now = conductor.settings, self._world.now
        losses = self._losses.get((conductor.site, conductor.boots, node))
        if losses is None or now - losses[-1] >= settings.quarantine_max_us:
            return
        if conductor.core.state.nodes[node].hello.incarnation == self._boots[conductor.site, node]:
            return  # it was cut off, and did not die
        lately = sum(losses[-1] - lost_us < settings.flap_window_us for lost_us in losses)
        excess = lately - settings.flap_losses
        if excess >= 0 and now - losses[-1] < settings.quarantine_us << min(excess, 10):
            ago = (now - losses[-1]) / 1e6
            sentence = (
                f"{conductor.name} gives {node} work, {ago:.3f} s after it lost it for the {lately}. time."
            )
            self._world.watch.broken("quarantine", sentence, node)

    def look(self, _: object = None) -> None:
        """Find nodes that stand still and are used by a conductor that could have noticed; look again soon."""
        now = self._world.now
        self._world.at(now + _LOOK_US, self.look)
        late_us = _LATE_US if _DELAYS & self._world.watch.counts.keys() else 0
        for node in self._world.nodes.values():
            conductor = self._world.conductors[node.site]
            if not (node.alive and node.stopped and conductor.alive) or conductor.stopped:
                continue
            known = conductor.core.state.nodes.get(node.id)
            if known is None or known.hello.incarnation != node.incarnation:
                continue
            beats = known.beats
            patience_us = beats.suspect_at_us() - max(beats.last_us, beats.busy_until_us)
            limit_us = max(_NOTICED_US, 2 * patience_us) + node.bound_us + late_us
            since_us = max(node.stopped_us, conductor.resumed_us)
            if known.state is NodeState.READY and now - since_us > limit_us:
                still_s = (now - since_us) / 1e6
                sentence = (
                    f"{conductor.name} uses {node.name}, whose loop has not turned for {still_s:.3f} s."
                )
                self._world.watch.broken("detection", sentence, node.name)

    # Callers

    def gave_up(self, caller: Caller, ask: Submission, answer: object) -> None:
        """A caller has given a request up: if nothing is under way to it any more, nobody will ever answer that."""
        if not isinstance(answer, HiveError) or answer.code != "expired":
            return  # the last refusal that it has heard
        conductor = self._world.conductors[caller.site]
        if not conductor.alive or caller.end is None or not quiet(caller.end):
            return
        if conductor.core.state.ledger.looking or not conductor.core.state.generation:
            return  # the store, or control, has the last word
        known = conductor.core.state.tasks.get((caller.name, task_of(ask, self._world.seed)))
        if known is None or known.closed:
            how = "has no such task" if known is None else f"has it as {known.state}"
            sentence = f"{caller.name} was never answered about {ask.payload}, and {conductor.name} {how}."
            self._world.watch.broken("answered", sentence, ask.payload)
        elif known.state in _GOES_ON and self._world.now - conductor.resumed_us > _LATE_US:
            late_us = conductor.clock_us() - known.deadline_us
            if late_us > _EXPIRES_US:
                sentence = f"{ask.payload} is {known.state} {late_us / 1e6:.3f} s after its deadline."
                self._world.watch.broken("expiry", sentence, ask.payload)

    # What policy forbids

    def rights(self) -> None:
        """Nobody has more rights than policy grants by now, unless the question for them is under way."""
        for conductor in self._world.conductors.values():
            state = conductor.core.state if conductor.alive and conductor.policy >= 0 else None
            for node in state.nodes.values() if state is not None else ():
                if state is None or node.peer is not None or node.pool is None or node.claim in state.claims:
                    continue
                offer = node.offer
                granted = self._world.watch.law.removes(conductor.policy, offer.capability, offer.digest)
                names = set(state.label_table.unpack(node.removes))
                if not names <= granted:
                    more = ", ".join(sorted(names - granted))
                    sentence = f"{conductor.name} lets {node.id} remove {more}, which policy does not grant."
                    self._world.watch.broken("rights", sentence, node.id)

    def purges(self) -> None:
        """Look once through each store after each change of policy, when nothing is left to be deleted."""
        for conductor in self._world.conductors.values():
            if not conductor.alive or conductor.policy < 0:
                continue
            ledger = conductor.core.state.ledger
            key = (conductor.site, conductor.boots)
            if self._purged.get(key) == conductor.policy or ledger.insisted or ledger.failed:
                continue
            self._purged[key] = conductor.policy
            allowed = self._world.watch.law.allowed(conductor.policy, conductor.site)
            for stored in conductor.disk.tables.tasks.values():
                for body in _bodies(stored):
                    if not allowed.issuperset(body.labels):
                        task = stored.submitted.task.hex()
                        sentence = (
                            f"{conductor.name} stores a body of {task} that is {', '.join(body.labels)}."
                        )
                        self._world.watch.broken("purge", sentence, task)
                        return


def _bodies(stored: Stored) -> Iterator[Body]:
    inputs: Iterable[Body] = stored.submitted.inputs
    yield from inputs
    yield from (step.output for step in stored.steps)
    if stored.finished is not None and stored.finished.result is not None:
        yield stored.finished.result
