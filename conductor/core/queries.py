"""What can be asked about the work plane. Views are plain JSON-like values and never hold payload content."""

from __future__ import annotations

from collections.abc import Callable

from conductor.core import finding
from conductor.core.actions import Send
from conductor.core.elsewhere import outbox_of
from conductor.core.explain import explain
from conductor.core.exports import offers
from conductor.core.finding import task_view
from conductor.core.nodes import Node, Session
from conductor.core.outcome import failure, outcome, refuse
from conductor.core.peers import Peer
from conductor.core.state import State
from conductor.core.states import NodeState
from hive.wire.messages import Query, Reply


def asked(s: State, session: Session, m: Query) -> None:
    """Answer a question, or refuse one that nobody knows."""
    principal = (m.principal or session.name) if session.trusted else session.name
    if m.what == "explain":
        explain(s, session, m, principal)
        return
    if m.what == "task":
        _task(s, session, m)
        return
    if m.what == "tasks":
        finding.list_tasks(s, session, m, principal)
        return
    view = _VIEWS.get(m.what)
    if view is None:
        known = ", ".join(sorted([*_VIEWS, "explain", "task", "tasks"]))
        refuse(
            s, session.id, m.header, failure("bad_request", f"Unknown question {m.what!r}; known: {known}.")
        )
        return
    s.actions.append(Send(session.id, Reply(m.header, m.ask, view(s, principal))))


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
        "probation": node.probation,
        "faults": node.faults,
        "run_us": round(node.ewma_us),
    }


def _nodes(s: State, principal: str) -> object:
    del principal
    here = [node for _, node in sorted(s.nodes.items()) if node.peer is None]
    return [node_view(node, node.offer.capability) for node in here]


def _capabilities(s: State, principal: str) -> object:
    del principal
    rows = []
    for capability in s.capabilities.values():
        nodes = [n for pool in capability.pools.values() if not pool.away for n in pool.members.values()]
        ready = sum(node.state is NodeState.READY for node in nodes)
        offer = capability.known
        rows.append(
            {
                "capability": capability.name,
                "inputs": dict(offer.inputs) if offer else {},
                "output": offer.output if offer else "",
                "types": list(offer.types) if offer else [],
                "nodes": len(nodes),
                "ready": ready,
                "waiting": capability.waiting_count,
                "sites": sorted(
                    pool.site for pool in capability.pools.values() if pool.away and pool.members
                ),
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
        "nodes": sum(node.peer is None for node in s.nodes.values()),
        "sessions": len(s.sessions),
        "counts": dict(s.counts),
    }


def _sites(s: State, principal: str) -> object:
    """Return this site with its links, as `hive sites` shows it."""
    del principal
    state = "draining" if s.draining else "ready" if s.generation else "starting"
    links = [_link(s, peer) for _, peer in sorted(s.peers.items())]
    return [{"site": s.site, "conductor": s.conductor, "state": state, "links": links}]


def _link(s: State, peer: Peer) -> dict[str, object]:
    """Return one link: how it is, how many tasks wait for the other side, what it offers, who dials."""
    offered = [
        {
            "capability": name,
            "sites": list(node.offer.path),
            "labels": list(node.offer.labels),
            "load": node.offer.load,
            "run_us": round(node.ewma_us),
            "inflight": node.inflight,
            "credit": node.credit,
        }
        for name, node in sorted(peer.nodes.items())
    ]
    return {
        "to": peer.site,
        "state": peer.shown(),
        "rtt_ms": round(peer.rtt_us / 1000, 3) if peer.up and peer.rtt_us else None,
        "outbox": outbox_of(s, peer.site),
        "unacknowledged": len(peer.outbox),
        "given": len(peer.held),
        "upstream": peer.upstream,
        "dialled": peer.link is not None,
        "told": peer.up and offers(s, peer.site) == peer.told,
        "offers": offered,
        "trouble": peer.trouble,
    }


_VIEWS: dict[str, Callable[[State, str], object]] = {
    "nodes": _nodes,
    "capabilities": _capabilities,
    "status": _status,
    "sites": _sites,
}


def _task(s: State, session: Session, m: Query) -> None:
    task = finding.find(s, session, m)
    if task is None:
        return
    if task.withdrawn:
        refuse(s, session.id, m.header, task.withdrawn)
        return
    result = outcome(s, task, m.header)
    closed = task.closed  # what was decided and is not committed yet is nobody's business
    view = {
        **task_view(s, task),
        "output_type": result.output_type if closed else "",
        "confidence": result.confidence if closed else 0.0,
        "unsure": closed and task.unsure,
        "labels": list(s.label_table.unpack(task.labels)),
        "error": result.error if closed else {},
        "provenance": result.provenance,
    }
    s.actions.append(Send(session.id, Reply(m.header, m.ask, view, result.body if closed else ())))
