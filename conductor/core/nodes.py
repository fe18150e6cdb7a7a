"""Who is connected: sessions, and the nodes behind some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from conductor.core.liveness import Beats
from conductor.core.pools import Pool
from conductor.core.settings import Settings
from conductor.core.states import NodeState
from hive.core.delay import MinDelay
from hive.wire.messages import Hello, Offer

if TYPE_CHECKING:
    from conductor.core.peers import Peer
    from conductor.core.tasks import Attempt


NO_OFFER: Final = Offer("", "", (), "", "", "")


class Session:
    """One connection of one peer."""

    __slots__ = ("delay", "id", "name", "node", "peer", "received", "role", "trusted")

    def __init__(self, session: int, *, trusted: bool) -> None:
        """Begin as a stranger; HELLO says who it is."""
        self.id = session
        self.trusted = trusted
        self.role = ""
        self.name = ""
        self.received = 0
        self.node: Node | None = None
        self.peer: Peer | None = None
        self.delay = MinDelay()


class Node:
    """One boot of one node, as its conductor sees it; or what a peer conductor offers in sum of one capability."""

    __slots__ = (
        "address",
        "attempts",
        "beats",
        "claim",
        "credit",
        "digest",
        "ewma_us",
        "exclusive",
        "faults",
        "granted",
        "hello",
        "id",
        "inflight",
        "lost_with",
        "offer",
        "peer",
        "pool",
        "probation",
        "release_us",
        "removes",
        "run_bound_us",
        "same_boot",
        "session",
        "shut_us",
        "site",
        "state",
    )  # fmt: skip

    def __init__(self, hello: Hello, session: int, address: str, awake_us: int, settings: Settings) -> None:
        """Join with what HELLO claims; nothing of it counts before the verdict."""
        self.hello = hello
        self.id = hello.name
        self.site = hello.site
        self.offer = hello.offers[0] if hello.offers else NO_OFFER
        self.digest = self.offer.digest
        self.peer: Peer | None = None
        self.session = session
        self.address = address
        self.state = NodeState.JOINING
        self.granted = hello.credit
        self.credit = hello.credit  # less than it granted while it is on probation
        self.probation = 0  # answers that it still owes before it is trusted again
        self.same_boot = False  # it was here before: its link broke, it did not crash
        self.inflight = 0
        self.exclusive = False
        self.faults = 0  # refusals that speak against it, and leases that it let run out
        self.lost_with: tuple[int, ...] = ()  # attempts that counted as killing it
        self.attempts: dict[int, Attempt] = {}
        self.pool: Pool[Node] | None = None
        self.removes = 0
        self.claim = 0
        self.ewma_us = 0.0
        self.run_bound_us = max((offer.run_bound_us for offer in hello.offers), default=1_000_000)
        self.beats = Beats(awake_us, settings, link=hello.role == "peer")
        self.release_us = 0
        self.shut_us = 0  # it takes nothing now, and is not asked before a beat that comes after this

    def shut(self, until_us: int) -> None:
        """Give the node nothing more for a while: it has just said that it takes nothing."""
        self.shut_us = until_us
        if self.pool is not None:
            self.pool.withdraw(self)
