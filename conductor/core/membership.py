"""Who is connected: beats, silence, loss and quarantine."""

from __future__ import annotations

from typing import Final

from conductor.core.actions import CloseSession, Send
from conductor.core.elsewhere import ready_here
from conductor.core.nodes import Node, Session
from conductor.core.place import FAR_US, offer
from conductor.core.quarantine import flapped, on_probation
from conductor.core.session import now_header
from conductor.core.state import State
from conductor.core.states import NodeState, next_node
from conductor.core.work import move, resume
from hive.wire.messages import Ack, Beat, Bye, Credit

AWAY_MAX: Final = 10_000
"""How many names of nodes that are not connected are remembered."""


def beat(s: State, session: Session, m: Beat) -> None:
    """Note that a node's work loop turned, and tell it that ours does."""
    node = session.node
    if node is None:
        return
    node.beats.turns = m.turns
    node.beats.heard(s.awake_us, m.busy_us, s.lag_us)
    s.actions.append(Send(session.id, Ack(now_header(s), session.received)))
    if m.draining and node.state not in (NodeState.DRAINING, NodeState.LOST):
        node.state = next_node(node.state, "drains")
        s.roster += 1
        s.note("node", "draining", node.id)
        offer(s, node)
    elif node.state is NodeState.SUSPECT:
        back(s, node)
    open_again(s, node)
    arm_node(s, node)


def open_again(s: State, node: Node) -> None:
    """Offer work again to a node that took nothing for a while, now that it beats."""
    if node.shut_us and s.now_us >= node.shut_us:
        node.shut_us = 0
        offer(s, node)


def back(s: State, node: Node) -> None:
    """Use a node again that was silent; what it still holds goes on."""
    node.state = next_node(node.state, "beat")
    s.roster += 1
    s.note("node", "back", node.id)
    for attempt in node.attempts.values():
        resume(s, attempt)
    offer(s, node)


def credit(s: State, session: Session, m: Credit) -> None:
    """Set how many attempts a node takes at once."""
    if session.node is not None:
        node = session.node
        node.granted = m.slots
        node.shut_us = 0
        node.credit = min(m.slots, 1) if node.probation else m.slots
        offer(s, node)


def left(s: State, session: Session, _: Bye) -> None:
    """Part with a peer that leaves on purpose: what it held is tried elsewhere and counts against nobody."""
    if session.node is not None:
        gone(s, session.node, "left")
    forget(s, session)
    s.actions.append(CloseSession(session.id))


def lost(s: State, session: Session, why: str = "node_lost") -> None:
    """Part with a peer whose connection closed: a crash, or a cut link. One that fell silent took nobody's blame."""
    if session.node is not None:
        s.count("nodes_lost")
        flapped(s, session.node)
        gone(s, session.node, why)
    forget(s, session)


def node_due(s: State, node: Node) -> None:
    """Act on a node's timer: silence that became suspicion, a suspect that stayed silent, or a quarantine's end."""
    now = s.now_us
    if node.state is NodeState.QUARANTINED:
        if now >= node.release_us:
            node.state = next_node(node.state, "released")
            s.roster += 1
            s.note("node", "released", node.id)
            node.beats.last_us = max(node.beats.last_us, s.awake_us - s.settings.beat_us)
            on_probation(s, node)
            offer(s, node)
    elif node.state is NodeState.READY:
        if s.awake_us >= node.beats.suspect_at_us():
            _suspect(s, node)
    elif node.peer is not None:
        return  # the link's own timer decides when its session is over, and a beat sets this one again
    elif node.state in (NodeState.SUSPECT, NodeState.DRAINING, NodeState.JOINING) and s.awake_us >= _lost_at(
        s, node
    ):
        session = s.sessions.get(node.session)
        if session is not None:
            s.actions.append(CloseSession(session.id))
            lost(s, session, "node_silent")
        return
    arm_node(s, node)


def _suspect(s: State, node: Node) -> None:
    node.state = next_node(node.state, "silent")
    s.roster += 1
    s.count("suspicions")
    s.note("node", "suspect", node.id, round(node.beats.phi(s.awake_us), 1))
    if node.pool is not None:
        node.pool.withdraw(node)
    for attempt in reversed(list(node.attempts.values())):
        if not attempt.ended:
            move(s, attempt, "suspected")
    _relieve(s, node)


def _relieve(s: State, node: Node) -> None:
    """Let linked sites help with what waits, where this was the last node of the capability here."""
    capability = s.capabilities.get(node.offer.capability)
    if capability is None or not capability.linked or not capability.waiting_count or ready_here(capability):
        return
    for pool in list(capability.pools.values()):
        for member in list(pool.members.values()) if pool.away else ():
            offer(s, member)


def gone(s: State, node: Node, why: str) -> None:
    """Take a node out and try what it held elsewhere."""
    node.state = next_node(node.state, "gone")
    s.roster += 1
    s.note("node", why, node.id, len(node.attempts))
    s.timers.cancel(node)
    if node.pool is not None:
        node.pool.withdraw(node)
        node.pool.members.pop(node.id, None)
    if s.nodes.get(node.id) is node:
        del s.nodes[node.id]
    if node.claim:
        s.claims.pop(node.claim, None)
    if node.pool is not None:
        if len(s.away) >= AWAY_MAX:
            s.away.popitem(last=False)
        s.away[node.id] = node
    held = list(node.attempts.values())
    node.attempts.clear()
    node.inflight = 0
    for attempt in reversed(held):  # each goes to the head of the queue, so the oldest is first there
        if attempt.task.settled or attempt.number not in attempt.task.live:
            s.take_attempt(attempt)
        else:
            move(s, attempt, "handed_back" if why == "left" else why)
    node.lost_with = tuple(attempt.number for attempt in held if attempt.kill)
    _relieve(s, node)


def _lost_at(s: State, node: Node) -> int:
    return max(node.beats.last_us, node.beats.busy_until_us) + s.settings.lost_after_us


def arm_node(s: State, node: Node) -> None:
    """Set the node's one timer. It is set late on purpose: a beat moves the instant, not the timer."""
    if node.state is NodeState.LOST:
        return
    if node.state is NodeState.READY:
        due = node.beats.suspect_at_us() + s.lag_us
    elif node.state is NodeState.QUARANTINED:
        due = node.release_us
    else:
        due = _lost_at(s, node) + s.lag_us
    s.timers.set(node, min(due, s.now_us + FAR_US))


def forget(s: State, session: Session) -> None:
    """Drop a session from the books."""
    s.sessions.pop(session.id, None)
    if s.control is session:
        s.control = None
