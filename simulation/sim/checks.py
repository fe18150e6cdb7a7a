"""The production cores' own rules, held against what an event touched, and now and then against everything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from conductor.core import invariants
from conductor.core.actions import Action, Received, Send
from hive.wire.messages import Submit, Work

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
    if type(event) is Received and type(event.message) is Submit:
        session = state.sessions.get(event.session)
        task = state.tasks.get((session.name, event.message.header.task)) if session is not None else None
        if task is not None:
            tasks[task] = None
    if tasks:
        invariants.validate_touched(state, tasks, nodes)


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
