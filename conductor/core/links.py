"""Links: dialling, greeting both ways, what the other side offers, beats, and what both still owe each other.

Each side is to the other one more node, at another site, for every capability that it offers. What differs from a
node is here: a session carries work both ways, offers change while it lasts, and a lost link blames nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from conductor.core import giving, serving, work
from conductor.core.actions import CloseSession, Dial, Send
from conductor.core.elsewhere import may_wait, ready_here
from conductor.core.link_beats import acked, beat, heard_beat, silent
from conductor.core.link_greeting import hello_to, refusal
from conductor.core.membership import forget, gone
from conductor.core.nodes import Session
from conductor.core.offered import offered, take_hello
from conductor.core.peers import LinkSpec, Peer
from conductor.core.place import FAR_US, place
from conductor.core.session import now_header
from conductor.core.state import State
from conductor.core.states import NodeState
from hive.core import link as dialling
from hive.core.link import LinkState
from hive.errors import HiveError
from hive.wire.messages import (
    Ack,
    Answer,
    Beat,
    Bye,
    Hello,
    Kind,
    Offers,
    Refuse,
    Revoke,
    Running,
    Welcome,
    Work,
)


def know(s: State, specs: Iterable[LinkSpec]) -> None:
    """Learn which conductors to dial; nothing is dialled before there is a policy."""
    for spec in specs:
        s.peers[spec.site] = Peer(spec.site, spec, s.rand)


def begin(s: State) -> None:
    """Dial, now that there is a policy."""
    for peer in s.peers.values():
        if peer.link is not None and peer.link.state is LinkState.IDLE:
            _perform(s, peer, peer.link.start(s.now_us))
            _arm(s, peer)


def opened(s: State, number: int, site: str) -> None:
    """The connection to a linked site exists: greet it."""
    peer = s.peers[site]
    if peer.link is None or peer.link.state is not LinkState.DIALLING:
        s.actions.append(CloseSession(number))
        return
    session = Session(number, trusted=False)
    session.role, session.name, session.peer = "peer", site, peer
    s.sessions[number] = session
    peer.dialled = number
    _perform(s, peer, peer.link.opened(hello_to(s, peer), s.now_us))
    _arm(s, peer)


def failed(s: State, site: str) -> None:
    """A linked site could not even be dialled."""
    peer = s.peers[site]
    if peer.link is not None:
        _perform(s, peer, peer.link.failed(s.now_us))
        _arm(s, peer)


def greeted(s: State, session: Session, m: Hello, principal: str) -> dict[str, object] | None:
    """Accept the conductor of another site, or return why not. Its name counts only as policy and token allow."""
    refused = refusal(s, m, principal)
    if refused is not None:
        return refused
    peer = s.peers.get(m.site)
    if peer is None:
        peer = s.peers[m.site] = Peer(m.site, None, s.rand)
    if peer.session is not None:
        old = peer.session
        lost(s, old, "replaced")
        s.actions.append(CloseSession(old.id))
    session.role, session.name, session.peer = "peer", m.site, peer
    s.sessions[session.id] = session
    peer.session = session
    take_hello(s, session, peer, m, greet_back=True)
    _arm(s, peer)
    return None


def heard(s: State, session: Session, m: object) -> None:
    """Take a message of a linked conductor."""
    peer = session.peer
    assert peer is not None, "a link's session has its peer"
    link = peer.link
    if link is not None and peer.dialled == session.id:
        _perform(s, peer, link.received(m, s.now_us))  # type: ignore[arg-type]
        if link.state is not LinkState.UP:
            _arm(s, peer)
            return
    handler = _HANDLERS.get(type(m))
    if handler is None:
        s.count("messages_refused")
        s.actions.append(Send(session.id, Refuse(now_header(s), "kind_unknown", "", 0)))
        return
    handler(s, session, m)


def lost(s: State, session: Session, why: str = "link_lost") -> None:
    """Part with a linked conductor: what it works on may still be answered, and is asked for elsewhere meanwhile."""
    peer = session.peer
    assert peer is not None, "a link's session has its peer"
    forget(s, session)
    if peer.session is session:
        s.count("links_lost")
        s.note("link", why, peer.site)
        peer.session = None
        peer.welcomed = False
        peer.hello = None
        peer.bits = ()  # another boot may number its labels in another way
        peer.asked.clear()
        peer.down_us = s.now_us
        for node in list(peer.nodes.values()):
            if node.state is not NodeState.LOST:
                gone(s, node, "link_lost")
        peer.nodes.clear()
        _refuse_waiting(s)
    if peer.dialled == session.id and peer.link is not None:
        peer.dialled = 0
        _perform(s, peer, peer.link.failed(s.now_us))
    _arm(s, peer)


def part_with_strangers(s: State) -> None:
    """Say goodbye to sites that dialled this one and that no rule joins with it any more."""
    for peer in list(s.peers.values()):
        session = peer.session
        if session is not None and peer.link is None and not s.gate.knows(s.site, peer.site):
            s.actions += [Send(session.id, Bye(now_header(s), "policy")), CloseSession(session.id)]
            lost(s, session, "link_forbidden")


def _refuse_waiting(s: State) -> None:
    """Look again at what waits for sites that cannot be reached any more: not everything wishes to."""
    for capability in s.capabilities.values():
        if not capability.linked or not capability.waiting_count or ready_here(capability):
            continue
        for task in [task for queue in capability.waiting for task in queue if not may_wait(task)]:
            if task.queued:
                place(s, task)


def due(s: State, peer: Peer) -> None:
    """Act on a link's timer: dial again, beat, tell what has changed, notice that the other side is silent."""
    link = peer.link
    if link is not None and link.state is not LinkState.IDLE:
        _perform(s, peer, link.tick(s.now_us))
    session = peer.session
    if session is not None and s.now_us >= peer.next_beat_us:
        if silent(s, peer):
            s.actions.append(CloseSession(session.id))
            lost(s, session, "link_silent")
            return
        beat(s, session, peer)
    _arm(s, peer)


