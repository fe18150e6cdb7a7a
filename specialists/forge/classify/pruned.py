"""The stage `prune` of the pipeline: a wide student becomes a narrower one, if the recipe says so."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch

from specialists.forge.classify.distill import Lot
from specialists.forge.classify.encoder import Lesson
from specialists.forge.classify.material import load_material
from specialists.forge.classify.plan import STUDENT_S, core_seconds
from specialists.forge.classify.shrink import importance, without
from specialists.forge.classify.taught import LOT, Pupil, load_pupil, logits_of, plan_of, teach_pupil
from specialists.forge.classify.teacher import start
from specialists.forge.pipeline.options import integer, number
from specialists.forge.pipeline.stages import Workbench

DEFAULTS: Final = {"keep": 0.67, "epochs": 0, "rate": 1.5e-3}
"""`keep` is the share of filters that stay, 1 for all; zero epochs stand for: as the budget says."""
_MOST_EPOCHS: Final = 20


def pruned(bench: Workbench) -> None:
    """Cut the least important filters and let the student recover; or hand it on as it is."""
    start(bench)
    pupil = load_pupil(bench.of("distill"))
    keep = number(bench.options(), "keep")
    if keep >= 1:
        bench.say("Nothing was pruned: the recipe keeps every filter.")
        pupil.save(bench.folder)
        return
    material = load_material(bench.of("data"))
    lot = _lot(bench, pupil)
    tokens = sum(len(row) for row in lot.rows)
    bought = int(core_seconds(bench.budget_s, bench.threads) / (STUDENT_S * tokens))
    epochs = integer(bench.options(), "epochs") or max(1, min(_MOST_EPOCHS, bought))
    plan = plan_of({**bench.options("distill"), **bench.options()}, epochs)
    before = pupil.model.shape
    count = sum(filters for _, filters in before.filters)
    matters = importance(pupil.model, lot, plan, bench.seed)
    small = Pupil(without(pupil.model, matters, round(keep * count)), pupil.tokenizer, pupil.max_tokens)
    rows = pupil.rows(material.corpus.validation.texts)
    wanted = np.array(material.numbers(material.corpus.validation))
    figures = [float((logits_of(one.model, rows).argmax(1) == wanted).mean()) for one in (pupil, small)]
    teach_pupil(bench, small, material, lot, plan)
    figures.append(float((logits_of(small.model, rows).argmax(1) == wanted).mean()))
    small.save(bench.folder)
    left = ", ".join(f"{filters} of size {size}" for size, filters in small.model.shape.filters)
    bench.say(
        f"Pruned from {count} filters to {small.model.shape.features - before.width} ({left}). Validation accuracy: "
        f"{figures[0]:.4f} before, {figures[1]:.4f} at once after, {figures[2]:.4f} after {epochs} epochs of recovery."
    )


def _lot(bench: Workbench, pupil: Pupil) -> Lot:
    """Return what the student learned from, as the stage before left it."""
    saved = torch.load(bench.of("distill") / LOT, weights_only=True)
    lesson = Lesson(saved["embeddings"].float(), saved["logits"].float())
    return Lot(pupil.rows(saved["texts"]), saved["labels"], lesson)
