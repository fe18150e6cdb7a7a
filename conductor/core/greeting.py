"""Greetings: which HELLO opens a session, and what a node that comes back still holds."""

from __future__ import annotations

from typing import Final

from conductor.core import links, questions
from conductor.core.actions import CloseSession, Send
from conductor.core.claims import apply_verdict, ask_for_verdict, claim_key, send_claim
from conductor.core.membership import arm_node, forget, gone
from conductor.core.nodes import Node, Session
from conductor.core.outcome import failure
from conductor.core.planning import ask_again
from conductor.core.records import OWNER
from conductor.core.session import now_header, welcome
from conductor.core.state import State
from conductor.core.states import NodeState
from conductor.core.work import acquit, resume
from hive.wire.messages import VERSION, AttemptRef, Hello, Kind, Refuse, Seen

_ROLES = {"node": False, "client": False, "peer": False, "gateway": True, "control": True}
"""Roles that a peer may take, and whether only the private socket may carry them."""
_EARLY_MAX: Final = 20_000
"""Nodes that may wait for the first policy after a restart; who is not among them greets again by itself."""
_NAME_MAX: Final = 256
"""Names outlive their session: in the journal, among nodes that are away, in verdicts."""


def greeted(s: State, session: Session, m: Hello, principal: str, address: str) -> None:
    """Open a session, or say why not."""
    refusal = _greeting_refused(s, session, m)
    if refusal is None and m.role == "peer":
        refusal = links.greeted(s, session, m, principal)
        if refusal is None:
            return
    if refusal is not None:
        context = {key: value for key, value in refusal.items() if key not in ("code", "detail")}
        code, detail = str(refusal["code"]), str(refusal["detail"])
        s.actions.append(Send(session.id, Refuse(now_header(s), code, detail, int(Kind.HELLO), context)))
        s.note("hello_refused", m.role[:_NAME_MAX], m.name[:_NAME_MAX], code)
        return
    if m.role == "node" and s.ledger.recovery is not None:
        # What it still holds can be judged only once the tasks are back, and they need a policy.
        if len(s.ledger.greetings) < _EARLY_MAX:
            s.ledger.greetings[session.id] = (session, m, principal, address)
        return
    s.sessions[session.id] = session
    session.role = m.role
    session.name = principal or m.name
    if m.role == "node":
        _node_came(s, session, m, address)
        return
    s.actions.append(Send(session.id, welcome(s, session, "ready")))
    if m.role == "control":
        _control_came(s, session)


def greet_early(s: State) -> None:
    """Take up the greetings of nodes that came before there was a policy."""
    early, s.ledger.greetings = s.ledger.greetings, {}
    for session, m, principal, address in early.values():
        greeted(s, session, m, principal, address)


def _greeting_refused(s: State, session: Session, m: Hello) -> dict[str, object] | None:
    private = _ROLES.get(m.role)
    if private is None:
        return failure("bad_request", f"Role {m.role!r} is not one of {', '.join(_ROLES)}.")
    if private and not session.trusted:
        return failure("forbidden", f"Role {m.role!r} is only for the private socket.", rule="private-socket")
    if not m.version_min <= VERSION <= m.version_max:
        return failure("version_unsupported", f"This conductor speaks version {VERSION}.")
    if m.mesh not in ("", s.mesh) or (m.role in ("node", "peer") and not m.mesh):
        return failure("mesh_mismatch", f"This is mesh {s.mesh!r}, not {m.mesh!r}.", mesh=s.mesh)
    offered = [word for offer in m.offers for word in (offer.capability, offer.version, offer.specialist)]
    if max(map(len, (m.name, m.site, *offered))) > _NAME_MAX or "\0" in m.name + m.site:
        return failure("bad_request", f"A name may have {_NAME_MAX} characters, and no zero.")
    if m.role != "peer" and m.name.startswith(OWNER):
        return failure("bad_request", f"Names that begin with {OWNER!r} belong to linked sites.")
    if m.role == "node" and (not m.name or len(m.offers) != 1):
        return failure("bad_request", "A node needs a name and offers exactly one capability.")
    if m.role == "node":
        other = s.nodes.get(m.name)
        if other is not None and other.hello.incarnation != m.incarnation and _alive(s, other):
            return failure(
                "id_in_use", f"Node {m.name!r} is already connected from {other.address or 'here'}."
            )
    return None