def _perform(s: State, peer: Peer, actions: Iterable[dialling.LinkAction]) -> None:
    """Carry out what the dialling side of the link wants."""
    for action in actions:
        match action:
            case dialling.Dial(endpoint):
                s.actions.append(Dial(peer.site, endpoint))
            case dialling.Send(message):
                s.actions.append(Send(peer.dialled, message))
            case dialling.Hangup():
                number, peer.dialled = peer.dialled, 0
                session = s.sessions.get(number)
                if number:
                    s.actions.append(CloseSession(number))
                if session is not None:
                    lost(s, session)
            case dialling.Up(welcome_):
                _came_up(s, peer, welcome_)
            case dialling.Down(error):
                if error is not None:
                    peer.trouble = f"{error.code}: {error.detail}"


def _came_up(s: State, peer: Peer, m: Welcome) -> None:
    if m.site != peer.site and peer.link is not None:
        detail = f"{peer.link.endpoint} is the conductor of {m.site!r}, not of {peer.site!r}."
        _perform(s, peer, peer.link.failed(s.now_us, HiveError("claim_refused", detail, site=m.site)))
        return
    session = s.sessions[peer.dialled]
    peer.session = session
    peer.trouble = ""
    peer.next_beat_us = s.now_us
    _welcomed(s, session, m)


def _greeted_back(s: State, session: Session, m: Hello) -> None:
    """The side that we dialled says what it offers and still holds."""
    peer = session.peer
    if (
        peer is not None
        and m.role == "peer"
        and m.site == peer.site
        and m.mesh == s.mesh
        and peer.hello is None
    ):
        take_hello(s, session, peer, m, greet_back=False)


def _welcomed(s: State, session: Session, m: Welcome) -> None:
    """The other side knows what we hold: forget what it no longer wants, say again what it has not acknowledged."""
    peer = session.peer
    assert peer is not None, "a link's session has its peer"
    unwanted = frozenset(m.drop)
    for ref in unwanted:
        serving.unwanted(s, peer, ref)
    giving.forget(s, peer, unwanted)
    peer.welcomed = True
    giving.withdraw_forbidden(s, peer)
    for reply in peer.outbox.renew(unwanted, {}):
        s.actions.append(Send(session.id, reply))


def _left(s: State, session: Session, _: Bye) -> None:
    s.actions.append(CloseSession(session.id))
    lost(s, session, "link_left")


def _refused(s: State, session: Session, m: Refuse) -> None:
    if m.about == Kind.WORK:
        work.refused(s, session, m)
    else:
        s.count("link_refusals")


def _arm(s: State, peer: Peer) -> None:
    dues = [peer.next_beat_us] if peer.session is not None else []
    if peer.link is not None and peer.link.next_us is not None:
        dues.append(peer.link.next_us)
    if dues:
        s.timers.set(peer, min(*dues, s.now_us + FAR_US))
    else:
        s.timers.cancel(peer)


def _nothing(s: State, session: Session, m: Running) -> None:
    del s, session, m


_HANDLERS: Final[dict[type, Callable[..., None]]] = {
    Work: serving.given,
    Answer: work.answered,
    Refuse: _refused,
    Revoke: serving.revoked,
    Beat: heard_beat,
    Ack: acked,
    Offers: offered,
    Hello: _greeted_back,
    Welcome: _welcomed,
    Bye: _left,
    Running: _nothing,
}
