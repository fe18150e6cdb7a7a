"""What an operator may tune, with the shipped defaults. Times are microseconds unless the name says otherwise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits and times of one conductor."""

    reconcile_us: int = 1_000_000
    """How long a task that was running when the conductor ended waits for its node to come back and finish it."""
    beat_us: int = 100_000
    """How often nodes prove that their work loop turns."""
    phi: float = 8.0
    """Suspicion level at which work is moved (Hayashibara et al. 2004): 8 is one false alarm in 10^8 beats."""
    deviation_floor_us: int = 50_000
    """Smallest standard deviation that the detector assumes; keeps a very regular node from being accused early."""
    lost_after_us: int = 10_000_000
    """A suspect that stays silent this long is lost and its session closed."""
    lease_slack_us: int = 2_000_000
    """Time beyond a node's own bound before a silent attempt is tried elsewhere."""
    default_deadline_us: int = 30_000_000
    """Deadline of a task that names none."""
    planning_timeout_us: int = 10_000_000
    """How long a task waits for the control process to plan it."""
    attempts_max: int = 4
    """Attempts of one step that may fail before the task does."""
    kills_max: int = 3
    """Attempts that may take their node down before the task is dead-lettered."""
    kill_grace_us: int = 2_000_000
    """How long that waits for one of the nodes to come back: it was cut off then, and the task killed nothing."""
    retry_delay_us: int = 20_000
    """First pause before a failed attempt is repeated; doubles with each."""
    retry_share: float = 0.1
    """Retries that each fresh task earns its capability (a token bucket)."""
    retry_burst: float = 50.0
    """Retries that a capability may save up."""
    hedge_quantile: float = 0.98
    """Share of a capability's attempts that are answered before a further one is asked beside a slow one."""
    hedge_share: float = 0.03
    """Hedges that each fresh step earns its capability: the bound of the extra work. 0 hedges nothing."""
    hedge_burst: float = 10.0
    """Hedges that a capability may save up; below 1 hedges nothing."""
    hedge_least_us: int = 2_000
    """Shortest time after which an attempt counts as slow."""
    brownout_from: float = 0.8
    """How full the queue is when priority 0 is refused; 1 to 4 follow in steps, 5 and more when it is full."""
    queue_max_tasks: int = 10_000
    """Unfinished tasks that the conductor holds."""
    queue_max_bytes: int = 64 << 20
    """Bodies of unfinished tasks that the conductor holds."""
    max_body_bytes: int = 8 << 20
    """Largest body of one message."""
    finished_keep_us: int = 600_000_000
    """How long a finished task can be read."""
    finished_max_tasks: int = 20_000
    """Finished tasks that can be read."""
    finished_max_bytes: int = 64 << 20
    """Bodies of finished tasks that are kept."""
    flap_losses: int = 5
    """Losses within flap_window_us that put a node in quarantine."""
    flap_window_us: int = 60_000_000
    """See flap_losses."""
    quarantine_us: int = 5_000_000
    """First quarantine; doubles each time, up to quarantine_max_us."""
    quarantine_max_us: int = 60_000_000
    """Longest quarantine."""
    probation_answers: int = 5
    """Answers that a node gives with one attempt at a time after a quarantine; 0 trusts it at once."""
    link_beat_us: int = 250_000
    """How often two linked conductors prove to each other that they run."""
    link_deviation_floor_us: int = 250_000
    """Smallest standard deviation assumed between conductors; a link over a WAN stalls where a LAN does not."""
    link_credit: int = 64
    """Attempts that a linked site may have here for one capability."""
    outbox_max_tasks: int = 5_000
    """Tasks that may wait for a site that cannot be reached."""
    journal_max: int = 20_000
    """Decisions that wait for the control process; more are counted and dropped."""
