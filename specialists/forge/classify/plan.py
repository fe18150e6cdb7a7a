"""How much work a budget buys. From the data's size and measured costs, never from a clock, so that it is repeatable.

The costs are those of all-MiniLM-L6-v2 and of a student of usual size on one core of a machine such as a small server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

TRAIN_S: Final = 1.0e-3
"""Seconds for the encoder to learn from a token once."""
LABEL_S: Final = 3.2e-4
"""Seconds for the encoder to label a token."""
STUDENT_S: Final = 9.0e-5
"""Seconds for the student to learn from a token once."""
_SECOND_THREAD: Final = 0.8
_LABEL_SHARE: Final = 0.4
_MOST_EPOCHS: Final = 12
_MOST_STUDENT_EPOCHS: Final = 40
_LEAST_STUDENT_EPOCHS: Final = 4
_FEWEST: Final = 200
_FEW: Final = 2000
_MARKS: Final = 2
_LONGEST: Final = 256


@dataclass(frozen=True, slots=True)
class TeacherWork:
    """What the teacher's budget buys: `rows` of the training texts (a share of them, if there are many), `epochs`."""

    rows: int
    epochs: int
    batch: int


@dataclass(frozen=True, slots=True)
class StudentWork:
    """What the student's budget buys: how many of the own and of the unlabelled texts the teacher labels.

    `transfer` texts are made up beside them; `epochs` are on all of them.
    """

    own: int
    unlabelled: int
    transfer: int
    epochs: int


def core_seconds(budget_s: float, threads: int) -> float:
    """Return the seconds of one core that a budget on `threads` threads is worth."""
    return budget_s * (1 + _SECOND_THREAD * (threads - 1))


def token_limit(lengths: Sequence[int], share: float = 0.98) -> int:
    """Return how many tokens the encoder reads: enough for all but the longest texts, 16 to 256."""
    ordered = sorted(lengths)
    most = ordered[min(len(ordered) - 1, int(share * len(ordered)))] + _MARKS
    return max(16, min(_LONGEST, -(-most // 8) * 8))


def teacher_work(lengths: Sequence[int], seconds: float) -> TeacherWork:
    """Return epochs for texts of these token `lengths`: few texts are seen often, very many not even all once."""
    tokens = sum(lengths)
    affordable = seconds / (TRAIN_S * max(1, tokens))
    batch = 16 if len(lengths) < _FEW else 32
    if affordable < 1:
        return TeacherWork(max(batch, int(len(lengths) * affordable)), 1, batch)
    return TeacherWork(len(lengths), min(_MOST_EPOCHS, int(affordable)), batch)


def student_work(own: Sequence[int], spare: int, seconds: float) -> StudentWork:
    """Return the work for own texts of these token lengths and `spare` unlabelled ones.

    The teacher labels what the student learns from. About two fifths of the time label, the rest teaches; if there is
    not even time to label the given texts and to learn from them a few times, own texts are left out.
    """
    mean = sum(own) / max(1, len(own))
    least = mean * (LABEL_S + _LEAST_STUDENT_EPOCHS * STUDENT_S)
    kept = min(len(own), max(_FEWEST, int(seconds / least)))
    extra = min(spare, max(0, int(seconds / least) - kept))
    given = kept + extra
    transfer = max(0, min(int(_LABEL_SHARE * seconds / (LABEL_S * mean)) - given, 60 * kept))
    every = given + transfer
    epochs = int((seconds - LABEL_S * mean * every) / (STUDENT_S * mean * every))
    return StudentWork(kept, extra, transfer, max(_LEAST_STUDENT_EPOCHS, min(_MOST_STUDENT_EPOCHS, epochs)))
