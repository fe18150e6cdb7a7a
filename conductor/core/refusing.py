"""What becomes of a step that no node may ever have: it fails with the rule that keeps its data away."""

from __future__ import annotations

from conductor.core import elsewhere
from conductor.core.nodes import Node
from conductor.core.outcome import failure, finish
from conductor.core.pools import Pool
from conductor.core.state import Capability, State
from conductor.core.states import TaskState
from conductor.core.tasks import Task
from hive.gate import Pass


def refused_by_gate(s: State, task: Task, capability: Capability, labels: int) -> bool:
    """Fail the task if no pool of the capability may ever have its data, whichever node is free."""
    pools = capability.pools.values()
    if not pools or any(not pool.away and not labels & ~pool.allowed_labels for pool in pools):
        return False
    if elsewhere.never_seen(task, capability):
        return False
    refused: tuple[Pool[Node], Pass] | None = None
    for pool in pools:
        reason = f"it may not be at {pool.site!r}"
        excess = labels & ~pool.allowed_labels
        passed = Pass(False, pool.rule, reason, excess)
        if pool.away:
            passed = elsewhere.passes(s, task, capability, pool, labels)
        if passed.allowed:
            return False
        refused = refused or (pool, passed)
    if refused is not None:
        finish(s, task, TaskState.FAILED, _gate_error(s, task, *refused))
    return True


def _gate_error(s: State, task: Task, pool: Pool[Node], passed: Pass) -> dict[str, object]:
    names = list(s.label_table.unpack(passed.labels))
    code = "label_kept" if task.at and passed.code == "label_forbidden" else passed.code
    said = ", ".join(names) + ": " if names else ""
    detail = f"{said}{passed.reason}, by {passed.rule!r}."
    return failure(code, detail, rule=passed.rule, site=pool.site, labels=names)
