"""The bill of materials of a specialist: CycloneDX 1.6, with a model card, its data and what it was distilled from.

The form is that of ECMA-424 (CycloneDX): https://cyclonedx.org/docs/1.6/json/. Nothing in it depends on time or
machine, so that the manifest may pin it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Final

from hive import __version__
from specialists.forge.pipeline.draft import Draft
from specialists.forge.pipeline.evaluation import Evaluation, Measured
from specialists.forge.pipeline.lineage import Step
from specialists.forge.recipe import Recipe

BOM_FILE: Final = "bom.json"
_APPROACH: Final = {"anomaly": "unsupervised", "embed": "self-supervised"}
_SPDX: Final = frozenset(
    {
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC-BY-4.0",
        "CC-BY-SA-4.0",
        "CC0-1.0",
        "GPL-3.0-only",
        "ISC",
        "MIT",
    }
    | {"CC-BY-3.0", "GPL-3.0-or-later", "LGPL-3.0-only", "MPL-2.0", "ODbL-1.0"}
)
"""Identifiers of licences that the form knows; another licence is given by name."""
_STAGE_OF: Final = {"teacher": "teacher", "student_fp32": "prune"}
Json = dict[str, object]


def bom_of(
    recipe: Recipe,
    draft: Draft,
    evaluation: Evaluation,
    steps: Sequence[Step],
    files: Mapping[str, str],
    summary: Mapping[str, object],
) -> Json:
    """Return the bill of materials.

    `files` maps the published files to their sha256, `summary` is what the data stage says of the data.
    """
    by_stage = {step.stage: step for step in steps}
    data = _data(recipe, draft, by_stage["data"], summary)
    ancestors = [
        _ancestor(name, evaluation.parts()[name], by_stage[stage], recipe)
        for name, stage in _STAGE_OF.items()
    ]
    refs = [str(component["bom-ref"]) for component in (*data, *ancestors)]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, ' '.join(files.values()))}",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "hive-mesh", "version": __version__}]},
            "component": _model(recipe, draft, evaluation, files, [str(item["bom-ref"]) for item in data]),
        },
        "components": [*ancestors, *data],
        "dependencies": [
            {"ref": "specialist", "dependsOn": refs},
            *({"ref": ref} for ref in refs),
        ],
    }


def _model(
    recipe: Recipe, draft: Draft, evaluation: Evaluation, files: Mapping[str, str], data: Sequence[str]
) -> Json:
    shipped = evaluation.parts()[evaluation.shipped]
    limits = [*recipe.card.limits, *draft.limits]
    return {
        "type": "machine-learning-model",
        "bom-ref": "specialist",
        "name": recipe.name,
        "version": recipe.version,
        "description": recipe.card.summary or draft.summary,
        "hashes": [_hash(files["model.onnx"])],
        "licenses": [_licence(recipe.card.licence)],
        "modelCard": {
            "modelParameters": {
                "approach": {"type": _APPROACH.get(recipe.task, "supervised")},
                "task": recipe.task,
                "modelArchitecture": f"{draft.kind} (ONNX)",
                "datasets": [{"ref": ref} for ref in data],
                "inputs": [{"format": kind} for kind in draft.inputs.values()],
                "outputs": [{"format": recipe.output or draft.output}],
            },
            "quantitativeAnalysis": {"performanceMetrics": _metrics(shipped)},
            "considerations": {
                "useCases": [recipe.card.summary or draft.summary],
                **({"technicalLimitations": limits} if limits else {}),
            },
        },
        "properties": [
            {"name": f"hive:file:{name}", "value": f"sha256:{digest}"}
            for name, digest in sorted(files.items())
        ],
    }


def _ancestor(name: str, part: Measured, step: Step, recipe: Recipe) -> Json:
    return {
        "type": "machine-learning-model",
        "bom-ref": name,
        "name": f"{recipe.name} ({step.word})",
        "version": recipe.version,
        "hashes": [_hash(step.sha256)],
        "modelCard": {
            "modelParameters": {"task": recipe.task},
            "quantitativeAnalysis": {"performanceMetrics": _metrics(part)},
        },
    }


def _data(recipe: Recipe, draft: Draft, step: Step, summary: Mapping[str, object]) -> list[Json]:
    rows = ", ".join(f"{name} {count:,}" for name, count in step.rows.items())
    used: Json = {
        "type": "data",
        "bom-ref": "data",
        "name": recipe.data.source or "the user's data",
        "description": f"What was used of it; rows: {rows}." if rows else "What was used of it.",
        "hashes": [_hash(step.sha256)],
        "data": [{"type": "dataset", "name": recipe.data.source or recipe.name}],
    }
    files = summary.get("files")
    origins: list[Json] = []
    for number, file in enumerate(files if isinstance(files, list) else [], 1):
        origins.append(
            {
                "type": "data",
                "bom-ref": f"data-file-{number}",
                "name": str(file["name"]),
                "hashes": [_hash(str(file["sha256"]))],
                "data": [{"type": "dataset", "name": str(file["name"])}],
            }
        )
    for number, citation in enumerate(dict.fromkeys((*recipe.card.citations, *draft.citations)), 1):
        origins.append(
            {
                "type": "data",
                "bom-ref": f"data-source-{number}",
                "name": citation.split(" (")[0].split(",")[0],
                "description": citation,
                "data": [{"type": "dataset", "description": citation}],
            }
        )
    return [used, *origins]


def _metrics(part: Measured) -> list[Json]:
    return [
        {
            "type": name,
            "value": str(figure["value"]),
            **({"slice": str(figure["data"])} if figure.get("data") else {}),
            **(
                {"confidenceInterval": {"lowerBound": str(figure["low"]), "upperBound": str(figure["high"])}}
                if "low" in figure and "high" in figure
                else {}
            ),
        }
        for name, figure in part.quality.items()
    ]


def _hash(sha256: str) -> Json:
    return {"alg": "SHA-256", "content": sha256}


def _licence(name: str) -> Json:
    return {"license": {"id" if name in _SPDX else "name": name}}
