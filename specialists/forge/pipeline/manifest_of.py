"""Writes the manifest of a specialist that a build has made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from specialists.forge.pipeline.draft import Draft
from specialists.forge.recipe import Recipe
from specialists.manifest import FILE_NAME, MANIFEST_VERSION

TOKENIZER_FILE: Final = "tokenizer.json"


def write_manifest(
    folder: Path, recipe: Recipe, draft: Draft, quality: Mapping[str, Mapping[str, object]]
) -> None:
    """Write the manifest that pins all files that lie in `folder` now."""
    files = {}
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        files[path.name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    document = {
        "manifest_version": MANIFEST_VERSION,
        "name": recipe.name,
        "version": recipe.version,
        "capability": recipe.capability or draft.capability,
        "inputs": dict(draft.inputs),
        "output": recipe.output or draft.output,
        **({"types": [dict(entry) for entry in draft.types]} if draft.types else {}),
        "kind": draft.kind,
        "engine": "onnx",
        "files": files,
        "tokenizer": TOKENIZER_FILE if TOKENIZER_FILE in draft.files else None,
        **{name: dict(values) for name, values in draft.settings.items()},
        "batch": {"max_size": draft.batch_max, "why": draft.batch_why},
        "run_bound_ms": draft.run_bound_ms,
        "idempotent": True,  # every kind of specialist here computes its answer and does nothing else
        "removes": list(draft.removes),
        "quality": {name: dict(figure) for name, figure in quality.items()},
        "licence": recipe.card.licence,
        "data": [*recipe.card.citations, *draft.citations],
    }
    write_json(folder / FILE_NAME, document)


def write_json(path: Path, value: object) -> None:
    """Write a JSON document for people to read."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")
