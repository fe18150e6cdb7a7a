"""The last two stages, the same for every task: the card, and the directory that a node loads.

What a machine measured of time and memory stands in `costs.json`, which the manifest does not pin: the same recipe,
data and seed give the same specialist, whatever machine made it and whatever else that machine did.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from specialists.forge.pipeline.bom import BOM_FILE, bom_of
from specialists.forge.pipeline.cache import content_hash
from specialists.forge.pipeline.card import card_text
from specialists.forge.pipeline.draft import Draft
from specialists.forge.pipeline.evaluation import read_evaluation
from specialists.forge.pipeline.lineage import LINEAGE_FILE, data_summary, lineage_json, lineage_of
from specialists.forge.pipeline.stages import Task, Workbench
from specialists.load import load
from specialists.manifest import FILE_NAME, MANIFEST_VERSION

CARD_FILE: Final = "card.md"
COSTS_FILE: Final = "costs.json"
TOKENIZER_FILE: Final = "tokenizer.json"


def card(task: Task, bench: Workbench) -> None:
    """Write the card, the lineage, the bill of materials, and what the machine measured of time and memory."""
    evaluation = read_evaluation(bench.of("evaluate"))
    draft = task.draft(bench)
    steps = lineage_of(bench, evaluation)
    (bench.folder / CARD_FILE).write_text(card_text(bench.recipe, draft, evaluation, steps), "utf-8")
    _write_json(bench.folder / LINEAGE_FILE, lineage_json(steps, evaluation.headline))
    files = {name: content_hash(path) for name, path in sorted(draft.files.items())}
    bill = bom_of(bench.recipe, draft, evaluation, steps, files, data_summary(bench.of("data")))
    _write_json(bench.folder / BOM_FILE, bill)
    costs = {name: part.costs() for name, part in evaluation.parts().items()}
    _write_json(bench.folder / COSTS_FILE, {"shipped": evaluation.shipped, **costs})


def publish(task: Task, bench: Workbench) -> None:
    """Write the directory that `hive node run` loads, and see that it loads and answers."""
    evaluation = read_evaluation(bench.of("evaluate"))
    draft = task.draft(bench)
    words = {name: bench.of("card") / name for name in (CARD_FILE, LINEAGE_FILE, BOM_FILE)}
    for name, source in {**draft.files, **words}.items():
        shutil.copyfile(source, bench.folder / name)
    quality = evaluation.parts()[evaluation.shipped].quality
    _write_json(bench.folder / FILE_NAME, manifest_of(bench, draft, quality))
    shutil.copyfile(bench.of("card") / COSTS_FILE, bench.folder / COSTS_FILE)
    specialist = load(bench.folder)
    specialist.warm_up()
    bench.say(f"{bench.recipe.name} {bench.recipe.version} answers its sample; {specialist.digest}")


COMMON: Final[Mapping[str, Callable[[Task, Workbench], None]]] = {"card": card, "publish": publish}


def manifest_of(
    bench: Workbench, draft: Draft, quality: Mapping[str, Mapping[str, object]]
) -> dict[str, object]:
    """Return the manifest of the files that lie in the stage's folder."""
    recipe = bench.recipe
    files = {}
    for path in sorted(bench.folder.iterdir()):
        content = path.read_bytes()
        files[path.name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    return {
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


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")
