"""What an operator may tune of a conductor: the names of `tuning`, their bounds and shipped defaults.

The conductor's own settings are in microseconds; people write `_ms` and `_s`. A test holds the two to each other.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict


def _whole(default: int, text: str, *, least: int = 1) -> object:
    return Field(ge=least, description=f"{text} Default: {default}.", examples=[default])


def _number(default: float, text: str, *, above: float = 0.0, most: float | None = None) -> object:
    return Field(
        gt=above, le=most, allow_inf_nan=False, description=f"{text} Default: {default}.", examples=[default]
    )


@with_config(ConfigDict(extra="forbid", strict=True))
class Tuning(TypedDict, total=False):
    """Limits and times of one conductor; what is left out has its shipped default."""

    beat_ms: Annotated[int, _whole(100, "How often a node proves that its work loop turns.", least=10)]
    phi: Annotated[float, _number(8.0, "Suspicion (phi accrual) at which work is moved.", most=64.0)]
    deviation_floor_ms: Annotated[
        int, _whole(50, "Smallest deviation of beats that the detector assumes.", least=1)
    ]
    lost_after_s: Annotated[float, _number(10.0, "A suspect that stays silent this long is lost.")]
    lease_slack_ms: Annotated[
        int, _whole(2000, "Time beyond a node's own bound before a silent attempt is repeated.")
    ]
    reconcile_ms: Annotated[
        int, _whole(1000, "How long a task waits, after a restart, for the node that worked on it.")
    ]
    default_deadline_ms: Annotated[int, _whole(30_000, "Deadline of a task that names none.")]
    planning_timeout_ms: Annotated[int, _whole(10_000, "How long a task waits to be planned.")]
    attempts_max: Annotated[int, _whole(4, "Attempts of one step that may fail before the task does.")]
    kills_max: Annotated[
        int, _whole(3, "Attempts that may take their node down before the task is set aside.")
    ]
    kill_grace_ms: Annotated[
        int,
        _whole(2000, "How long that waits for one of the nodes to come back, which was only cut off then."),
    ]
    retry_delay_ms: Annotated[int, _whole(20, "First pause before a failed attempt is repeated; it doubles.")]
    retry_share: Annotated[
        float, _number(0.1, "Retries that each fresh task earns its capability.", most=10.0)
    ]
    retry_burst: Annotated[float, _number(50.0, "Retries that a capability may save up.")]
    hedge_quantile: Annotated[
        float,
        _number(
            0.98,
            "Share of attempts that are answered before a slow one gets a second beside it.",
            most=0.9999,
        ),
    ]
    hedge_share: Annotated[
        float, _number(0.03, "Hedges that each fresh step earns: the bound of the extra work.", most=1.0)
    ]
    hedge_burst: Annotated[
        float, _number(10.0, "Hedges that a capability may save up; below 1 none is ever made.")
    ]
    hedge_least_ms: Annotated[int, _whole(2, "Shortest time after which an attempt counts as slow.")]
    brownout_from: Annotated[
        float,
        _number(0.8, "Fill of the queue at which the lowest priority is refused; 1 to 4 follow.", most=1.0),
    ]
    queue_max_tasks: Annotated[int, _whole(10_000, "Unfinished tasks that are held.")]
    queue_max_bytes: Annotated[int, _whole(64 << 20, "Bodies of unfinished tasks that are held.", least=1024)]
    max_body_bytes: Annotated[int, _whole(8 << 20, "Largest body of one message.", least=1024)]
    finished_keep_s: Annotated[float, _number(600.0, "How long a finished task can be read.")]
    finished_max_tasks: Annotated[int, _whole(20_000, "Finished tasks that can be read.")]
    finished_max_bytes: Annotated[int, _whole(64 << 20, "Bodies of finished tasks that are kept.")]
    flap_losses: Annotated[int, _whole(5, "Losses within flap_window_s that put a node in quarantine.")]
    flap_window_s: Annotated[float, _number(60.0, "See flap_losses.")]
    quarantine_s: Annotated[float, _number(5.0, "First quarantine; doubles up to quarantine_max_s.")]
    quarantine_max_s: Annotated[float, _number(60.0, "Longest quarantine.")]
    probation_answers: Annotated[
        int,
        _whole(5, "Answers with one attempt at a time that a node owes after a quarantine.", least=0),
    ]
    link_beat_ms: Annotated[
        int, _whole(250, "How often two linked conductors prove that they run.", least=10)
    ]
    link_deviation_floor_ms: Annotated[
        int, _whole(250, "Smallest deviation of beats that is assumed between conductors.", least=1)
    ]
    link_credit: Annotated[int, _whole(64, "Attempts that a linked site may have here for one capability.")]
    outbox_max_tasks: Annotated[int, _whole(5000, "Tasks that may wait for a site that cannot be reached.")]
    journal_max: Annotated[int, _whole(20_000, "Decisions that wait for the control process.")]


NAMES: Final = tuple(Tuning.__annotations__)
"""Every name that `tuning` knows."""
