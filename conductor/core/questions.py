"""What is asked of the control process: claims to judge and routes to plan, so many at a time.

A whole site may come at once, after a restart for instance. The queue between the two processes is bounded, and what
does not fit into it would be taken for a control process that has died.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from conductor.core.actions import Send
from hive.wire.messages import PlanWanted, Seen

if TYPE_CHECKING:
    from conductor.core.state import State

_OPEN_MAX: Final = 256
"""Questions that may be under way; the transport's queues hold a thousand messages."""


class Questions:
    """Questions under way, and those that wait for their turn."""

    __slots__ = ("open", "waiting")

    def __init__(self) -> None:
        """Start with none."""
        self.open = 0
        self.waiting: deque[Seen | PlanWanted] = deque()


def begin(s: State) -> None:
    """Forget what was asked of the control process before: another one has come, and is asked anew."""
    s.questions.open = 0
    s.questions.waiting.clear()


def ask(s: State, question: Seen | PlanWanted) -> None:
    """Ask now, or when an earlier question has been answered; without a control process not at all."""
    if s.control is None:
        return
    if s.questions.open < _OPEN_MAX:
        s.questions.open += 1
        s.actions.append(Send(s.control.id, question))
    else:
        s.questions.waiting.append(question)


def answered(s: State) -> None:
    """A question was answered: ask the next one that somebody still wants to know."""
    q = s.questions
    q.open = max(0, q.open - 1)
    while q.waiting and q.open < _OPEN_MAX and s.control is not None:
        question = q.waiting.popleft()
        if _wanted(s, question):
            q.open += 1
            s.actions.append(Send(s.control.id, question))


def _wanted(s: State, question: Seen | PlanWanted) -> bool:
    if isinstance(question, Seen):
        return not question.ask or question.ask in s.claims
    return question.ask in s.asks
