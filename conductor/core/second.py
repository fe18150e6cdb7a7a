"""Asking again at the next tier for an answer that is too unsure here, and what a linked site's refusal means.

The answer from home is kept until then. It counts if the other site cannot or may not do better, says nothing in time
or is less sure itself; a task is never worse off for having asked.
"""

from __future__ import annotations

from typing import Final

from conductor.core import elsewhere
from conductor.core.journey import Held
from conductor.core.outcome import failure, finish
from conductor.core.place import escalate, has_untried, labels_of, place
from conductor.core.state import State
from conductor.core.states import TaskState
from conductor.core.tasks import Attempt, Task
from hive.wire.messages import Refuse

_THE_SITE_MAY_NOT: Final = frozenset(
    {"label_forbidden", "label_kept", "forbidden", "capability_unknown", "no_route", "loop", "type_unknown"}
)
"""What a linked site says when asking it again changes nothing: its policy or its graph decides."""


def conclude(s: State, task: Task, answer: Held) -> None:
    """Finish with an answer, or with the one from home if that is the surer."""
    kept = task.journey.fallback if task.journey is not None else None
    if kept is not None and kept.confidence > answer.confidence:
        answer = kept
    task.labels, task.result, task.unsure = answer.labels, answer.body, answer.unsure
    task.confidence = answer.confidence
    task.result_type = task.route.steps[task.at].output  # type: ignore[union-attr]
    finish(s, task, TaskState.DONE)


def ask_further(s: State, task: Task, held: Held) -> bool:
    """Ask the next tier for a better answer and keep this one; False where nobody there may or can be asked."""
    capability = s.capability(task.route.steps[task.at].capability)  # type: ignore[union-attr]
    if not capability.linked:
        return False
    labels = labels_of(task)
    if escalate(s, task, labels):
        task.travels().fallback = held
        return True
    for pool in capability.pools.values():
        peer = s.peers.get(pool.site) if pool.away else None
        if peer is None or not peer.upstream or pool.members:
            continue
        if elsewhere.passes(s, task, capability, pool, labels, unsure=True).allowed:
            task.travels().alone.append(pool.site)
    return False


def settle_for_less(s: State, task: Task, site: str) -> bool:
    """Finish with the answer from home when the site that was asked for a better one cannot give it any more."""
    journey = task.journey
    if journey is None or journey.fallback is None:
        return False
    journey.alone.append(site)
    task.live.clear()
    conclude(s, task, journey.fallback)
    return True


def site_refused(s: State, task: Task, attempt: Attempt, code: str, m: Refuse) -> bool:
    """Act on what only a linked site says; return False for what a node could have said too."""
    if any(not other.ended for other in task.live.values()):
        return False
    if code != "expired" and settle_for_less(s, task, attempt.node.site):
        return True
    if code == "dead_lettered":
        finish(s, task, TaskState.DEAD_LETTERED, failure(code, m.detail, site=attempt.node.site))
        return True
    waits = code == "link_down" and not elsewhere.wishes_to_wait(task)
    if code not in _THE_SITE_MAY_NOT and not waits:
        return False
    if has_untried(s, task):
        place(s, task)
    else:
        error = {**failure(code, m.detail), "site": attempt.node.site, **m.context}
        finish(s, task, TaskState.FAILED, error)
    return True
