"""The folder of one experiment: what everybody wrote down, and the judgement of it, which can be repeated."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hive.config import MeshConfig, load_config
from hive.errors import HiveError
from simulation.chaos.moves import Moves, moves
from simulation.chaos.payloads import right_digest
from simulation.chaos.strikes import Mark
from simulation.history.checker import Verdict, judge
from simulation.history.events import FINAL, Call, Effect, read

CALLS: Final = "calls"
EFFECTS: Final = "effects"
FAULTS: Final = "faults.jsonl"
MESH: Final = "mesh.yaml"
PROVENANCE: Final = "provenance.jsonl"
RUN: Final = "run.json"
RESULT: Final = "result.json"
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything in the folder."""

    calls: Sequence[Call]
    effects: Sequence[Effect]
    marks: Sequence[Mark]
    provenances: Mapping[str, Sequence[Mapping[str, object]]]
    config: MeshConfig
    run: Mapping[str, object]


def load(folder: Path) -> Evidence:
    """Return what is in a folder. Raises HiveError(bad_request) if it is not one of an experiment."""
    try:
        return Evidence(
            [call for path in sorted((folder / CALLS).glob("*.jsonl")) for call in read(path, Call)],
            [effect for path in sorted((folder / EFFECTS).glob("*.jsonl")) for effect in read(path, Effect)],
            [Mark(**row) for row in _rows(folder / FAULTS)],
            {str(row["task"]): row["attempts"] for row in _rows(folder / PROVENANCE)},
            load_config(folder / MESH),
            json.loads((folder / RUN).read_text(encoding="utf-8")),
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        detail = f"{folder} is not the folder of a chaos run: {error}. Name one that `hive sim chaos` wrote."
        raise HiveError("bad_request", detail) from error


def judged(evidence: Evidence) -> tuple[Verdict, Moves]:
    """Return the verdict on what is in a folder, and how long work took to move."""
    policy = evidence.config.compiled_policy
    verdict = judge(
        evidence.calls,
        evidence.effects,
        lambda label, site: policy.may_be_at(site, [label]).allowed,
        right_digest,
    )
    return verdict, moves(evidence.provenances, evidence.calls, evidence.effects, evidence.marks)


def result_of(evidence: Evidence, verdict: Verdict, moved: Moves) -> dict[str, Any]:
    """Return the document that `--json` prints."""
    return {
        **verdict.as_json(),
        "faults": dict(sorted(Counter(mark.kind for mark in evidence.marks).items())),
        **moved.as_json(),
        "outcomes": _outcomes(evidence.calls),
        "refusals": _refusals(evidence.calls),
        "runs": sum(effect.what == "run" for effect in evidence.effects),
        "problems": [
            {"kind": problem.kind, "payload": problem.payload, "sentence": problem.sentence}
            for problem in verdict.problems[:_SHOWN]
        ],
        **evidence.run,
    }


def _outcomes(calls: Sequence[Call]) -> dict[str, int]:
    """Return how many tasks came to which state; failures with their code."""
    final = {call.task: call for call in calls if call.kind == "ok" and call.state in FINAL}
    names = (c.state if c.state == "done" else f"{c.state} {c.digest}".strip() for c in final.values())
    return dict(sorted(Counter(names).items()))


def _refusals(calls: Sequence[Call]) -> dict[str, int]:
    """Return how many submissions were refused, by code."""
    return dict(sorted(Counter(c.code for c in calls if c.kind == "fail" and c.op == "submit").items()))


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
