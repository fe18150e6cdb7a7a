"""What nodes claim and what policy grants of it: the verdict decides which pool a node serves in, with what rights.

What a site may have holds for all of its pools at once; what is under way there and may be no longer is taken back.
"""

from __future__ import annotations

from typing import Final

from conductor.core import questions
from conductor.core.actions import CloseSession, Send
from conductor.core.away import AwayPool
from conductor.core.keeping import keep_acquaintance
from conductor.core.membership import arm_node, forget, gone
from conductor.core.nodes import Node
from conductor.core.outcome import failure, failure_of
from conductor.core.place import offer
from conductor.core.pools import Pool
from conductor.core.quarantine import on_probation, quarantined_until
from conductor.core.session import now_header, welcome
from conductor.core.state import Capability, State
from conductor.core.states import NodeState, next_node
from conductor.core.work import recall, take_back
from hive.core.outbox import bitmap
from hive.wire.messages import Hello, Kind, Refuse, Seen, Verdict

_VERDICTS_MAX: Final = 10_000
_CAPABILITIES_MAX: Final = 4_096
"""Their ids are never reused, have 16 bits, and go to every peer in its WELCOME."""
_POOLS_MAX: Final = 64
"""Pools of one capability beyond which those without a node are forgotten."""


def verdict(s: State, m: Verdict) -> None:
    """Apply what policy grants of a claim: the node serves that, and nothing else of what it said."""
    questions.answered(s)
    node = s.claims.pop(m.ask, None)
    if node is None:
        return
    if len(s.verdicts) >= _VERDICTS_MAX:
        s.verdicts.clear()  # names come and go; asking again is cheap
    s.verdicts[claim_key(node.hello)] = m
    apply_verdict(s, node, m)


def claim_key(hello: Hello) -> tuple[object, ...]:
    """Return what a verdict depends on, so that a node that restarts needs no control process to come back."""
    offers = tuple((o.capability, o.digest, o.inputs, o.output, o.path, o.labels) for o in hello.offers)
    return (hello.name, hello.site, offers)


def revoke_grants(s: State) -> None:
    """Ask for every node's verdict again: policy changed. Each keeps its work until the new verdict is there."""
    s.verdicts.clear()
    for node in s.nodes.values():
        ask_for_verdict(s, node)


def ask_for_verdict(s: State, node: Node) -> None:
    """Ask the control process what policy grants of a claim."""
    s.claims.pop(node.claim, None)  # what is still to be said of an older question is of an older policy
    ask = node.claim = s.number_ask()
    s.claims[ask] = node
    send_claim(s, ask, node)


def send_claim(s: State, ask: int, node: Node) -> None:
    """Ask about one claim, if a control process is there to hear it."""
    questions.ask(s, Seen(now_header(s), ask, node.id, node.hello.site, node.hello.offers, node.hello.role))


def apply_verdict(s: State, node: Node, m: Verdict) -> None:
    """Give the node its pool and rights, or send it away; nothing else of what it claimed counts."""
    if node.state is NodeState.LOST:
        return
    grant = next((g for g in m.grants if g.get("capability") == node.hello.offers[0].capability), None)
    if grant is None:
        _refuse_claim(s, node, failure_of(m.refused, "claim_refused"))
        return
    name, removes, site = grant.get("pool"), grant.get("removes", 0), node.site
    if not isinstance(name, str) or not isinstance(removes, int) or removes < 0:
        s.count("verdicts_malformed")
        _refuse_claim(s, node, failure("internal", "The control process gave a verdict that makes no sense."))
        return
    if node.hello.offers[0].capability not in s.capabilities and len(s.capabilities) >= _CAPABILITIES_MAX:
        many = f"This conductor has heard of {_CAPABILITIES_MAX} capabilities and takes no further one."
        _refuse_claim(s, node, failure("claim_refused", many))
        return
    pool = _pool_of(s, node, m, str(name), str(grant.get("rule", "")))
    if node.pool is not None and node.pool is not pool:
        node.pool.withdraw(node)
        node.pool.members.pop(node.id, None)
    node.pool = pool
    pool.members[node.id] = node
    s.capabilities[node.offer.capability].known = node.offer
    if pool.away:
        allow_there(s, node, m.allowed_labels)
    elif not _allow_at(s, site, m.allowed_labels):
        recall(s, node, m.allowed_labels)  # what it said it still holds
    node.removes = 0 if pool.away else removes
    keep_acquaintance(s, node)
    if node.state is NodeState.JOINING:
        _admit(s, node)
    offer(s, node)
    arm_node(s, node)


