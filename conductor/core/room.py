"""Whether there is room for one more task, and who makes room for whom: brown-out before refusal.

While the queue fills up, low priorities are refused first. When it is full, a task of a higher priority takes the place
of the youngest waiting one of the lowest, if that was neither acknowledged nor begun; it is refused like one that came
too late. What was acknowledged is never shed.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import chain
from typing import TYPE_CHECKING, Final

from conductor.core.outcome import failure, reject
from conductor.core.records import OWNER
from hive.wire.checks import U32_MAX

if TYPE_CHECKING:
    from conductor.core.state import State
    from conductor.core.tasks import Task

_PRINCIPALS_MAX: Final = 10_000
_NO_QUOTA: Final = U32_MAX
_ORDINARY: Final = 5
"""The priority of those who do not care; what is below it gives way before the queue is full."""
_SHED_MAX: Final = 64
"""Tasks that give way to one; more small ones are not let down for a large one."""


def no_room(s: State, principal: str, size: int, priority: int, *, durable: bool) -> dict[str, object] | None:
    """Return why there is no room for one more task of so many bytes, or None."""
    if s.draining:
        return failure("draining", retry_after_ms=2000)
    if durable and (slow := _commits_too_slow(s, size)) is not None:
        return slow
    if (priority < _ORDINARY or is_full(s, size)) and (full := _too_full(s, priority, size)) is not None:
        return full
    if s.open_by_principal.get(principal, 0) >= _quota(s, principal):
        return failure(
            "quota_exceeded", f"{principal!r} has too many open tasks.", retry_after_ms=retry_after_ms(s)
        )
    return None


def is_full(s: State, size: int) -> bool:
    """Say whether there is no room for a further task of so many bytes, unless another gives way."""
    settings = s.settings
    return s.open_count >= settings.queue_max_tasks or s.open_bytes + size > settings.queue_max_bytes


def _too_full(s: State, priority: int, size: int) -> dict[str, object] | None:
    """Return why a task of this priority has no place in the queue, or None if it has or is given one."""
    most = fill_for(priority, s.settings.brownout_from)
    if fill_after(s, size) <= most or (most >= 1.0 and _outranked(s, priority, size)):
        return None
    s.count("tasks_refused_queue_full")
    held = f"{s.open_count} tasks and {s.open_bytes} bytes are waiting"
    why = f"; tasks of priority {priority} are taken up to {most:.0%}" if most < 1.0 else ""
    return failure("queue_full", f"{held}{why}; try again later.", retry_after_ms=retry_after_ms(s))


def fill_after(s: State, size: int) -> float:
    """Return how full the queue would be with a further task of so many bytes: above 1 there is no room for it."""
    by_count = (s.open_count + 1) / s.settings.queue_max_tasks
    return max(by_count, (s.open_bytes + size) / s.settings.queue_max_bytes)


def fill_for(priority: int, low: float) -> float:
    """Return up to which fill tasks of a priority are taken: from `low` at 0 in equal steps to 1 at 5 and above."""
    return 1.0 if priority >= _ORDINARY else low + (1.0 - low) * priority / _ORDINARY


def make_room(s: State, priority: int, size: int) -> None:
    """Shed what gives way to a task of this priority, because the queue is full."""
    for task in _outranked(s, priority, size):
        s.count("tasks_shed")
        s.note("shed", task.id, task.capability, task.header.priority, priority)
        s.unqueue(task)
        detail = f"A task of priority {priority} needed the place of this one, of {task.header.priority}."
        reject(s, task, failure("queue_full", detail, retry_after_ms=retry_after_ms(s)))


def _outranked(s: State, priority: int, size: int) -> list[Task]:
    """Return the tasks that would have to go, lowest priority and youngest first; none if it is not enough."""
    count = s.open_count + 1 - s.settings.queue_max_tasks
    excess = s.open_bytes + size - s.settings.queue_max_bytes
    going: list[Task] = []
    for task in chain.from_iterable(map(reversed, s.sheddable[:priority])):
        if len(going) >= _SHED_MAX:
            return []
        going.append(task)
        excess -= task.bytes
        if len(going) >= count and excess <= 0:
            return going
    return []


def _commits_too_slow(s: State, size: int) -> dict[str, object] | None:
    """Return why the store is given nothing more: what it has of tasks that ended meanwhile counts nowhere else."""
    count, held = len(s.ledger.persisting), s.ledger.bytes + s.ledger.closing_bytes
    if count < s.settings.queue_max_tasks and held + size <= s.settings.queue_max_bytes:
        return None
    s.count("tasks_refused_queue_full")
    detail = f"{count} records and {held} bytes of bodies wait for their commit; try again later."
    return failure("store_unavailable", detail, retry_after_ms=retry_after_ms(s))


def retry_after_ms(s: State) -> int:
    """Return when it is worth to try again: longer the more is waiting, from 0.1 to 5 seconds."""
    return max(100, min(5000, 5000 * s.open_count // max(1, s.settings.queue_max_tasks)))


def _quota(s: State, principal: str) -> int:
    """Return how many open tasks a principal may have: the most that a rule which names it allows.

    A linked site is no caller: how many of its tasks are open here follows from the slots that it was granted.
    """
    if principal.startswith(OWNER):
        return _NO_QUOTA
    known = s.quota_of.get(principal)
    if known is None:
        if len(s.quota_of) >= _PRINCIPALS_MAX:
            s.quota_of.clear()
        named = [most for pattern, most in s.quotas if fnmatchcase(principal, pattern)]
        known = s.quota_of[principal] = max(named, default=_NO_QUOTA)
    return known
