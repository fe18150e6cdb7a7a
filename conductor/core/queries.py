"""What can be asked about the work plane. Views are plain JSON-like values and never hold payload content."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from conductor.core.actions import Send
from conductor.core.nodes import Node, Session
from conductor.core.outcome import failure, forbidden, outcome, refuse
from conductor.core.planning import ask_for_route, too_long
from conductor.core.state import State
from conductor.core.states import NodeState, shown
from conductor.core.tasks import PlanStep, Route, RouteKey, Task
from hive.wire.messages import Query, Reply

_EXPLAINS_MAX: Final = 1_000


def asked(s: State, session: Session, m: Query) -> None:
    """Answer a question, or refuse one that nobody knows."""
    principal = (m.principal or session.name) if session.trusted else session.name
    if m.what == "explain":
        _explain(s, session, m, principal)
        return
    if m.what == "task":
        _task(s, session, m, principal)
        return
    view = _VIEWS.get(m.what)
    if view is None:
        known = ", ".join(sorted([*_VIEWS, "explain", "task"]))
        refuse(
            s, session.id, m.header, failure("bad_request", f"Unknown question {m.what!r}; known: {known}.")
        )
        return
    s.actions.append(Send(session.id, Reply(m.header, m.ask, view(s, principal))))


def explained(s: State, key: RouteKey, route: Route) -> None:
    """Answer those who asked what would happen, now that the route is known."""
    for session, query in s.explains.pop(key, []):
        s.explains_open -= 1
        s.actions.append(Send(session, Reply(query.header, query.ask, _explanation(s, route))))


def task_view(task: Task) -> dict[str, object]:
    """Return what may be told of a task before it has an outcome."""
    return {
        "id": task.id.hex(),
        "state": shown(task.state),
        "capability": task.capability,
        "attempts": len(task.attempts),
        "step": task.at,
        "nodes": sorted({a.node.id for a in task.attempts}),
        "age_ms": 0,
    }


def node_view(node: Node, capability: str) -> dict[str, object]:
    """Return one row of `hive nodes`."""
    hello = node.hello
    return {
        "id": node.id,
        "incarnation": hello.incarnation,
        "site": hello.site,
        "specialist": hello.offers[0].specialist,
        "capability": capability,
        "digest": node.digest,
        "state": node.state.value,
        "pid": hello.pid,
        "agent_pid": hello.agent_pid,
        "host": hello.host,
        "endpoint": node.address,
        "inflight": node.inflight,
        "credit": node.credit,
        "run_us": round(node.ewma_us),
    }


def _nodes(s: State, principal: str) -> object:
    del principal
    return [node_view(node, node.hello.offers[0].capability) for _, node in sorted(s.nodes.items())]


def _tasks(s: State, principal: str) -> object:
    mine = [task for (owner, _), task in s.tasks.items() if owner == principal]
    return [{**task_view(task), "age_ms": (s.now_us - task.created_us) // 1000} for task in mine[-500:][::-1]]


def _capabilities(s: State, principal: str) -> object:
    del principal
    rows = []
    for capability in s.capabilities.values():
        nodes = [n for n in s.nodes.values() if n.pool is not None and n.pool.name in capability.pools]
        ready = sum(node.state is NodeState.READY for node in nodes)
        offer = nodes[0].hello.offers[0] if nodes else None
        rows.append(
            {
                "capability": capability.name,
                "inputs": dict(offer.inputs) if offer else {},
                "output": offer.output if offer else "",
                "types": list(offer.types) if offer else [],
                "nodes": len(nodes),
                "ready": ready,
                "waiting": capability.waiting_count,
                "pools": sorted(capability.pools),
            }
        )
    return rows


def _status(s: State, principal: str) -> object:
    del principal
    return {
        "mesh": s.mesh,
        "site": s.site,
        "conductor": s.conductor,
        "epoch": s.epoch,
        "generation": s.generation,
        "control": s.control is not None,
        "draining": s.draining,
        "open_tasks": s.open_count,
        "open_bytes": s.open_bytes,
        "finished_kept": len(s.finished),
        "nodes": len(s.nodes),
        "sessions": len(s.sessions),
        "counts": dict(s.counts),
    }


_VIEWS: dict[str, Callable[[State, str], object]] = {
    "nodes": _nodes,
    "tasks": _tasks,
    "capabilities": _capabilities,
    "status": _status,
}


def _task(s: State, session: Session, m: Query, principal: str) -> None:
    task = s.tasks.get((principal, m.header.task))
    if task is None:
        detail = f"You have no task {m.header.task.hex()}, or it has been pruned."
        refuse(s, session.id, m.header, failure("task_unknown", detail))
        return
    if task.withdrawn:
        refuse(s, session.id, m.header, task.withdrawn)
        return
    result = outcome(task, m.header)
    view = {
        **task_view(task),
        "age_ms": (s.now_us - task.created_us) // 1000,
        "output_type": result.output_type,
        "confidence": result.confidence,
        "unsure": task.unsure,
        "labels": list(s.label_table.unpack(task.labels)),
        "error": result.error,
        "provenance": result.provenance,
    }
    s.actions.append(Send(session.id, Reply(m.header, m.ask, view, result.body)))


def _explain(s: State, session: Session, m: Query, principal: str) -> None:
    args = m.args
    have = _pairs(args.get("have") or ())
    capability, want = str(args.get("capability") or ""), str(args.get("want") or "")
    if have is None or too_long(capability, want, have):
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
        s.actions.append(Send(session.id, Reply(m.header, m.ask, _explanation(s, route))))
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


def _explanation(s: State, route: Route) -> dict[str, object]:
    if route.refused:
        return {"refused": route.refused, "plan": [], "steps": []}
    steps = [_explain_step(s, step, route.default_labels) for step in route.steps]
    return {"refused": None, "plan": [step.capability for step in route.steps], "steps": steps}


def _explain_step(s: State, step: PlanStep, default_labels: int) -> dict[str, object]:
    labels = step.labels or default_labels
    candidates = []
    for _, node in sorted(s.nodes.items()):
        offer = node.hello.offers[0]
        if offer.capability == step.capability:
            candidates.append(_candidate(s, node, labels))
    return {
        "capability": step.capability,
        "output": step.output,
        "inputs": [list(item) for item in step.inputs],
        "labels": list(s.label_table.unpack(labels)),
        "removes": list(s.label_table.unpack(step.removes)),
        "rule": step.rule,
        "why": step.why,
        "candidates": candidates,
    }


def _candidate(s: State, node: Node, labels: int) -> dict[str, object]:
    """Say of one node whether it could be given the step, by the same tests as placement uses."""
    pool = node.pool
    rule = pool.rule if pool else ""
    if pool is None:
        allowed, reason = False, "policy has not granted its claim"
    elif labels & ~pool.allowed_labels:
        names = ", ".join(s.label_table.unpack(labels & ~pool.allowed_labels))
        allowed, reason = False, f"{names} may not be at {pool.site!r}"
    elif node.state is not NodeState.READY:
        allowed, reason = False, f"it is {node.state.value}"
    elif node.inflight >= node.credit:
        allowed, reason = False, f"all of its {node.credit} slots are in use"
    else:
        allowed, reason = (
            True,
            f"{node.inflight} of {node.credit} slots in use, {node.ewma_us / 1000:.2f} ms a run",
        )
    return {"node": node.id, "site": node.site, "allowed": allowed, "rule": rule, "reason": reason}
