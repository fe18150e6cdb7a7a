"""The production cores' own rules, held against what an event touched, and now and then against everything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from conductor.core import invariants
from conductor.core.actions import Action, Received, Send
from hive.wire.messages import Submit, Work
from simulation.sim import accounts

if TYPE_CHECKING:
    from conductor.core.actions import Incoming
    from conductor.core.nodes import Node
    from conductor.core.tasks import Attempt, Task
    from simulation.sim.conductor import ConductorProcess
    from simulation.sim.world import World


def touched(
    conductor: ConductorProcess, event: Incoming, attempt: Attempt | None, actions: Iterable[Action]
) -> None:
    """Check what an event was about, and what came of it. Raises InvariantError."""
    state = conductor.core.state
    tasks: dict[Task, None] = {}
    nodes: list[Node] = []
    if attempt is not None:
        tasks[attempt.task] = None
        nodes.append(attempt.node)
    for action in actions:
        if type(action) is Send and type(action.message) is Work:
            given = state.attempts.get(action.message.header.attempt)
            if given is not None:
                tasks[given.task] = None
                nodes.append(given.node)
                _hedged(conductor, given.task)
                if attempt is not None:
                    _in_order(conductor, given)
    if type(event) is Received and type(event.message) is Submit:
        session = state.sessions.get(event.session)
        task = state.tasks.get((session.name, event.message.header.task)) if session is not None else None
        if task is not None:
            tasks[task] = None
            _within_quota(conductor, task)
    if type(event) is Received and type(event.message) is Work:
        _taken(conductor, event)
    if tasks:
        invariants.validate_touched(state, tasks, nodes)
        for task in tasks:
            conductor.world.watch.saw("task", task, task.state.value)
        for node in nodes:
            conductor.world.watch.saw("node", node, node.state.value)


def _within_quota(conductor: ConductorProcess, task: Task) -> None:
    """Hold the task that was let in last against what its principal may have open."""
    watch = conductor.world.watch
    if task.created_us != conductor.core.state.created_us:
        return
    count = conductor.core.state.open_by_principal.get(task.principal, 0)
    most = watch.law.quota(conductor.policy, task.principal) if conductor.policy >= 0 else count
    if count > most:
        watch.broken(
            "quota", f"{task.principal} has {count} tasks open at {conductor.name}; {most} are the most."
        )


def _taken(conductor: ConductorProcess, event: Received) -> None:
    """Hold work of another site against the policy here, if it was taken in."""
    session = conductor.core.state.sessions.get(event.session)
    message = event.message
    peer = session.peer if session is not None else None
    ref = (message.header.epoch, message.header.attempt)
    if peer is not None and isinstance(message, Work) and ref in peer.held:
        conductor.world.watch.taken(conductor, peer.site, message)


def _in_order(conductor: ConductorProcess, given: Attempt) -> None:
    """A slot that an answer has freed goes to what is most urgent of all that may have it."""
    node, task = given.node, given.task
    capability = conductor.core.state.capabilities[node.offer.capability]
    if not capability.waiting_count or node.peer is not None or node.pool is None:
        return
    for queue in capability.waiting[task.header.priority + 1 :]:
        for waiting in queue.permitted(node.pool.allowed_labels):
            if waiting.live or waiting.kills or waiting.tried:
                continue
            sentence = (
                f"{conductor.name} gives {node.id} a task of priority {task.header.priority}, and one of"
            )
            sentence = f"{sentence} {waiting.header.priority} waits for it."
            conductor.world.watch.broken("order", sentence, waiting.id.hex())
            return


def _hedged(conductor: ConductorProcess, task: Task) -> None:
    """A step that is under way may be given to a second node only where both say that this does no harm."""
    going = [attempt.node for attempt in task.live.values() if not attempt.ended]
    if len(going) > 1 and not all(node.offer.idempotent for node in going):
        nodes = " and ".join(node.id for node in going)
        sentence = f"{conductor.name} lets {nodes} run a step of {task.id.hex()} that is not idempotent."
        conductor.world.watch.broken("hedge", sentence, task.id.hex())


def everything(world: World) -> None:
    """Check every process in full. Raises InvariantError or NodeFaultError; bounds are told to the observer."""
    for conductor in world.conductors.values():
        if not conductor.alive:
            continue
        state = conductor.core.state
        invariants.validate_state(state)
        if state.open_count > state.settings.queue_max_tasks:
            sentence = f"{conductor.name} holds {state.open_count} tasks."
            world.watch.broken("bounds", sentence, conductor.name)
        for peer in state.peers.values():
            if any(task.closed for task in peer.held.values()):
                sentence = f"{conductor.name} holds an ended task for {peer.site}."
                world.watch.broken("books", sentence, conductor.name)
    for node in world.nodes.values():
        if node.alive:
            node.core.validate_state()
    accounts.compare(world)
    world.watch.duties.purges()
    world.watch.duties.rights()
