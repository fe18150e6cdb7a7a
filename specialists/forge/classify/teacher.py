"""The stage `teacher`: an encoder fine-tuned on the labelled texts, saved with what is needed to ask it again."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from specialists.forge.classify.encoder import EncoderClassifier, EncoderPieces
from specialists.forge.classify.finetune import TeacherPlan, fine_tune
from specialists.forge.classify.material import load_material
from specialists.forge.classify.plan import TeacherWork, core_seconds, teacher_work, token_limit
from specialists.forge.encoders import MINILM, encoder_directory
from specialists.forge.pipeline.options import integer, number, text
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.report.curves import Course

WEIGHTS: Final = "teacher.pt"
FACTS: Final = "teacher.json"
DEFAULTS: Final = {"encoder": MINILM, "epochs": 0, "rate": 2e-4, "max_tokens": 0}
"""Zero stands for: as the budget and the data say."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """The fine-tuned encoder, and how texts become its tokens."""

    model: EncoderClassifier
    pieces: EncoderPieces
    directory: Path


def teacher(bench: Workbench) -> None:
    """Fine-tune the encoder on the training texts."""
    start(bench)
    material = load_material(bench.of("data"))
    options = bench.options()
    name = text(options, "encoder")
    directory = encoder_directory(name)
    whole = EncoderPieces(directory, 512)
    lengths = [len(row) for row in whole.ids(material.corpus.train.texts)]
    limit = integer(options, "max_tokens") or token_limit(lengths)
    cut = [min(length, limit) for length in lengths]
    work = teacher_work(cut, core_seconds(bench.budget_s, bench.threads))
    if epochs := integer(options, "epochs"):
        work = TeacherWork(len(cut), epochs, work.batch)
    torch.manual_seed(bench.seed)
    model = EncoderClassifier(directory, len(material.corpus.classes))
    train = material.corpus.train
    rows, labels = _some(train.texts, material.numbers(train), work.rows)
    bar = bench.bar("epochs of the teacher", work.epochs)
    fine_tune(
        model,
        EncoderPieces(directory, limit).ids(rows),
        labels,
        TeacherPlan(work.epochs, work.batch, number(options, "rate")),
        seed=bench.seed,
        checkpoint=bench.scratch / "teacher.pt",
        report=Course(bench, bar),
    )
    torch.save(model.state_dict(), bench.folder / WEIGHTS)
    facts = {"encoder": name, "max_tokens": limit, "epochs": work.epochs, "rows": len(rows)}
    (bench.folder / FACTS).write_text(json.dumps(facts) + "\n", "utf-8")
    bench.say(
        f"The teacher, {name}, learned from {len(rows):,} texts in {work.epochs} epochs; it reads {limit} tokens."
    )


def load_teacher(bench: Workbench) -> Teacher:
    """Return the teacher that the stage left."""
    folder = bench.of("teacher")
    facts = json.loads((folder / FACTS).read_text("utf-8"))
    directory = encoder_directory(facts["encoder"])
    weights = torch.load(folder / WEIGHTS, weights_only=True)
    model = EncoderClassifier(directory, len(weights["head.bias"]))
    model.load_state_dict(weights)
    return Teacher(model.eval(), EncoderPieces(directory, facts["max_tokens"]), directory)


def start(bench: Workbench) -> None:
    """Make torch repeatable, with the threads of the bench."""
    torch.set_num_threads(bench.threads)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(bench.seed)


def _some(texts: Sequence[str], labels: Sequence[int], count: int) -> tuple[list[str], list[int]]:
    """Return `count` of the texts in an order that is no longer the file's, and the same for every seed."""
    order = list(range(len(texts)))
    random.Random(0).shuffle(order)
    return [texts[i] for i in order[:count]], [labels[i] for i in order[:count]]
