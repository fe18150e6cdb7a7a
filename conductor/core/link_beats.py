"""The beats of a link: proof that the other side runs, the round trip, and what has changed of the offers."""

from __future__ import annotations

from conductor.core.actions import Send
from conductor.core.exports import offers
from conductor.core.giving import forget
from conductor.core.membership import arm_node, back, open_again
from conductor.core.nodes import Session
from conductor.core.peers import LINK_SILENCE_US, Peer
from conductor.core.session import now_header
from conductor.core.state import State
from conductor.core.states import NodeState
from hive.wire.messages import Ack, Beat, Offers


def beat(s: State, session: Session, peer: Peer) -> None:
    """Prove that this side runs, and say what has changed of what it offers."""
    peer.turns += 1
    peer.next_beat_us = s.now_us + s.settings.link_beat_us
    if peer.link is not None and peer.dialled == session.id:
        peer.link.asked(s.now_us)
    peer.asked.append(s.now_us)
    s.actions.append(Send(session.id, Beat(now_header(s), peer.turns, len(peer.held), 0, s.draining)))
    fresh = offers(s, peer.site)
    if fresh != peer.told and peer.welcomed:
        peer.told = fresh
        s.actions.append(Send(session.id, Offers(now_header(s), fresh)))


def heard_beat(s: State, session: Session, m: Beat) -> None:
    """Note that the other side runs, and say so."""
    peer = session.peer
    assert peer is not None, "a link's session has its peer"
    peer.heard_us = s.now_us
    s.actions.append(Send(session.id, Ack(now_header(s), session.received)))
    for node in peer.nodes.values():
        node.beats.heard(s.awake_us, m.busy_us, s.lag_us)
        if node.state is NodeState.SUSPECT:
            back(s, node)
        open_again(s, node)
        arm_node(s, node)


def acked(s: State, session: Session, m: Ack) -> None:
    """Take the round trip of a beat, and forget what the other side has received."""
    peer = session.peer
    assert peer is not None, "a link's session has its peer"
    peer.answered(s.now_us)
    forget(s, peer, peer.outbox.acknowledged(m.answers))


def silent(s: State, peer: Peer) -> bool:
    """Say whether beats went unanswered for so long that the connection is given up."""
    return bool(peer.asked) and s.now_us - peer.asked[0] > LINK_SILENCE_US
