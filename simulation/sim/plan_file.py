"""Plans as files: what a seed made of a scenario, or what is left of that, to be run again and read by people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from hive.errors import HiveError
from simulation.sim.plan import Fault, Plan, Submission


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan with the scenario and the seed that it belongs to, and the invariant that it breaks."""

    scenario: str
    seed: int
    invariant: str
    plan: Plan


def save(path: Path, file: PlanFile) -> None:
    """Write a plan, a fault or a submission to a line."""
    head = {"scenario": file.scenario, "seed": file.seed, "invariant": file.invariant}
    faults = [
        {"at_us": f.at_us, "kind": f.kind, "target": f.target, "args": dict(f.args)} for f in file.plan.faults
    ]
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
    lines.append(f'"faults": {_list(faults)}')
    lines.append(f'"submissions": {_list([_said(asked) for asked in file.plan.submissions])}')
    text = "{\n" + ",\n".join(f"  {line}" for line in lines) + "\n}\n"
    path.write_text(text, encoding="utf-8")


def read(path: Path) -> PlanFile:
    """Read a plan. Raises HiveError: config_not_found, or config_invalid with what is wrong."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        faults = [_fault(raw) for raw in document["faults"]]
        asked = [Submission(**raw) for raw in document["submissions"]]
        plan = Plan(tuple(faults), tuple(asked))
        return PlanFile(str(document["scenario"]), int(document["seed"]), str(document["invariant"]), plan)
    except FileNotFoundError as error:
        raise HiveError(
            "config_not_found", f"There is no plan {path}; `hive sim shrink` writes one."
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise HiveError("config_invalid", f"{path} is no plan of `hive sim shrink`: {error!r}.") from error


def _fault(raw: Mapping[str, Any]) -> Fault:
    args = tuple((str(name), int(value)) for name, value in raw["args"].items())
    return Fault(int(raw["at_us"]), str(raw["kind"]), str(raw["target"]), args)


def _said(asked: Submission) -> dict[str, object]:
    """Return what of a submission is not as usual."""
    values = {field.name: (getattr(asked, field.name), field.default) for field in fields(asked)}
    return {name: value for name, (value, usual) in values.items() if usual is MISSING or value != usual}


def _list(items: list[dict[str, object]]) -> str:
    rows = ",\n".join(f"    {json.dumps(item)}" for item in items)
    return f"[\n{rows}\n  ]" if rows else "[]"
