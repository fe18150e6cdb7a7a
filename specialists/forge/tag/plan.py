"""How much work a budget buys, from the data's size and what a step costs on a machine with two cores.

The costs were measured once and are constants, so that the same budget always buys the same work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TEACHER_TOKEN_S: Final = 0.9e-3
"""Forward and backward through a MiniLM-L6, per token."""
TEACHER_STEP_S: Final = 0.06
"""One optimizer step of it."""
LABEL_TOKEN_S: Final = 0.3e-3
"""Forward through it, per token."""
STUDENT_TOKEN_S: Final = 0.08e-3
"""Forward and backward through the student, per token, its optimizer's step included."""
_LABELLING: Final = 0.4


@dataclass(frozen=True, slots=True)
class TeacherWork:
    """Passes over how many of the texts."""

    epochs: int
    texts: int


def teacher_work(texts: int, tokens: int, batch: int, most_epochs: int, budget_s: float) -> TeacherWork:
    """Return what `budget_s` buys: a whole number of passes over all texts, or nearly all, or one over some."""
    passes = budget_s / (tokens * TEACHER_TOKEN_S + texts / batch * TEACHER_STEP_S)
    epochs = max(1, min(round(passes), most_epochs))
    return TeacherWork(epochs, min(texts, max(batch, int(texts * passes / epochs))))


@dataclass(frozen=True, slots=True)
class StudentWork:
    """How many texts the teacher labels in all, and passes of the student over them."""

    texts: int
    epochs: int


def student_work(
    texts: int, tokens: int, most_times: float, most_epochs: int, budget_s: float
) -> StudentWork:
    """Return what `budget_s` buys: transfer texts up to `most_times` the given `texts`, and passes over them.

    Fewer than the given are labelled only if even they are too many.
    """
    per_text = max(1.0, tokens / max(1, texts))
    affordable = int(_LABELLING * budget_s / (per_text * LABEL_TOKEN_S))
    labelled = max(1, min(affordable, int(texts * most_times)))
    left_s = budget_s - labelled * per_text * LABEL_TOKEN_S
    epochs = int(left_s / (labelled * per_text * STUDENT_TOKEN_S))
    return StudentWork(labelled, max(1, min(epochs, most_epochs)))


def recovery_epochs(tokens: int, budget_s: float) -> int:
    """Return how often a pruned student may read transfer texts of so many tokens again, at least once."""
    return max(1, int(budget_s / (tokens * STUDENT_TOKEN_S)))