def _alive(s: State, node: Node) -> bool:
    """Say whether a node has proved lately that it runs; a newcomer with its name has to wait until it has not."""
    return node.state in (NodeState.READY, NodeState.DRAINING) and s.awake_us < node.beats.suspect_at_us()


def _control_came(s: State, session: Session) -> None:
    """Tell a control process that has just begun everything that it must know before it is asked for a plan.

    Nodes that are away for the moment belong to it: what they serve is still known here, and tasks may wait for them.
    """
    s.control = session
    questions.begin(s)
    s.verdicts.clear()  # it may have read another policy than the one before it
    for ask, node in s.claims.items():
        send_claim(s, ask, node)
    for hello in [node.hello for node in s.away.values()]:
        questions.ask(s, Seen(now_header(s), 0, hello.name, hello.site, hello.offers, hello.role))
    asked = {id(node) for node in s.claims.values()}
    for node in s.nodes.values():
        if id(node) not in asked:
            ask_for_verdict(s, node)
    ask_again(s)


def _node_came(s: State, session: Session, m: Hello, address: str) -> None:
    old = s.nodes.get(m.name)
    if old is not None:
        _replace(s, old, m)
    node = Node(m, session.id, address, s.awake_us, s.settings)
    away = s.away.pop(m.name, None)
    if away is not None and away.hello.incarnation == m.incarnation:
        acquit(s, away)
        node.same_boot = away.release_us <= s.now_us  # who is set aside is not let off for greeting anew
        node.beats = away.beats.again(s.awake_us)
    session.node = node
    s.nodes[m.name] = node
    drop = _reconcile(s, node, m)
    s.note("node", "joining", node.id, m.incarnation)
    arm_node(s, node)
    known = s.verdicts.get(claim_key(m))
    s.actions.append(Send(session.id, welcome(s, session, "joining", drop)))
    if known is not None:
        apply_verdict(s, node, known)
    else:
        ask_for_verdict(s, node)


def _reconcile(s: State, node: Node, m: Hello) -> tuple[AttemptRef, ...]:
    """Take up attempts that the same boot of the node still holds; return those that nobody wants any more."""
    drop = []
    for epoch, number in (*m.held, *m.unacked):
        attempt = s.attempt_of(epoch, number)
        if attempt is None or attempt.task.closed or not _same_boot(attempt.node.hello, m):
            drop.append((epoch, number))
        else:
            attempt.node = node
            if (epoch, number) in m.held and attempt.number not in node.attempts:
                node.attempts[attempt.number] = attempt
                node.inflight += 1
                # What has taken other nodes down still runs alone.
                node.exclusive = node.exclusive or attempt.task.kills >= s.settings.kills_max - 1
                resume(s, attempt)
    return tuple(drop)


def _same_boot(old: Hello, new: Hello) -> bool:
    """Say whether a node that comes is the process that it was, with the model and at the site that were granted."""
    return old.incarnation == new.incarnation and claim_key(old) == claim_key(new)


def _replace(s: State, old: Node, m: Hello) -> None:
    """A node is back on a new connection before the old one was seen to close.

    What the same boot says it still has, or has answered, goes on there: moving it would run it twice for nothing.
    """
    session = s.sessions.get(old.session)
    if old.state is not NodeState.LOST and _same_boot(old.hello, m):
        for ref in {*m.held, *m.unacked}:
            attempt = s.attempt_of(*ref)
            if attempt is None or attempt.number not in attempt.task.live:
                continue
            if old.attempts.pop(attempt.number, None) is not None:
                old.inflight -= 1
    if old.state is not NodeState.LOST:
        gone(s, old, "node_lost")
    if session is not None and session.node is old:
        session.node = None
        forget(s, session)
        s.actions.append(CloseSession(session.id))
