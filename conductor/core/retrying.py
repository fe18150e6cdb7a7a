"""What follows for a task when a node refuses its step: which failures are tried again, and how often."""

from __future__ import annotations

from conductor.core.elsewhere import ready_here
from conductor.core.escalating import conclude, site_refused
from conductor.core.outcome import failure, finish
from conductor.core.place import arm, has_untried, place
from conductor.core.retry_classes import CLASSES, FORGIVEN, UNKNOWN, Again
from conductor.core.state import State
from conductor.core.states import TaskState, next_task
from conductor.core.tasks import Attempt, Task
from hive.wire.messages import Refuse


def after_refusal(s: State, task: Task, attempt: Attempt, m: Refuse) -> None:
    """Go on with a step that a node has refused: elsewhere, after a pause, or not at all."""
    code = m.code if m.code in CLASSES else UNKNOWN
    again = CLASSES[code]
    attempt.node.faults += code not in FORGIVEN
    task.tried.add(attempt.node.id)
    if attempt.node.peer is not None and site_refused(s, task, attempt, code, m):
        return
    if code == "expired":
        expire(s, task)
    elif again is Again.NEVER:
        finish(s, task, TaskState.FAILED, failure(code, m.detail, node=attempt.node.id))
    elif any(not other.ended for other in task.live.values()):
        arm(s, task)  # another attempt of this step is under way
    elif again is Again.ELSEWHERE:
        place(s, task)  # who refused it is shut for now, so it does not go to and fro
    else:
        _retry(s, task, attempt, code, m.detail)


def _retry(s: State, task: Task, attempt: Attempt, code: str, detail: str) -> None:
    task.failures += 1
    budget = s.capability(task.route.steps[task.at].capability)  # type: ignore[union-attr]
    if CLASSES[code] is Again.UNTRIED:
        if task.failures < s.settings.attempts_max and has_untried(s, task):
            place(s, task)
        else:
            finish(s, task, TaskState.FAILED, failure(code, detail))
    elif task.failures >= s.settings.attempts_max:
        said = f"{task.failures} attempts failed; the last, on {attempt.node.id}: {detail or code}"
        finish(s, task, TaskState.FAILED, failure("attempts_exhausted", said, last=code))
    elif budget.budget < 1:
        finish(s, task, TaskState.FAILED, failure("retry_budget_spent", "", last=code))
    else:
        budget.budget -= 1
        s.count("retries")
        if attempt.node.peer is not None:
            task.tried.discard(attempt.node.id)  # after the pause it is asked again, if nobody here can
        pause = s.settings.retry_delay_us << (task.failures - 1)
        task.retry_us = s.now_us + int(pause * (0.5 + s.rand()))
        task.state = next_task(task.state, "unplaced")
        arm(s, task)


def expire(s: State, task: Task) -> None:
    """End a task whose deadline has passed, with the answer from home if one was kept."""
    if task.journey is not None and task.journey.fallback is not None:
        conclude(s, task, task.journey.fallback)
        return
    tried = ", ".join(sorted({a.node.id for a in task.attempts}))
    where = f"tried on {tried}" if tried else "no node was free for it"
    took_ms = (s.now_us - task.created_us) // 1000
    detail = f"The deadline passed after {took_ms} ms; {where}{_waited_for(s, task)}."
    finish(s, task, TaskState.EXPIRED, failure("expired", detail))


def _waited_for(s: State, task: Task) -> str:
    """Name the linked sites that a task waited for and that cannot be reached."""
    if task.route is None:
        return ""
    capability = s.capabilities.get(task.route.steps[task.at].capability)
    if capability is None or not capability.linked or ready_here(capability):
        return ""
    away = [pool.site for pool in capability.pools.values() if pool.away and not pool.members]
    return f"; {', '.join(sorted(away))} could not be reached" if away else ""
