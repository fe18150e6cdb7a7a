"""The last two stages, the same for every task: the card, and the directory that a node loads.

What a machine measured of time and memory stands in `costs.json`, which the manifest does not pin: the same recipe,
data and seed give the same specialist, whatever machine made it and whatever else that machine did.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from typing import Final

from specialists.forge.pipeline.bom import BOM_FILE, bom_of
from specialists.forge.pipeline.cache import content_hash
from specialists.forge.pipeline.card import card_text
from specialists.forge.pipeline.evaluation import read_evaluation
from specialists.forge.pipeline.lineage import LINEAGE_FILE, data_summary, lineage_json, lineage_of
from specialists.forge.pipeline.manifest_of import write_json, write_manifest
from specialists.forge.pipeline.rehearsal import hold_to_answers
from specialists.forge.pipeline.stages import Task, Workbench
from specialists.load import load

CARD_FILE: Final = "card.md"
COSTS_FILE: Final = "costs.json"


def card(task: Task, bench: Workbench) -> None:
    """Write the card, the lineage, the bill of materials, and what the machine measured of time and memory."""
    evaluation = read_evaluation(bench.of("evaluate"))
    draft = task.draft(bench)
    steps = lineage_of(bench, evaluation)
    (bench.folder / CARD_FILE).write_text(card_text(bench.recipe, draft, evaluation, steps), "utf-8")
    write_json(bench.folder / LINEAGE_FILE, lineage_json(steps, evaluation.headline))
    files = {name: content_hash(path) for name, path in sorted(draft.files.items())}
    bill = bom_of(bench.recipe, draft, evaluation, steps, files, data_summary(bench.of("data")))
    write_json(bench.folder / BOM_FILE, bill)
    costs = {name: part.costs() for name, part in evaluation.parts().items()}
    write_json(bench.folder / COSTS_FILE, {"shipped": evaluation.shipped, **costs})


def publish(task: Task, bench: Workbench) -> None:
    """Write the directory that `hive node run` loads, and see that it loads and answers."""
    evaluation = read_evaluation(bench.of("evaluate"))
    draft = task.draft(bench)
    words = {name: bench.of("card") / name for name in (CARD_FILE, LINEAGE_FILE, BOM_FILE)}
    for name, source in {**draft.files, **words}.items():
        shutil.copyfile(source, bench.folder / name)
    quality = evaluation.parts()[evaluation.shipped].quality
    write_manifest(bench.folder, bench.recipe, draft, quality)
    shutil.copyfile(bench.of("card") / COSTS_FILE, bench.folder / COSTS_FILE)
    specialist = load(bench.folder)
    specialist.warm_up()
    again = hold_to_answers(specialist, bench.of("evaluate"))
    told = f" and {again} test inputs as it did when it was measured" if again else ""
    bench.say(f"{bench.recipe.name} {bench.recipe.version} answers its sample{told}; {specialist.digest}")


COMMON: Final[Mapping[str, Callable[[Task, Workbench], None]]] = {"card": card, "publish": publish}
