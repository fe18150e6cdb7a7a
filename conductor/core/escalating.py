"""Asking again at the next tier for an answer that is too unsure here, and what a linked site's refusal means.

The answer from home is kept until then. It counts if the other site cannot or may not do better, says nothing in time
or is less sure itself; a task is never worse off for having asked.
"""

from __future__ import annotations

from typing import Final

from conductor.core import elsewhere
from conductor.core.journey import Held
from conductor.core.outcome import failure, finish
from conductor.core.place import arm, escalate, has_untried, labels_of, place
from conductor.core.retry_classes import CLASSES, Again
from conductor.core.state import State
from conductor.core.states import TaskState, next_task
from conductor.core.tasks import Attempt, Task
from hive.errors import MENDED_BY_TIME
from hive.wire.messages import Refuse

_PAUSE_MS: Final = 500
_PAUSES_MS: Final = (50, 5_000)


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
    if CLASSES[code] is Again.ELSEWHERE or (code in MENDED_BY_TIME and elsewhere.wishes_to_wait(task)):
        _ask_later(s, task, attempt, m)
        return True
    if code == "dead_lettered":
        finish(s, task, TaskState.DEAD_LETTERED, failure(code, m.detail, site=attempt.node.site))
        return True
    waits = code == "link_down" and not elsewhere.wishes_to_wait(task)
    if CLASSES[code] is not Again.SITE and not waits:
        return False
    if has_untried(s, task):
        place(s, task)
    else:
        error = {**failure(code, m.detail), "site": attempt.node.site, **m.context}
        finish(s, task, TaskState.FAILED, error)
    return True


def pause_us(s: State, m: Refuse) -> int:
    """Return for how long a site is left alone that takes nothing now: as it says, within bounds, more or less."""
    said = m.context.get("retry_after_ms")
    least, most = _PAUSES_MS
    pause_ms = min(most, max(least, said if isinstance(said, int) else _PAUSE_MS))
    return int(pause_ms * 1000 * (0.5 + s.rand()))


def _ask_later(s: State, task: Task, attempt: Attempt, m: Refuse) -> None:
    """Go on with a step that a site takes not now: with somebody else, or there again after a pause.

    That is no failure of the step; and without a pause it would be sent to and fro as fast as the link is.
    """
    if attempt.node.shut_us or has_untried(s, task):
        place(s, task)  # it waits for the site, if there is nobody else, with all others that do
        return
    task.tried.discard(attempt.node.id)
    task.retry_us = s.now_us + pause_us(s, m)
    task.state = next_task(task.state, "unplaced")
    arm(s, task)
