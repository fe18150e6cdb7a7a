"""How long a store keeps what is finished."""

from __future__ import annotations

from hive.record import record


@record
class Keep:
    """How long finished tasks are kept, and how many of them; dead letters, and answers owed, `dead_days`."""

    days: float = 7.0
    dead_days: float = 30.0
    tasks: int = 1_000_000
    bytes: int = 1 << 30
