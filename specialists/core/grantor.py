"""What a node knows about one grantor: its session, the credit it was given, and what it has not acknowledged."""

from __future__ import annotations

from hive.core.delay import MinDelay
from hive.core.outbox import Outbox
from hive.wire.messages import Welcome


class Grantor:
    """One grantor of work. Its credit counts attempts that it gave and that were not answered or refused yet."""

    __slots__ = (
        "acks",
        "beat_us",
        "beats",
        "capability",
        "credit",
        "delay",
        "drain_beat",
        "inflight",
        "joined",
        "key",
        "labels",
        "next_beat_us",
        "outbox",
    )

    def __init__(self, key: int) -> None:
        """Make a grantor without a session."""
        self.key = key
        self.joined = False
        self.credit = 0
        self.inflight = 0
        self.capability = 0
        self.labels: dict[str, int] = {}
        self.delay = MinDelay()
        self.outbox = Outbox()
        self.beat_us = 0
        self.next_beat_us = 0
        self.beats = 0
        self.acks = 0
        self.drain_beat: int | None = None

    def join(self, credit: int, now_us: int) -> None:
        """Begin a session; it beats at once, and the sender's clock may be another one now."""
        self.joined = True
        self.credit = credit
        self.delay = MinDelay()
        self.beats = self.acks = 0
        self.drain_beat = None
        self.next_beat_us = now_us

    def welcome(self, welcome: Welcome, offered: str) -> None:
        """Take over what a WELCOME assigns: the beat, the label bits and the id of the `offered` capability."""
        self.beat_us = max(welcome.beat_us, 1000)
        self.labels = {name: 1 << bit for bit, name in enumerate(welcome.labels)}
        self.capability = welcome.capabilities.get(offered, 0)

    def settled(self) -> bool:
        """Say whether the grantor has everything and knows that the node is draining."""
        if not self.joined:
            return not self.outbox
        return not self.outbox and self.drain_beat is not None and self.acks >= self.drain_beat
