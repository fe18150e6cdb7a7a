"""Whether a step is tried again after a refusal: one table, by the code that the node or the linked site gave.

Only what follows from the input itself ends a task at once. A code that a node has no business to give is taken for a
failure of that node, so that a broken or hostile one cannot talk a task to death.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from hive.errors import CATALOGUE


class Again(StrEnum):
    """What follows from a refusal."""

    NEVER = "never"
    """Every node would say the same: the task fails with it, or expires."""
    ELSEWHERE = "elsewhere"
    """At once at another node, at no cost; after a pause where there is no other."""
    UNTRIED = "untried"
    """Only at nodes that have not been asked: others may have a shorter queue."""
    SITE = "other site"
    """A linked site's policy or graph decided: it is not asked again, others are. From a node: as `budget`."""
    BUDGET = "budget"
    """After a pause, from the capability's retry budget, at most `attempts_max` times."""


_NOT_BUDGET: Final = {
    Again.NEVER: ("input_invalid", "too_large", "expired"),
    Again.ELSEWHERE: ("draining", "credit_exceeded", "quarantined"),
    Again.UNTRIED: ("deadline_too_short",),
    Again.SITE: (
        "label_forbidden",
        "label_kept",
        "forbidden",
        "capability_unknown",
        "no_route",
        "loop",
        "type_unknown",
    ),
}
CLASSES: Final[dict[str, Again]] = {
    **dict.fromkeys(CATALOGUE, Again.BUDGET),
    **{code: again for again, codes in _NOT_BUDGET.items() for code in codes},
}
"""The class of every code of the catalogue."""
_TAKES_NOTHING: Final = frozenset({*_NOT_BUDGET[Again.ELSEWHERE], "planning_unavailable"})
UNKNOWN: Final = "inference_failed"
"""What a code stands for that this version does not know."""
FORGIVEN: Final = frozenset(
    {"cancelled", "node_lost", *_NOT_BUDGET[Again.ELSEWHERE], *_NOT_BUDGET[Again.NEVER]}
)
"""Refusals that say nothing against the node that gives them. Every other one counts as a fault of it."""


def shuts(code: str) -> bool:
    """Say whether who refuses with this takes nothing at all now: without a pause work would go to and fro."""
    return code in _TAKES_NOTHING