def _pool_of(s: State, node: Node, m: Verdict, name: str, rule: str) -> Pool[Node]:
    """Return the pool of nodes with the same rights, made on first use."""
    capability = s.capability(node.offer.capability)
    away = node.peer is not None
    if away:
        name = f"@{node.site}"  # what another conductor has for this in sum
        capability.linked = True
    elif node.site != s.site:
        name = f"{name}@{node.site}"  # the same model elsewhere may be given other data
    pool = capability.pools.get(name)
    if pool is None:
        if len(capability.home) >= _POOLS_MAX:
            _drop_empty(s, capability)
        if away:
            pool = AwayPool(name, node.site, m.allowed_labels, rule, capability.nearest)
        else:
            pool = capability.home[name] = Pool(name, node.site, m.allowed_labels, rule)
        capability.pools[name] = pool
    return pool


def allow_there(s: State, node: Node, allowed: int) -> None:
    """Hold what a linked site is given to what policy here allows there and what it says that it takes in."""
    if node.pool is not None:
        bits = {name: 1 << bit for bit, name in enumerate(s.label_table.names)}
        node.pool.allowed_labels = allowed & bitmap(node.offer.labels, bits)
        recall(s, node, node.pool.allowed_labels)


def _allow_at(s: State, site: str, allowed: int) -> bool:
    """Hold every pool of a site to what may be there; if that changed, take back what may not and return True."""
    changed = False
    for capability in s.capabilities.values():
        for pool in capability.pools.values():
            if not pool.away and pool.site == site and pool.allowed_labels != allowed:
                pool.allowed_labels = allowed
                changed = True
    if changed:
        for node in list(s.nodes.values()):
            if node.site == site and node.peer is None:
                recall(s, node, allowed)
    return changed


def _drop_empty(s: State, capability: Capability) -> None:
    """Forget pools of models that nobody runs any more; every rollout leaves one."""
    kept = {id(node.pool) for node in s.nodes.values()}
    for name in [name for name, pool in capability.home.items() if id(pool) not in kept]:
        del capability.home[name], capability.pools[name]


def _admit(s: State, node: Node) -> None:
    until = quarantined_until(s, node.id) if node.peer is None else 0
    if until > s.now_us and not node.same_boot:
        node.state = next_node(node.state, "flapping")
        node.release_us = until
        s.count("quarantines")
    else:
        node.state = next_node(node.state, "granted")
        if until > s.now_us:
            on_probation(s, node)
    s.roster += 1
    s.note("node", node.state.value, node.id)
    session = s.sessions.get(node.session)
    if session is not None and node.peer is None:
        s.actions.append(Send(session.id, welcome(s, session, node.state.value)))


def _unused(s: State, node: Node) -> None:
    """Give a linked site no more of what policy forbids by now; it stays known for a later policy."""
    pool, node.pool = node.pool, None
    if pool is not None:
        pool.withdraw(node)
        pool.members.pop(node.id, None)
    for attempt in list(node.attempts.values()):
        if attempt.number in attempt.task.live:
            take_back(s, attempt)


def _refuse_claim(s: State, node: Node, why: dict[str, object]) -> None:
    if (
        node.peer is not None
    ):  # one of many things that the other conductor offers: it is not used, the link is
        s.count("claims_refused")
        _unused(s, node)
        return
    context = {key: value for key, value in why.items() if key not in ("code", "detail")}
    code, detail = str(why["code"]), str(why["detail"])
    s.actions.append(Send(node.session, Refuse(now_header(s), code, detail, int(Kind.HELLO), context)))
    s.note(
        "claim_refused", node.id, node.hello.site, node.hello.offers[0].capability, str(why.get("rule", ""))
    )
    s.count("claims_refused")
    session = s.sessions.get(node.session)
    gone(s, node, "left")
    if session is not None:
        forget(s, session)
        s.actions.append(CloseSession(session.id))
