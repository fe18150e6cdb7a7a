"""The conductor at the other end of a link, as this one knows it. It outlives the connection: what is owed stays."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from hive.core.link import Link, LinkState, LinkTuning
from hive.core.outbox import Outbox

if TYPE_CHECKING:
    from conductor.core.nodes import Node, Session
    from conductor.core.tasks import Task
    from hive.ids import TaskId
    from hive.wire.messages import AttemptRef, Hello, Offer

_RTT_WEIGHT: Final = 0.2
UNACKED_MAX: Final = 2_048
UNACKED_MAX_BYTES: Final = 32 << 20
"""What is kept of answers that the other side has not acknowledged; it was most likely received."""


LINK_SILENCE_US: Final = 5_000_000
"""How long beats may go unanswered before the session is given up; work is moved earlier, on suspicion."""
_TUNING: Final = LinkTuning(greeting_us=2_000_000, silence_floor_us=LINK_SILENCE_US)


class LinkSpec(NamedTuple):
    """A conductor that this one dials. `upstream` marks the next tier, which unsure answers may be escalated to."""

    site: str
    endpoint: str
    upstream: bool = False
    token: str = ""


class Dice:
    """Whole numbers from the core's source of randomness."""

    __slots__ = ("_rand",)

    def __init__(self, rand: Callable[[], float]) -> None:
        """Take what gives floats in [0, 1)."""
        self._rand = rand

    def randint(self, a: int, b: int, /) -> int:
        """Return a whole number from a to b, both included."""
        return a + int(self._rand() * (b - a + 1))


class Peer:
    """One linked site: the session with its conductor, what it offers, what it works on for us and we for it.

    `held` are its attempts that are open here, `outbox` the answers that it has not acknowledged. `bits` translates
    the bits of its label table to ours.
    """

    __slots__ = (
        "asked",
        "bits",
        "dialled",
        "down_us",
        "heard_us",
        "held",
        "hello",
        "link",
        "next_beat_us",
        "nodes",
        "outbox",
        "rtt_us",
        "session",
        "site",
        "spec",
        "stored",
        "told",
        "trouble",
        "turns",
        "welcomed",
    )  # fmt: skip

    def __init__(self, site: str, spec: LinkSpec | None, rand: Callable[[], float]) -> None:
        """Know a site's name; with a `spec` it is dialled."""
        self.site = site
        self.spec = spec
        self.link = Link([spec.endpoint], Dice(rand), _TUNING) if spec else None
        self.dialled = 0
        self.session: Session | None = None
        self.welcomed = False
        self.hello: Hello | None = None
        self.bits: tuple[int, ...] = ()
        self.nodes: dict[str, Node] = {}
        self.held: dict[AttemptRef, Task] = {}
        self.outbox = Outbox()
        self.stored: dict[AttemptRef, TaskId] = {}  # which of both are in the store, and as which task
        self.told: tuple[Offer, ...] = ()
        self.turns = 0
        self.next_beat_us = 0
        self.asked: deque[int] = deque(maxlen=64)  # when the beats were sent that nobody answered yet
        self.rtt_us = 0.0
        self.trouble = ""
        self.down_us = 0
        self.heard_us = 0

    @property
    def up(self) -> bool:
        """Say whether both sides have greeted each other."""
        return self.session is not None and self.hello is not None and self.welcomed

    @property
    def upstream(self) -> bool:
        """Say whether it is the next tier."""
        return self.spec is not None and self.spec.upstream

    def shown(self) -> str:
        """Return the state of the link for people."""
        if self.up:
            return "up"
        waiting = self.link is None or self.link.state in (LinkState.IDLE, LinkState.WAITING)
        return "down" if waiting and self.session is None else "connecting"

    def translated(self, labels: int) -> int | None:
        """Return labels of its table in ours; None if it knows one that this site does not."""
        ours = 0
        for bit, mask in enumerate(self.bits):
            if labels >> bit & 1:
                if not mask:
                    return None
                ours |= mask
        return None if labels >> len(self.bits) else ours

    def answered(self, now_us: int) -> None:
        """Take the round trip of the oldest beat that was not answered yet."""
        if self.asked:
            trip = now_us - self.asked.popleft()
            self.rtt_us += _RTT_WEIGHT * (trip - self.rtt_us) if self.rtt_us else trip
