"""What would become of a task that is not sent yet: its plan, the rule of each step, and who could be given it."""

from __future__ import annotations

from typing import Final

from conductor.core.actions import Send
from conductor.core.nodes import Node, Session
from conductor.core.outcome import failure, forbidden, refuse
from conductor.core.planning import ask_for_route, senseless
from conductor.core.state import Capability, State
from conductor.core.states import NodeState
from conductor.core.tasks import PlanStep, Route, RouteKey
from hive.gate import Crossing, Pass
from hive.wire.messages import Query, Reply

_EXPLAINS_MAX: Final = 1_000


def explain(s: State, session: Session, m: Query, principal: str) -> None:
    """Say what would become of a task, once its route is known; nothing is run."""
    args = m.args
    have = _pairs(args.get("have") or ())
    capability, want = str(args.get("capability") or ""), str(args.get("want") or "")
    if have is None or senseless(capability, want, have):
        detail = "`have` must be a list of [name, data type], and no name longer than makes sense."
        refuse(s, session.id, m.header, failure("bad_request", detail))
        return
    labels = m.header.labels
    if labels & ~s.allowed_labels:
        refused = {"refused": forbidden(s, labels), "plan": [], "steps": []}
        s.actions.append(Send(session.id, Reply(m.header, m.ask, refused)))
        return
    key: RouteKey = (capability, want, have, labels, principal, ())
    route = s.routes.get(key)
    if route is not None:
        s.actions.append(Send(session.id, Reply(m.header, m.ask, _explanation(s, key, route))))
    elif s.control is None:
        error = failure("planning_unavailable", retry_after_ms=1000)
        refuse(s, session.id, m.header, error)
    elif s.explains_open >= _EXPLAINS_MAX:
        error = failure("queue_full", "Too many explanations are under way.", retry_after_ms=1000)
        refuse(s, session.id, m.header, error)
    else:
        s.explains_open += 1
        s.explains.setdefault(key, []).append((session.id, m))
        ask_for_route(s, key)


def explained(s: State, key: RouteKey, route: Route) -> None:
    """Answer those who asked what would happen, now that the route is known."""
    for session, query in s.explains.pop(key, []):
        s.explains_open -= 1
        s.actions.append(Send(session, Reply(query.header, query.ask, _explanation(s, key, route))))


def _pairs(raw: object) -> tuple[tuple[str, str], ...] | None:
    """Return the (name, data type) pairs of a question, None if it holds anything else."""
    if not isinstance(raw, list | tuple):
        return None
    pairs = []
    for item in raw:
        match item:
            case [str(name), str(kind)]:
                pairs.append((name, kind))
            case _:
                return None
    return tuple(pairs)


def _explanation(s: State, key: RouteKey, route: Route) -> dict[str, object]:
    if route.refused:
        return {"refused": route.refused, "plan": [], "steps": []}
    steps = [_explain_step(s, key, step, route.default_labels) for step in route.steps]
    cut_off = next((error for step in route.steps if (error := _cut_off(s, step)) is not None), None)
    return {"refused": cut_off, "plan": [step.capability for step in route.steps], "steps": steps}


def _cut_off(s: State, step: PlanStep) -> dict[str, object] | None:
    """Return why a step that only other sites do would be refused now, unless the task wishes to wait."""
    capability = s.capabilities.get(step.capability)
    if capability is None or capability.home:
        return None
    pools = [pool for pool in capability.pools.values() if pool.away]
    names = sorted({*step.sites, *(pool.site for pool in pools)})
    if not names or any(node.credit for pool in pools for node in pool.members.values()):
        return None
    detail = (
        f"{step.capability} is done at {', '.join(names)}, which cannot be reached now; the task can wait."
    )
    return failure("link_down", detail, site=names[0])


def _explain_step(s: State, key: RouteKey, step: PlanStep, default_labels: int) -> dict[str, object]:
    labels = step.labels or default_labels
    nodes = [node for _, node in sorted(s.nodes.items()) if node.offer.capability == step.capability]
    candidates = [_candidate(s, key, node, labels) for node in nodes]
    capability = s.capabilities.get(step.capability)
    for pool in capability.pools.values() if capability is not None else ():
        if pool.away and not pool.members:
            row = {
                "node": f"{pool.site}/{step.capability}",
                "site": pool.site,
                "allowed": False,
                "rule": pool.rule,
            }
            candidates.append({**row, "reason": f"{pool.site!r} cannot be reached now"})
    return {
        "capability": step.capability,
        "output": step.output,
        "inputs": [list(item) for item in step.inputs],
        "labels": list(s.label_table.unpack(labels)),
        "removes": list(s.label_table.unpack(step.removes)),
        "rule": step.rule,
        "why": step.why,
        "hedge_after_ms": _hedged_after_ms(capability, nodes),
        "candidates": candidates,
    }


def _hedged_after_ms(capability: Capability | None, nodes: list[Node]) -> float | None:
    """Return after how long a slow attempt would get a second one beside it; None where there is none to be had."""
    able = [node for node in nodes if node.peer is None and node.offer.idempotent]
    if capability is None or len(able) < 2 or not capability.hedging.after_us:  # noqa: PLR2004 - one and another
        return None
    return capability.hedging.after_us / 1000


def _candidate(s: State, key: RouteKey, node: Node, labels: int) -> dict[str, object]:
    """Say of one node whether it could be given the step, by the same tests as placement uses."""
    pool = node.pool
    rule = pool.rule if pool else ""
    passed = _passed(s, key, node, labels)
    if pool is None:
        allowed, reason = False, "policy has not granted its claim"
    elif not passed.allowed:
        names = ", ".join(s.label_table.unpack(passed.labels))
        allowed, rule, reason = False, passed.rule, f"{names}: {passed.reason}" if names else passed.reason
    elif node.state is not NodeState.READY:
        allowed, reason = False, f"it is {node.state.value}"
    elif node.inflight >= node.credit:
        allowed, reason = False, f"all of its {node.credit} slots are in use"
    else:
        said = f"{node.inflight} of {node.credit} slots in use, {node.ewma_us / 1000:.2f} ms a run"
        allowed, reason = True, said
        if node.peer is not None:
            rule = passed.rule
            reason = f"by the link, {node.peer.rtt_us / 1000:.1f} ms away, if nobody here can: {said}"
    return {"node": node.id, "site": node.site, "allowed": allowed, "rule": rule, "reason": reason}


def _passed(s: State, key: RouteKey, node: Node, labels: int) -> Pass:
    """Ask what stands between a node and data with these labels: what may be at its site, and the gate on the way."""
    pool = node.pool
    if pool is None:
        return Pass(False, "")
    if pool.away:
        crossing = Crossing(s.site, node.site, s.site, key[4], node.offer.capability)
        passed = s.gate.asks(crossing, labels)
        if not passed.allowed:
            return passed
    excess = labels & ~pool.allowed_labels
    return Pass(not excess, pool.rule, f"it may not be at {pool.site!r}", excess)
