"""What is in a store, and whether it hangs together. Only reads, also while a conductor writes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from conductor.store.sql.database import Database
from conductor.store.sql.schema import HEAD, INPUT, STEP
from conductor.store.timeline import Line, Now, carry_on
from hive.record import record

_ORPHANS: Final = "SELECT count(*) FROM {} p WHERE NOT EXISTS (SELECT 1 FROM tasks t WHERE t.seq = p.seq)"
_WITHOUT_INPUTS: Final = """SELECT count(*) FROM unsettled u WHERE u.owed = 0
    AND NOT EXISTS (SELECT 1 FROM bodies b WHERE b.seq = u.seq AND b.kind = {})"""
_WITHOUT_OUTPUT: Final = """SELECT count(*) FROM steps s
    WHERE NOT EXISTS (SELECT 1 FROM bodies b WHERE b.seq = s.seq AND b.kind = {} AND b.position = s.step)"""
_NEITHER: Final = """SELECT count(*) FROM tasks t
    WHERE NOT EXISTS (SELECT 1 FROM unsettled u WHERE u.seq = t.seq)
    AND NOT EXISTS (SELECT 1 FROM outcomes o WHERE o.seq = t.seq)"""
_BOTH: Final = "SELECT count(*) FROM unsettled u JOIN outcomes o ON o.seq = u.seq WHERE u.owed = 0"
_PROBLEMS: Final = {
    **{
        f"rows of {part} that belong to no task": _ORPHANS.format(part)
        for part in ("unsettled", "attempts", "steps", "outcomes", "bodies")
    },
    "open tasks without their inputs": _WITHOUT_INPUTS.format(INPUT),
    "steps without their output": _WITHOUT_OUTPUT.format(STEP),
    "tasks that are neither open nor have an outcome": _NEITHER,
    "tasks that are open and have an outcome": _BOTH,
}
_LISTED: Final = 20


@record
class Report:
    """A store in figures. Times are in seconds."""

    store: str
    revision: str
    epoch: int
    states: dict[str, int]
    open: int
    owed: int
    oldest_open_s: float
    last_commit_s: float
    bytes: int
    problems: list[str]


def as_json(report: Report) -> dict[str, object]:
    """Return a report as JSON values."""
    return {**asdict(report), "whole": not report.problems}


def examine(database: Database, now: Now, *, deep: bool = True) -> Report:
    """Return what is in a store; without `deep` the database's own check, which reads everything, is left out."""
    epoch, boot, offset_us, last_us = database.rows("SELECT epoch, boot, offset_us, last_us FROM conductor")[
        0
    ]
    moment = now()
    now_us = carry_on(Line(boot, offset_us, last_us), moment).to_store(moment.mono_us)
    counts: dict[int, int] = dict(database.rows("SELECT owed, count(*) FROM unsettled GROUP BY owed"))
    oldest = database.rows(
        "SELECT min(t.created_us) FROM tasks t JOIN unsettled u ON u.seq = t.seq WHERE u.owed = 0"
    )[0][0]
    found = {name: int(database.rows(text)[0][0]) for name, text in _PROBLEMS.items()}
    problems = [f"{count} {name}" for name, count in found.items() if count]
    return Report(
        database.shown,
        HEAD,
        int(epoch),
        dict(
            sorted(
                (state, count)
                for state, count in database.rows("SELECT state, count(*) FROM outcomes GROUP BY state")
            )
        ),
        int(counts.get(0, 0)),
        int(counts.get(1, 0)),
        max(0.0, (now_us - oldest) / 1e6) if oldest is not None else 0.0,
        max(0.0, (now_us - last_us) / 1e6) if last_us else 0.0,
        database.size(),
        (database.integrity()[:_LISTED] if deep else []) + problems,
    )
