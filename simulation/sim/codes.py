"""What an event is in the digest: a small number for each kind of message and of happening."""

from __future__ import annotations

from typing import Final

from conductor.core.actions import (
    CommitFailed,
    Committed,
    Drain,
    Known,
    Looked,
    Lost,
    Opened,
    Received,
    Recovered,
    StoodStill,
    Tick,
)
from hive.wire import messages as wire
from hive.wire.messages import Kind

_EVENTS: Final = (
    Received,
    Lost,
    Opened,
    Tick,
    Committed,
    CommitFailed,
    Known,
    Looked,
    Recovered,
    Drain,
    StoodStill,
)
_NAMES: Final = {kind: kind.name.title().replace("_", "") for kind in Kind}
CODES: Final[dict[type, int]] = {
    **{getattr(wire, name): int(kind) for kind, name in _NAMES.items() if hasattr(wire, name)},
    **{cls: 128 + index for index, cls in enumerate(_EVENTS)},
}
