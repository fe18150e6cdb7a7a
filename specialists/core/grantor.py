"""What a node knows about one grantor: its session, the credit it was given, and what it has not acknowledged."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from hive.core.delay import MinDelay
from hive.wire.messages import Answer, AttemptRef, Refuse, Welcome

Reply = Answer | Refuse


class Outbox:
    """Answers and refusals in the order in which this session sends them, kept until they are acknowledged.

    An ACK counts what arrived in a session, and a connection keeps the order: so it acknowledges a prefix.
    """

    __slots__ = ("_entries", "_passed", "_refs", "size_bytes")

    def __init__(self) -> None:
        """Start empty, in a session in which nothing was sent."""
        self._entries: deque[tuple[AttemptRef | None, Reply, tuple[str, ...]]] = deque()
        self._refs: set[AttemptRef] = set()
        self._passed = 0
        self.size_bytes = 0

    def __contains__(self, ref: AttemptRef) -> bool:
        """Say whether the reply to an attempt is kept."""
        return ref in self._refs

    def __len__(self) -> int:
        """Return how many replies are kept."""
        return len(self._entries)

    def add(self, ref: AttemptRef | None, reply: Reply, removes: tuple[str, ...] = ()) -> None:
        """Keep a reply; `ref` is None for a refusal of something that is no attempt."""
        self._entries.append((ref, reply, removes))
        self.size_bytes += _size(reply)
        if ref is not None:
            self._refs.add(ref)

    def acknowledged(self, answers: int) -> None:
        """Forget the first `answers` replies of this session."""
        while self._passed < answers and self._entries:
            self._forget_first()

    def within(self, most: int, most_bytes: int) -> bool:
        """Say whether no more is kept than these bounds allow."""
        return len(self._entries) <= most and self.size_bytes <= most_bytes

    def trim(self, most: int, most_bytes: int) -> int:
        """Forget the oldest replies beyond the bounds; return how many. They were most likely received."""
        before = len(self._entries)
        while not self.within(most, most_bytes):
            self._forget_first()
        return before - len(self._entries)

    def refs(self) -> tuple[AttemptRef, ...]:
        """Return the attempts whose replies are kept."""
        return tuple(ref for ref, _, _ in self._entries if ref is not None)

    def renew(self, unwanted: frozenset[AttemptRef], labels: dict[str, int]) -> Iterator[Reply]:
        """Begin a session: forget what is `unwanted` and what is no attempt's, yield the rest to be sent again.

        Bits of labels belong to a session's table, so an answer's `removed` is written anew.
        """
        kept = [entry for entry in self._entries if entry[0] is not None and entry[0] not in unwanted]
        self._entries.clear()
        self._refs.clear()
        self._passed = self.size_bytes = 0
        for ref, reply, removes in kept:
            fresh = replace(reply, removed=bitmap(removes, labels)) if isinstance(reply, Answer) else reply
            self.add(ref, fresh, removes)
            yield fresh

    def _forget_first(self) -> None:
        ref, reply, _ = self._entries.popleft()
        if ref is not None:
            self._refs.discard(ref)
        self.size_bytes -= _size(reply)
        self._passed += 1


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


def bitmap(names: tuple[str, ...], labels: dict[str, int]) -> int:
    """Return the bits of `names`; a label that the session's table lacks has none, so it stays on the data."""
    mask = 0
    for name in names:
        mask |= labels.get(name, 0)
    return mask


def _size(reply: Reply) -> int:
    return sum(map(len, reply.body)) if isinstance(reply, Answer) else 0
