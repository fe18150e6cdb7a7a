"""What this site offers to linked ones, in sum: what policy lets them ask for and somebody here can do.

All links ask at every beat, so what a capability amounts to is summed up once for all of them, and seldom: with ten
thousand nodes and two hundred links nobody may look at each node for each link.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from conductor.core.nodes import Node
from conductor.core.state import Capability, State
from conductor.core.states import NodeState
from hive.wire.messages import Offer

_MOST: Final = 64
_INFLIGHT_MAX: Final = 512
"""Attempts of one site over all capabilities; the transport's queues hold a thousand messages."""
_LOAD_STEP: Final = 4
"""Load is told in quarters: what changes with every task is not worth a message."""
_SOON_US: Final = 20_000
_MANY: Final = 500
"""A sum over more nodes than this may be so old although nodes have come or gone since."""


class Summary:
    """What one capability amounts to: what this site's nodes offer, or the linked sites that have it, best first."""

    __slots__ = ("at_us", "away", "home", "looked", "roster")

    def __init__(self, s: State, capability: Capability) -> None:
        """Sum up what there is now."""
        self.at_us = s.now_us
        self.roster = s.roster
        here = [n for pool in capability.home.values() for n in pool.members.values() if _ready(n)]
        self.looked = len(here)
        self.home = _summed(s, capability, here) if here else None
        self.away: list[Offer] = []
        if self.home is None:
            there = [n for pool in capability.pools.values() for n in pool.members.values() if _ready(n)]
            there.sort(key=lambda n: (len(n.offer.path), n.ewma_us, n.id))
            self.looked = len(there)
            self.away = [_summed(s, capability, [n]) for n in there if s.site not in n.offer.path]

    def fresh(self, s: State) -> bool:
        """Say whether it still counts."""
        if self.roster == s.roster:
            return s.now_us - self.at_us < s.settings.link_beat_us // 2
        return self.looked > _MANY and s.now_us - self.at_us < _SOON_US

    def offer_to(self, site: str) -> Offer | None:
        """Return the offer for a site; what lies behind that site itself is none."""
        return self.home or next((offer for offer in self.away if site not in offer.path), None)


def offers(s: State, to: str) -> tuple[Offer, ...]:
    """Return one offer per capability that `to` may ask for, served here or at a site beyond."""
    found = []
    for name in s.capability_names[1:]:
        if s.gate.joins(to, s.site, name) and (offer := _summary(s, name).offer_to(to)) is not None:
            accepted = s.label_table.unpack(s.gate.accepted(to, s.site, name))
            found.append(replace(offer, labels=accepted))
    share = _INFLIGHT_MAX // max(1, len(found))
    credit = max(1, min(s.settings.link_credit, share))
    return tuple(sorted((replace(offer, credit=credit) for offer in found[:_MOST]), key=_name))


def _summary(s: State, name: str) -> Summary:
    known = s.summaries.get(name)
    if known is None or not known.fresh(s):
        known = s.summaries[name] = Summary(s, s.capabilities[name])
    return known


def _summed(s: State, capability: Capability, nodes: list[Node]) -> Offer:
    model = min(nodes, key=lambda n: n.ewma_us)
    offer = model.offer
    slots = sum(n.credit for n in nodes)
    load = _LOAD_STEP * sum(n.inflight for n in nodes) // max(1, slots) / _LOAD_STEP
    return Offer(
        capability.name,
        offer.version,
        offer.inputs,
        offer.output,
        "",
        "",
        run_bound_us=offer.run_bound_us,
        types=offer.types,
        path=(s.site, *offer.path),
        latency_us=_rounded(model.ewma_us),
        load=min(1.0, load),
    )


def _ready(node: Node) -> bool:
    return node.state is NodeState.READY and node.credit > 0


def _name(offer: Offer) -> str:
    return offer.capability


def _rounded(run_us: float) -> int:
    """Return a time to one binary digit, so that an offer changes only when a time has doubled or halved."""
    return 1 << int(run_us).bit_length() >> 1 if run_us >= 1 else 0
