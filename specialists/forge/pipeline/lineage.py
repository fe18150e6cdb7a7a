"""Where a specialist comes from: data, teacher, student, pruned, quantized, each with its hash and its quality.

A stage's hash covers the data and models that it left, not its notes: those may hold times, which differ from machine
to machine, and the lineage is part of what the manifest pins.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from specialists.forge.pipeline.cache import content_hash
from specialists.forge.pipeline.evaluation import Evaluation
from specialists.forge.pipeline.stages import Workbench

LINEAGE_FILE: Final = "lineage.json"
DATA_SUMMARY: Final = "data.json"
"""What the data stage may leave: {"digest", "counts": {part: rows}, "files": [{"name", "sha256", ...}]}."""
_PARTS: Final = {"teacher": "teacher", "prune": "student_fp32", "quantize": "student_int8"}
_WORDS: Final = {
    "data": "data",
    "teacher": "teacher",
    "distill": "student, distilled",
    "prune": "student, distilled and pruned",
    "quantize": "student, quantized",
}
_ARTEFACTS: Final = frozenset(
    {".bin", ".csv", ".jsonl", ".npy", ".npz", ".onnx", ".parquet", ".pt", ".safetensors"}
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: the stage, a word for it, the sha256 of its artefacts (64 hex digits), and what was measured.

    `value` is the headline measure and `change` its difference to the step before that has one; None if not measured.
    `rows` counts the rows of each part of the data.
    """

    stage: str
    word: str
    sha256: str
    value: float | None = None
    change: float | None = None
    size_bytes: int | None = None
    parameters: int | None = None
    rows: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Return the step as it stands in lineage.json, without what is not known."""
        facts = {
            "stage": self.stage,
            "what": self.word,
            "sha256": self.sha256,
            "value": self.value,
            "change": self.change,
            "bytes": self.size_bytes,
            "parameters": self.parameters,
            "rows": dict(self.rows) or None,
        }
        return {name: value for name, value in facts.items() if value is not None}


def lineage_of(bench: Workbench, evaluation: Evaluation) -> list[Step]:
    """Return the steps from the data to the quantized model.

    Teacher, pruned and quantized student are measured by the evaluate stage; the distilled one if evaluation.json has
    `steps`: {"distill": {"value", "bytes", "parameters"}}, its value the headline measure on the same data.
    """
    steps = [_data(bench)]
    before: float | None = None
    for stage in ("teacher", "distill", "prune", "quantize"):
        facts = _facts(evaluation, stage)
        value = facts.get("value")
        change = round(value - before, 4) if value is not None and before is not None else None
        steps.append(
            Step(
                stage,
                _WORDS[stage],
                artefact_hash(bench.of(stage)),
                value,
                change,
                _whole(facts.get("bytes")),
                _whole(facts.get("parameters")),
            )
        )
        before = value if value is not None else before
    return steps


def lineage_json(steps: Sequence[Step], headline: str) -> dict[str, object]:
    """Return the content of lineage.json."""
    return {"headline": headline, "steps": [step.as_json() for step in steps]}


def artefact_hash(folder: Path) -> str:
    """Return the sha256 over the names and contents of the data and models below a stage's folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in _ARTEFACTS):
        digest.update(f"{path.relative_to(folder)}\0{content_hash(path)}\n".encode())
    return digest.hexdigest()


def data_summary(folder: Path) -> Mapping[str, object]:
    """Return what the data stage says of the data in `DATA_SUMMARY`, or nothing if it left none."""
    path = folder / DATA_SUMMARY
    summary = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return summary if isinstance(summary, dict) else {}


def _data(bench: Workbench) -> Step:
    folder = bench.of("data")
    summary = data_summary(folder)
    counts = summary.get("counts")
    digest = str(summary.get("digest") or artefact_hash(folder)).removeprefix("sha256:")
    return Step("data", _WORDS["data"], digest, rows=counts if isinstance(counts, dict) else {})


def _facts(evaluation: Evaluation, stage: str) -> Mapping[str, float]:
    if stage in _PARTS:
        part = evaluation.parts()[_PARTS[stage]]
        return {**part.cost, "value": part.value(evaluation.headline)}
    steps = evaluation.raw.get("steps")
    facts = steps.get(stage) if isinstance(steps, Mapping) else None
    return facts if isinstance(facts, Mapping) else {}


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
