"""What the conductor says of itself at the start of a session."""

from __future__ import annotations

from typing import Final

from conductor.core.nodes import Session
from conductor.core.state import State
from hive.wire.messages import EMPTY, VERSION, AttemptRef, Header, Welcome

_DROP_MAX: Final = 4_096
"""What an array of a message holds; who says that it has more in hand hears of the rest when it comes again."""


def welcome(s: State, session: Session, state: str, drop: tuple[AttemptRef, ...] = ()) -> Welcome:
    """Return the WELCOME of a session: ids, labels and limits that hold for it."""
    ids = {name: capability.id for name, capability in s.capabilities.items()}
    return Welcome(
        EMPTY._replace(epoch=s.epoch, sent_us=s.now_us),
        VERSION,
        s.conductor,
        s.site,
        session.name,
        state,
        capabilities=ids,
        labels=s.label_table.names,
        beat_us=s.settings.beat_us,
        max_body_bytes=s.settings.max_body_bytes,
        drop=drop[:_DROP_MAX],
    )


def now_header(s: State) -> Header:
    """Return a header of this epoch, sent now."""
    return EMPTY._replace(epoch=s.epoch, sent_us=s.now_us)
