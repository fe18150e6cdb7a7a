"""What this site offers to a linked one, in sum: what policy lets that site ask for and somebody here can do."""

from __future__ import annotations

from typing import Final

from conductor.core.nodes import Node
from conductor.core.state import Capability, State
from conductor.core.states import NodeState
from hive.wire.messages import Offer

_MOST: Final = 64
_INFLIGHT_MAX: Final = 4_096
_LOAD_STEP: Final = 4
"""Load is told in quarters: what changes with every task is not worth a message."""


def offers(s: State, to: str) -> tuple[Offer, ...]:
    """Return one offer per capability that `to` may ask for, served here or at a site beyond."""
    names = [name for name in sorted(s.capabilities) if s.gate.joins(to, s.site, name)]
    found = [offer for name in names if (offer := _offer(s, s.capabilities[name], to)) is not None]
    share = _INFLIGHT_MAX // max(1, len(found))
    return tuple(_granting(offer, min(s.settings.link_credit, share)) for offer in found[:_MOST])


def _offer(s: State, capability: Capability, to: str) -> Offer | None:
    ready = [n for pool in capability.pools.values() for n in pool.members.values() if _serves(s, n, to)]
    if not ready:
        return None
    best = min(ready, key=lambda n: (n.peer is not None, len(n.offer.path), n.ewma_us))
    model = best.offer
    near = [n for n in ready if n.peer is None] or ready
    slots = sum(n.credit for n in near)
    load = _LOAD_STEP * sum(n.inflight for n in near) // max(1, slots) / _LOAD_STEP
    return Offer(
        capability.name,
        model.version,
        model.inputs,
        model.output,
        "",
        "",
        run_bound_us=model.run_bound_us,
        types=model.types,
        path=(s.site, *model.path),
        labels=s.label_table.unpack(s.gate.accepted(to, s.site, capability.name)),
        latency_us=_rounded(best.ewma_us),
        load=min(1.0, load),
    )


def _serves(s: State, node: Node, to: str) -> bool:
    """Say whether a node counts towards what `to` is offered; what lies behind `to` itself does not."""
    if node.state is not NodeState.READY or not node.credit:
        return False
    return node.peer is None or (to not in node.offer.path and s.site not in node.offer.path)


def _granting(offer: Offer, credit: int) -> Offer:
    return Offer(
        offer.capability, offer.version, offer.inputs, offer.output, "", "", run_bound_us=offer.run_bound_us,
        types=offer.types, path=offer.path, labels=offer.labels, credit=max(1, credit),
        latency_us=offer.latency_us, load=offer.load,
    )  # fmt: skip


def _rounded(run_us: float) -> int:
    """Return a time to one binary digit, so that an offer changes only when a time has doubled or halved."""
    return 1 << int(run_us).bit_length() >> 1 if run_us >= 1 else 0
