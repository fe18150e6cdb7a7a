"""What linked conductors say of themselves, and which of them is let in."""

from __future__ import annotations

from typing import Final

from conductor.core.exports import offers
from conductor.core.outcome import failure
from conductor.core.peers import Peer
from conductor.core.session import now_header
from conductor.core.state import State
from hive.wire.messages import Hello

_PEERS_MAX: Final = 1_024


def refusal(s: State, m: Hello, principal: str) -> dict[str, object] | None:
    """Return why a conductor that dials us is not let in, or None."""
    if not s.generation:
        return failure("planning_unavailable", "The conductor has no policy yet.", retry_after_ms=200)
    rule = "policy.links"
    if not m.site or m.name != m.site or principal not in ("", m.site):
        said = f"A conductor that is {principal or m.name!r} says that it is {m.site!r}"
        return failure("claim_refused", f"{said}.", rule="own-site", site=m.site)
    if m.site == s.site:
        return failure("claim_refused", f"This is {s.site!r} itself.", rule="own-site", site=m.site)
    if not s.gate.knows(s.site, m.site):
        detail = f"No rule in policy.links joins {s.site!r} and {m.site!r}."
        return failure("claim_refused", detail, rule=rule, site=m.site)
    peer = s.peers.get(m.site)
    if peer is None:
        if len(s.peers) >= _PEERS_MAX:
            return failure("claim_refused", f"{_PEERS_MAX} sites are linked already.", rule=rule, site=m.site)
        return None
    if peer.link is not None:
        return failure("id_in_use", f"{s.site!r} dials {m.site!r} itself; one of the two is enough.")
    if peer.session is not None and peer.hello is not None and peer.hello.incarnation != m.incarnation:
        silence_us = s.now_us - peer.heard_us
        if silence_us < 4 * s.settings.link_beat_us:
            return failure("id_in_use", f"{m.site!r} is linked already, by another process.")
    return None


def hello_to(s: State, peer: Peer) -> Hello:
    """Return what this conductor says of itself to a linked one: what it offers it, and still holds for it."""
    peer.told = offers(s, peer.site)
    return Hello(
        now_header(s),
        "peer",
        s.site,
        s.mesh,
        site=s.site,
        incarnation=s.epoch,
        token=peer.spec.token if peer.spec else "",
        offers=peer.told,
        held=tuple(peer.held),
        unacked=peer.outbox.refs(),
        labels=s.label_table.names,
        accepts=s.label_table.unpack(s.allowed_labels),
    )
