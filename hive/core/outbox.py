"""What was said to a grantor of work and not acknowledged yet: a node's answers, or those of a peer conductor."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

from hive.wire.messages import Answer, AttemptRef, Refuse

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

    def acknowledged(self, answers: int) -> list[AttemptRef]:
        """Forget the first `answers` replies of this session; return the attempts that they were about."""
        forgotten = []
        while self._passed < answers and self._entries:
            forgotten.append(self._forget_first())
        return [ref for ref in forgotten if ref is not None]

    def within(self, most: int, most_bytes: int) -> bool:
        """Say whether no more is kept than these bounds allow."""
        return len(self._entries) <= most and self.size_bytes <= most_bytes

    def trim(self, most: int, most_bytes: int) -> list[AttemptRef]:
        """Forget the oldest replies beyond the bounds; return their attempts. They were most likely received."""
        forgotten = []
        while not self.within(most, most_bytes):
            forgotten.append(self._forget_first())
        return [ref for ref in forgotten if ref is not None]

    def refs(self) -> tuple[AttemptRef, ...]:
        """Return the attempts whose replies are kept."""
        return tuple(ref for ref, _, _ in self._entries if ref is not None)

    def labels(self) -> int:
        """Return every label that some answer carries which is kept."""
        mask = 0
        for _, reply, _ in self._entries:
            mask |= reply.header.labels if isinstance(reply, Answer) else 0
        return mask

    def rewrite(self, change: Callable[[Reply], Reply]) -> None:
        """Put what `change` makes of each reply in its place; an ACK of a reply counts for what stands there now."""
        entries = [(ref, change(reply), removes) for ref, reply, removes in self._entries]
        self._entries = deque(entries)
        self.size_bytes = sum(_size(reply) for _, reply, _ in entries)

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

    def _forget_first(self) -> AttemptRef | None:
        ref, reply, _ = self._entries.popleft()
        if ref is not None:
            self._refs.discard(ref)
        self.size_bytes -= _size(reply)
        self._passed += 1
        return ref


def bitmap(names: tuple[str, ...], labels: dict[str, int]) -> int:
    """Return the bits of `names`; a label that the session's table lacks has none, so it stays on the data."""
    mask = 0
    for name in names:
        mask |= labels.get(name, 0)
    return mask


def _size(reply: Reply) -> int:
    return sum(map(len, reply.body)) if isinstance(reply, Answer) else 0
