"""What a linked conductor offers: a virtual node for each capability, which comes and goes with its offers."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from conductor.core import elsewhere, work
from conductor.core.actions import Send
from conductor.core.claims import apply_verdict, ask_for_verdict, claim_key
from conductor.core.link_greeting import hello_to
from conductor.core.membership import arm_node, gone
from conductor.core.nodes import Node, Session
from conductor.core.peers import Peer
from conductor.core.place import labels_of, offer
from conductor.core.session import welcome
from conductor.core.state import State
from conductor.core.tasks import Attempt
from hive.wire.messages import AttemptRef, Hello, Offer, Offers

_NAME_MAX: Final = 256


def take_hello(s: State, session: Session, peer: Peer, m: Hello, *, greet_back: bool) -> None:
    """Learn what the other side offers and still holds, and say what of that is no longer wanted.

    Who was dialled greets back, and that before any work: without our HELLO the other side cannot read our labels.
    """
    peer.hello = m
    peer.heard_us = s.now_us
    known = {name: 1 << bit for bit, name in enumerate(s.label_table.names)}
    peer.bits = tuple(known.get(name, 0) for name in m.labels)
    s.note("link", "up", peer.site, m.incarnation)
    nodes = [node for item in m.offers if (node := _virtual(s, session, peer, item)) is not None]
    drop = _reconcile(s, session, peer, m, nodes)
    s.actions.append(Send(session.id, welcome(s, session, "ready", drop)))
    if greet_back:
        s.actions.append(Send(session.id, hello_to(s, peer)))
    for node in nodes:
        _claim(s, node)


def _virtual(s: State, session: Session, peer: Peer, item: Offer) -> Node | None:
    """Return what stands here for one capability of a linked site; None for what would lead back here."""
    hello = peer.hello
    if hello is None or not _leads_on(s, peer, item):
        return None
    name = f"{peer.site}/{item.capability}"
    if len(name) > _NAME_MAX or not item.capability:
        return None
    there = s.nodes.get(name)
    if there is not None and there.peer is not peer:
        return None  # a node of this site has the name, and no offer takes its place
    claim = Hello(
        hello.header, "peer", name, s.mesh, peer.site, hello.incarnation, credit=item.credit, offers=(item,)
    )
    node = Node(claim, session.id, "", s.awake_us, s.settings)
    node.peer = peer
    node.ewma_us = float(item.latency_us)
    peer.nodes[item.capability] = node
    s.nodes[name] = node
    s.away.pop(name, None)
    arm_node(s, node)
    return node


def _leads_on(s: State, peer: Peer, item: Offer) -> bool:
    """Say whether the way of an offer begins with the site that makes it, and does not lead back here."""
    return item.path[:1] == (peer.site,) and s.site not in item.path


def _claim(s: State, node: Node) -> None:
    known = s.verdicts.get(claim_key(node.hello))
    if known is not None:
        apply_verdict(s, node, known)
    else:
        ask_for_verdict(s, node)


def _reconcile(s: State, session: Session, peer: Peer, m: Hello, nodes: list[Node]) -> tuple[AttemptRef, ...]:
    """Take up what the other side still holds or has answered; return what is no longer wanted.

    An answer counts although the other side has nobody left for more such work; what stands for that joins `nodes`.
    It counts after a restart of either side too: the reference is ours, and only what is durable there outlives one.
    """
    drop = []
    for epoch, number in (*m.held, *m.unacked):
        attempt = s.attempt_of(epoch, number)
        if (
            attempt is None
            or attempt.task.settled
            or attempt.number not in attempt.task.live
            or attempt.node.peer is not peer
        ):
            drop.append((epoch, number))
            continue
        node = peer.nodes.get(attempt.node.offer.capability)
        if node is None:
            node = _virtual(s, session, peer, replace(attempt.node.offer, credit=0))
            if node is None:
                drop.append((epoch, number))
                continue
            nodes.append(node)
        attempt.node = node
        if attempt.number not in node.attempts:
            node.attempts[attempt.number] = attempt
            node.inflight += 1
            work.resume(s, attempt)
    return tuple(drop)


def offered(s: State, session: Session, m: Offers) -> None:
    """What the other side offers has changed."""
    peer = session.peer
    if peer is None or peer.hello is None:
        return
    fresh = {item.capability: item for item in m.offers}
    for name, node in list(peer.nodes.items()):
        item = fresh.pop(name, None)
        same = item is not None and (item.inputs, item.output) == (node.offer.inputs, node.offer.output)
        if item is not None and not (same and _leads_on(s, peer, item)):
            gone(s, node, "left")
            del peer.nodes[name]
            fresh[name] = item
            continue
        node.credit = item.credit if item is not None else 0
        if item is not None:
            node.offer = item
            node.hello = replace(node.hello, offers=(item,))
            if node.claim not in s.claims:
                _claim(s, node)  # what it takes in may have changed
        offer(s, node)
    for item in fresh.values():
        node_ = _virtual(s, session, peer, item)
        if node_ is not None:
            _claim(s, node_)


def recall_forbidden(s: State) -> None:
    """Take back what linked sites hold and may have no longer, since policy changed."""
    for peer in s.peers.values():
        for node in list(peer.nodes.values()):
            for attempt in list(node.attempts.values()):
                if attempt.number in attempt.task.live and not _may_stay(s, node, attempt):
                    work.take_back(s, attempt)


def _may_stay(s: State, node: Node, attempt: Attempt) -> bool:
    capability, pool, task = s.capabilities.get(node.offer.capability), node.pool, attempt.task
    if capability is None or pool is None:
        return False
    unsure = task.journey is not None and task.journey.unsure
    return elsewhere.passes(s, task, capability, pool, labels_of(task), unsure=unsure).allowed
