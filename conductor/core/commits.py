"""What the store says of records: each counts for the state in which its task wrote it, and for no other."""

from __future__ import annotations

from typing import Final

from conductor.core import again, intake, keeping, outcome
from conductor.core.records import Stored
from conductor.core.state import State
from conductor.core.states import TaskState
from conductor.core.tasks import Task

_STORE_PAUSE_US: Final = 500_000
_NOTHING: Final = (None, TaskState.PLANNING)


def committed(s: State, token: int) -> None:
    """Go on with what waited for a record that is durable now."""
    if token in s.ledger.insisted:
        keeping.decided(s, token, kept=True)
        return
    task, was = _written(s, token)
    if task is None:
        return
    task.kept = True
    if task.state is not was:
        return  # it was cancelled while it was accepted, and has two records under way
    if was is TaskState.ACCEPTING:
        intake.accepted(s, task)
    elif was is TaskState.CLOSING:
        outcome.committed(s, task)


def failed(s: State, token: int, reason: str) -> None:
    """Take back what depended on a record that could not be written, or write it again later."""
    if token in s.ledger.insisted:
        keeping.decided(s, token, kept=False)
        return
    task, was = _written(s, token)
    if task is None:
        return
    if was is not TaskState.CLOSING:  # nor is there an outcome, if one was decided meanwhile
        detail = f"Nothing was accepted: {reason}."
        outcome.reject(s, task, outcome.failure("store_unavailable", detail, retry_after_ms=1000))
    elif task.state is was:
        # The outcome waits until the store takes it, and a store that cannot is not asked without a pause.
        task.retry_us = s.now_us + _STORE_PAUSE_US
        s.timers.set(task, task.retry_us)
        s.count("commits_failed")


def known(s: State, token: int, stored: Stored) -> None:
    """Go on with a submission that the store had before."""
    task, was = _written(s, token)
    if task is not None and was is not TaskState.CLOSING and again.known(s, task, stored):
        intake.accepted(s, task)


def _written(s: State, token: int) -> tuple[Task | None, TaskState]:
    """Return who waited for a record, and in which state; nobody if it gave way to what the store has."""
    task, was = s.ledger.persisting.pop(token, _NOTHING)
    if task is not None and was is not TaskState.CLOSING:
        s.ledger.bytes -= task.bytes
    return (None if task is not None and task.state is TaskState.REFUSED else task), was
