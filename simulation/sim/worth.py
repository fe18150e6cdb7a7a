"""What an answer is worth to who asked: nobody is worse off for a surer answer that was asked for, or for a receipt.

Each answer that a conductor accepts is noted as it arrives. The outcome that it shows later has to be the best of
them, and may claim no more than the least sure step behind it.
"""

from __future__ import annotations

from math import isclose
from typing import TYPE_CHECKING, Final

from hive.wire.messages import Answer, Flag

if TYPE_CHECKING:
    from conductor.core.tasks import Attempt, Task
    from hive.ids import TaskId
    from hive.wire.messages import Message, Outcome, Refuse
    from simulation.sim.conductor import ConductorProcess
    from simulation.sim.plan import Submission
    from simulation.sim.watch import Watch
    from simulation.sim.world import World

_DIGITS: Final = 1e-6  # the wire has 32 bits for a confidence
_FOR_WANT: Final = frozenset({"failed", "expired", "dead_lettered"})
_Life = tuple[
    str, int, str, "TaskId"
]  # of a conductor, with the task: what it keeps in memory only ends with it


class Worth:
    """What the observer has to remember for that."""

    def __init__(self, world: World) -> None:
        """Have seen nothing."""
        self._world = world
        self._steps: dict[_Life, dict[int, float]] = {}
        self._best: dict[_Life, float] = {}
        self._acknowledged: set[_Life] = set()

    def accepted(self, conductor: ConductorProcess, attempt: Attempt, message: Message) -> None:
        """A conductor has taken an answer for a step."""
        task = attempt.task
        if not isinstance(message, Answer) or attempt.ended != "answered" or task.route is None:
            return
        life = _life(conductor, task)
        steps = self._steps.setdefault(life, {})
        if attempt.step + 1 < len(task.route.steps):
            steps[attempt.step] = message.confidence
        elif all(step in steps for step in range(attempt.step)):
            sure = min([*steps.values(), message.confidence])
            self._best[life] = max(self._best.get(life, 0.0), sure)

    def outcome(self, conductor: ConductorProcess, principal: str, ask: Submission, m: Outcome) -> None:
        """An outcome is shown."""
        best = self._best.get((conductor.site, conductor.boots, principal, m.header.task))
        watch = self._world.watch
        if m.state in _FOR_WANT and best is not None and m.error.get("code") != "label_forbidden":
            sentence = f"{ask.payload} was shown as {m.state}, and {conductor.name} had an answer."
            watch.broken("worse off", sentence, ask.payload)
        if m.state != "done":
            return
        if best is not None and not isclose(m.confidence, best, abs_tol=_DIGITS):
            sentence = f"{ask.payload} was answered with {m.confidence:.2f}; the best answer had {best:.2f}."
            watch.broken("worse off", sentence, ask.payload)
        if m.confidence < ask.min_confidence - _DIGITS and not m.header.flags & Flag.UNSURE:
            sentence = (
                f"{ask.payload} wants {ask.min_confidence:.2f}; {m.confidence:.2f} is not shown as unsure."
            )
            watch.broken("unsure", sentence, ask.payload)

    def acknowledged(self, conductor: ConductorProcess, principal: str, task: TaskId) -> None:
        """A receipt is sent."""
        self._acknowledged.add((conductor.site, conductor.boots, principal, task))

    def refused(self, conductor: ConductorProcess, principal: str, m: Refuse) -> None:
        """A caller is refused: not for want of room what was acknowledged before."""
        life = (conductor.site, conductor.boots, principal, m.header.task)
        there = (principal, m.header.task) in conductor.core.state.tasks
        if m.code == "queue_full" and life in self._acknowledged and not there:
            sentence = f"{conductor.name} gave {m.header.task.hex()} up for another one, after its receipt."
            self._world.watch.broken("shed", sentence, m.header.task.hex())


def refused(watch: Watch, conductor: ConductorProcess, session: int, message: Refuse) -> None:
    """Somebody is refused."""
    owner = conductor.core.state.sessions.get(session)
    if owner is not None:
        watch.worth.refused(conductor, owner.name, message)


def _life(conductor: ConductorProcess, task: Task) -> _Life:
    return (conductor.site, conductor.boots, task.principal, task.id)
