"""When a step goes to another site, to which, and what becomes of it while none can be reached.

Home comes first. Another site is asked when nobody here is left for the step, when the queue here would outlast the
deadline, or when the answer here was too unsure; and only where the gate lets the data go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conductor.core.away import answer_us
from conductor.core.nodes import Node
from conductor.core.outcome import failure
from conductor.core.pools import Pool
from conductor.core.state import Capability, State
from conductor.core.states import NodeState, TaskState
from conductor.core.tasks import Task
from hive.gate import Crossing, Pass
from hive.wire.messages import Flag

HOPS_MAX: Final = 8
"""Sites that a task may pass; a longer way is a mistake."""
_MARGIN_US: Final = 50_000
_LOOKED_AT: Final = 16
_HOLD: Final = Flag.HOLD | Flag.DURABLE


def choose(s: State, task: Task, capability: Capability, labels: int, *, unsure: bool = False) -> Node | None:
    """Return the linked site with a free slot that may have the step and will answer first, or None."""

    def fits(node: Node) -> bool:
        pool = node.pool
        if pool is None or node.id in task.tried or (unsure and not (node.peer and node.peer.upstream)):
            return False
        return passes(s, task, capability, pool, labels, unsure=unsure).allowed

    return capability.nearest.first(fits)


def passes(
    s: State, task: Task, capability: Capability, pool: Pool[Node], labels: int, *, unsure: bool = False
) -> Pass:
    """Ask the gate whether a step may go to the site of a pool; every way out of this site leads through here."""
    journey = task.journey
    via = journey.via if journey is not None else ()
    path = next((node.offer.path for node in pool.members.values()), (pool.site,))
    if s.site in path or not set(via).isdisjoint(path) or len(via) >= HOPS_MAX:
        return Pass(
            False, "loop", f"it has passed {' > '.join((*via, s.site))} and would go round", 0, "loop"
        )
    answer = s.gate.asks(_crossing(s, task, pool.site, capability.name, unsure=unsure), labels)
    if answer.allowed and labels & ~pool.allowed_labels:
        return Pass(False, pool.rule, f"{pool.site!r} does not take it", labels & ~pool.allowed_labels)
    return answer


def crossing_of(s: State, task: Task, node: Node, *, unsure: bool) -> Crossing:
    """Return what the gate is asked about a task that goes to a linked site."""
    return _crossing(s, task, node.site, node.offer.capability, unsure=unsure)


def _crossing(s: State, task: Task, target: str, capability: str, *, unsure: bool) -> Crossing:
    journey = task.journey
    via = journey.via if journey is not None else ()
    asker = journey.asker if journey is not None and journey.giver is not None else task.principal
    return Crossing(s.site, target, via[0] if via else s.site, asker, capability, unsure)


def needed(s: State, task: Task, capability: Capability) -> bool:
    """Say whether a step has to go elsewhere: nobody here is left for it, or the queue here outlasts its deadline."""
    ready = list(_ready_here(capability))
    if all(node.id in task.tried for node in ready):
        return True
    run_us = min(node.ewma_us for node in ready)
    wait_us = run_us * (capability.waiting_count + 1) / len(ready)
    return s.now_us + wait_us + run_us > task.deadline_us


def ready_here(capability: Capability) -> bool:
    """Say whether a node of this site can be given the capability's steps."""
    return next(_ready_here(capability), None) is not None


def _ready_here(capability: Capability) -> Iterator[Node]:
    """Yield some of this site's ready nodes; a few tell enough of many."""
    found = 0
    for pool in capability.home.values():
        for node in pool.members.values():
            if node.state is NodeState.READY:
                yield node
                found += 1
                if found == _LOOKED_AT:
                    return


def permitted(s: State, task: Task, capability: Capability, labels: int) -> list[Pool[Node]]:
    """Return the linked sites that may have the step, reachable or not."""
    away = [pool for pool in capability.pools.values() if pool.away]
    return [pool for pool in away if passes(s, task, capability, pool, labels).allowed]


def look_again_us(task: Task, sites: list[Pool[Node]]) -> int:
    """Return when a step that waits at home should be looked at again, to reach its deadline elsewhere; 0: never."""
    trips = [answer_us(node) for pool in sites for node in pool.members.values()]
    return int(task.deadline_us - 2 * min(trips) - _MARGIN_US) if trips else 0


def unreachable(
    s: State, task: Task, capability: Capability, sites: list[Pool[Node]]
) -> dict[str, object] | None:
    """Return why a step may not wait for sites that cannot be reached, or None if it may.

    It is the task's own wish: what is durable or says HOLD waits in the outbox, anything else is refused now. What was
    given to a site before its link broke may be done there, and waits for the answer within its deadline. How many wait
    is bounded where they come in: what was accepted as durable is not given up because of those before it.
    """
    names = sorted({*(pool.site for pool in sites), *never_seen(task, capability)})
    if not names or capability.home or _there(sites):
        return None  # nobody else may have it, or somebody will have a free slot or comes back
    if any(not attempt.ended for attempt in task.live.values()):
        return None
    if not may_wait(task):
        detail = f"{capability.name} is done at {', '.join(names)}, which cannot be reached now"
        said = f"{detail}, and the task did not ask to wait."
        return failure("link_down", said, site=names[0], retry_after_ms=1000)
    accepted = task.queued or (task.durable and task.state is not TaskState.PLANNING)
    if not accepted and waiting_for_sites(s) >= s.settings.outbox_max_tasks:
        detail = f"{s.settings.outbox_max_tasks} tasks wait already for sites that cannot be reached."
        return failure("queue_full", detail, site=names[0], retry_after_ms=5000)
    return None


def never_seen(task: Task, capability: Capability) -> list[str]:
    """Return the sites that may have the step by its plan and have not been linked since this conductor began."""
    step = task.route.steps[task.at]  # type: ignore[union-attr]
    return [site for site in step.sites if f"@{site}" not in capability.pools]


def may_wait(task: Task) -> bool:
    """Say whether a task may wait for a site that cannot be reached: it wishes so, or it may be done there already."""
    return wishes_to_wait(task) or bool(task.live)


def wishes_to_wait(task: Task) -> bool:
    """Say whether a task asked to wait for sites that cannot be reached."""
    return task.durable or bool(task.header.flags & _HOLD)


def _there(sites: list[Pool[Node]]) -> bool:
    """Say whether one of these sites is linked now and offers the capability."""
    return any(node.credit for pool in sites for node in pool.members.values())


def waiting_for_sites(s: State) -> int:
    """Return how many tasks wait for capabilities that only other sites have."""
    return sum(c.waiting_count for c in s.capabilities.values() if c.linked and not ready_here(c))


def outbox_of(s: State, site: str) -> int:
    """Return how many tasks wait for a site: of capabilities that nobody here has, and that it is asked for first."""
    waiting = 0
    for capability in s.capabilities.values():
        if capability.linked and capability.waiting_count and not ready_here(capability):
            first = next(task for queue in reversed(capability.waiting) for task in queue)
            waiting += capability.waiting_count if site == _first_site(first, capability) else 0
    return waiting


def _first_site(task: Task, capability: Capability) -> str:
    """Return the site that a waiting step goes to as far as is known now: one that can be reached, else any."""
    step = task.route.steps[task.at]  # type: ignore[union-attr]
    reached = [site for site in step.sites if (pool := capability.pools.get(f"@{site}")) and pool.members]
    return next(iter(reached or step.sites), "")
