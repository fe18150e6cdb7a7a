"""What a node or a linked site is given of a step: its values, put together, and what goes along to another site."""

from __future__ import annotations

from typing import Final

from conductor.core import elsewhere
from conductor.core.journey import Crossed
from conductor.core.nodes import Node
from conductor.core.state import State
from conductor.core.tasks import PlanStep, Task
from hive.wire.messages import Header, Work

_ATTEMPTS_KEPT: Final = 100


def forget_oldest(s: State, task: Task) -> None:
    """Forget the oldest attempt that is over, if there are many: a task must not grow for as long as nodes flap."""
    if len(task.attempts) < _ATTEMPTS_KEPT:
        return
    crossed = 0
    for index, attempt in enumerate(task.attempts):
        away = attempt.node.peer is not None
        if attempt.number not in task.live and attempt.number not in attempt.node.attempts:
            del task.attempts[index]
            s.take_attempt(attempt)
            if away and task.journey is not None:
                del task.journey.crossed[crossed]  # the journal has it
            task.forgotten += 1
            return
        crossed += away


def compose(header: Header, task: Task, step: PlanStep) -> Work:
    """Return the work of a step whose inputs are earlier outputs or several values."""
    named = []
    body: tuple[bytes, ...] = ()
    for name, _, source in step.inputs:
        value = task.outputs[source] if source >= 0 else task.inputs[-source - 1]
        named.append((name, value.type, len(value.frames)))
        body += value.frames
    return Work(header, tuple(named), body)


def sent_on(s: State, task: Task, node: Node, work: Work) -> Work:
    """Return the work as another conductor takes it, and write down that its body leaves this site."""
    journey = task.travels()
    via = (*journey.via, s.site)
    asker = journey.asker if journey.giver is not None else task.principal
    labels, size = work.header.labels, sum(map(len, work.body))
    crossing = elsewhere.crossing_of(s, task, node, unsure=journey.unsure)
    rule = s.gate.asks(crossing, labels).rule
    journey.crossed.append(Crossed(s.site, node.site, s.label_table.unpack(labels), size, rule))
    s.count("bytes_sent_to_sites", size)
    s.note("crossed", task.id, *journey.crossed[-1])
    header = work.header._replace(hops=len(via))
    return Work(
        header, work.inputs, work.body, node.offer.capability, asker, via, task.min_confidence, journey.unsure
    )
