"""What is only known of a task that came from another site or went to one. Most tasks have none of this."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from conductor.core.peers import Peer
    from hive.wire.messages import Header


class Crossed(NamedTuple):
    """A body that went from one site to another: with which labels, how large, and by which rule."""

    source: str
    target: str
    labels: tuple[str, ...]
    bytes: int
    rule: str


class Held(NamedTuple):
    """An answer that is kept while a better one is asked for elsewhere."""

    body: tuple[bytes, ...]
    labels: int
    confidence: float
    unsure: bool


class Journey:
    """The sites that a task has passed, for whom it is worked on here, and what crossed the edge of this site.

    `via` begins with the site where the task began and ends with the one that it came from; `giver` is that site's
    conductor with the header of its attempt; `escalated` says that it came for a surer answer. `alone` names sites that
    would have been asked, had they been reachable.
    """

    __slots__ = (
        "alone",
        "asker",
        "crossed",
        "escalated",
        "fallback",
        "giver",
        "returned",
        "unsure",
        "via",
    )  # fmt: skip

    def __init__(self) -> None:
        """Begin at home."""
        self.via: tuple[str, ...] = ()
        self.asker = ""
        self.giver: tuple[Peer, Header] | None = None
        self.crossed: list[Crossed] = []
        self.returned: Crossed | None = None
        self.fallback: Held | None = None
        self.unsure = False
        self.escalated = False
        self.alone: list[str] = []
