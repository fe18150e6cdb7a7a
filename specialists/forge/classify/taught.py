"""The stage `distill`: transfer texts, what the teacher says of them, and a student that learns it."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from tokenizers import Tokenizer

from specialists.forge.classify.distill import OUTSIDE, UNLABELLED, Lot, StudentPlan, distill
from specialists.forge.classify.encoder import Lesson
from specialists.forge.classify.lessons import lesson_of
from specialists.forge.classify.material import Material, load_material
from specialists.forge.classify.plan import StudentWork, core_seconds, student_work
from specialists.forge.classify.student import Shape, TextStudent, filled
from specialists.forge.classify.teacher import Teacher, load_teacher, start
from specialists.forge.classify.transfer import Neighbours, more_texts
from specialists.forge.classify.vocabulary import matter_most, small_tokenizer, warm_start
from specialists.forge.data.sample import drawn
from specialists.forge.pipeline.options import integer, number
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.report.curves import Course

WEIGHTS: Final = "student.pt"
SHAPE: Final = "student.json"
TOKENIZER: Final = "tokenizer.json"
LOT: Final = "lot.pt"
DEFAULTS: Final = {
    "pieces": 7000,
    "width": 128,
    "filters": 256,
    "transfer": -1,
    "epochs": 0,
    "rate": 3e-3,
    "soft": 1.0,
    "near": 1.0,
    "match": 0.0,
    "hard": 0.2,
    "spread": 0.5,
}
"""Zero epochs and -1 transfer texts stand for: as the budget says."""
_KERNELS: Final = (1, 3, 5)
_UNKNOWN: Final = 1
_COPIES: Final = 10
"""Changed copies of each text of no class: there are few of them, and they must count."""


@dataclass(frozen=True, slots=True)
class Pupil:
    """A student and its tokenizer; a text is cut at `max_tokens`."""

    model: TextStudent
    tokenizer: Tokenizer
    max_tokens: int

    def rows(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, never none."""
        found = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [encoding.ids[: self.max_tokens] or [_UNKNOWN] for encoding in found]

    def save(self, folder: Path) -> None:
        """Write weights, shape and tokenizer."""
        torch.save(self.model.state_dict(), folder / WEIGHTS)
        facts = {**asdict(self.model.shape), "max_tokens": self.max_tokens}
        (folder / SHAPE).write_text(json.dumps(facts) + "\n", "utf-8")
        (folder / TOKENIZER).write_text(self.tokenizer.to_str(), "utf-8")


def load_pupil(folder: Path) -> Pupil:
    """Return what `Pupil.save` wrote."""
    facts = json.loads((folder / SHAPE).read_text("utf-8"))
    filters = tuple((int(size), int(count)) for size, count in facts["filters"])
    model = TextStudent(Shape(facts["pieces"], facts["width"], filters, facts["classes"]))
    model.load_state_dict(torch.load(folder / WEIGHTS, weights_only=True))
    return Pupil(model.eval(), Tokenizer.from_file(str(folder / TOKENIZER)), facts["max_tokens"])


def distilled(bench: Workbench) -> None:
    """Make transfer texts, let the teacher label everything, and teach the student."""
    start(bench)
    material = load_material(bench.of("data"))
    teacher = load_teacher(bench)
    work = _work(bench, material, teacher)
    texts, labels = _texts(bench, material, teacher, work)
    said = lesson_of(teacher, texts, bench.scratch, bench.bar("texts that the teacher labels", len(texts)))
    lesson = Lesson(said.embeddings - said.embeddings.mean(0), said.logits)
    pupil = _new_pupil(bench, material, teacher, texts)
    lot = Lot(pupil.rows(texts), labels, lesson)
    teach_pupil(bench, pupil, material, lot, plan_of(bench.options(), work.epochs))
    pupil.save(bench.folder)
    torch.save(
        {
            "texts": texts,
            "labels": labels,
            "embeddings": lesson.embeddings.half(),
            "logits": lesson.logits.half(),
        },
        bench.folder / LOT,
    )
    bench.say(
        f"The student learned from {len(texts):,} texts in {work.epochs} epochs, {work.transfer:,} of them made up and "
        f"{work.unlabelled:,} unlabelled: the teacher labelled them."
    )


def teach_pupil(bench: Workbench, pupil: Pupil, material: Material, lot: Lot, plan: StudentPlan) -> None:
    """Let the student learn from the lot, and show its accuracy on the validation part."""
    course = Course(bench, bench.bar("epochs of the student", plan.epochs))
    probe = TextStudent(pupil.model.shape)
    rows = pupil.rows(material.corpus.validation.texts)
    wanted = np.array(material.numbers(material.corpus.validation))

    def report(epochs: int, loss: float, weights: Mapping[str, torch.Tensor]) -> None:
        probe.load_state_dict(weights)
        course(epochs, loss, float((logits_of(probe, rows).argmax(1) == wanted).mean()))

    distill(pupil.model, lot, plan, seed=bench.seed, checkpoint=bench.scratch / "student.pt", report=report)


def logits_of(model: TextStudent, rows: Sequence[Sequence[int]], batch: int = 256) -> np.ndarray:
    """Return the logits of token rows, [rows, classes]."""
    model.eval()
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    out = np.zeros((len(rows), model.shape.classes))
    with torch.inference_mode():
        for begin in range(0, len(order), batch):
            part = order[begin : begin + batch]
            out[part] = model(filled([rows[i] for i in part])).numpy()
    return out


def plan_of(options: Mapping[str, object], epochs: int) -> StudentPlan:
    """Return the plan that a stage's options describe."""
    return StudentPlan(
        epochs,
        rate=number(options, "rate"),
        soft=number(options, "soft"),
        near=number(options, "near"),
        match=number(options, "match"),
        hard=number(options, "hard"),
        spread=number(options, "spread"),
    )


def _work(bench: Workbench, material: Material, teacher: Teacher) -> StudentWork:
    own = [len(row) for row in teacher.pieces.ids(material.corpus.train.texts)]
    spare = len(material.unlabelled)
    work = student_work(own, spare, core_seconds(bench.budget_s, bench.threads))
    transfer, epochs = integer(bench.options(), "transfer"), integer(bench.options(), "epochs")
    if transfer >= 0 and epochs:
        return StudentWork(len(own), spare, transfer, epochs)
    return replace(work, transfer=work.transfer if transfer < 0 else transfer, epochs=epochs or work.epochs)


def _texts(
    bench: Workbench, material: Material, teacher: Teacher, work: StudentWork
) -> tuple[list[str], torch.Tensor]:
    """Return all texts to learn from, and the label of each."""
    whole = material.corpus.train
    chosen = sorted(drawn(whole.texts, bench.seed).argsort(kind="stable")[: work.own].tolist())
    train, outside = [whole.texts[i] for i in chosen], material.outside["train"]
    table = teacher.model.encoder.get_input_embeddings().weight.detach()
    near = Neighbours(teacher.pieces.tokenizer, table)
    made = more_texts([*train, *outside], work.transfer, near, random.Random(bench.seed))
    strange = [*outside, *more_texts(outside, _COPIES * len(outside), near, random.Random(bench.seed + 1))]
    texts = [*train, *strange, *material.unlabelled[: work.unlabelled], *made]
    labels = torch.full((len(texts),), UNLABELLED)
    labels[: len(train)] = torch.tensor(material.numbers(whole))[chosen]
    labels[len(train) : len(train) + len(strange)] = OUTSIDE
    return texts, labels


def _new_pupil(bench: Workbench, material: Material, teacher: Teacher, texts: Sequence[str]) -> Pupil:
    options = bench.options()
    pieces = matter_most(teacher.pieces.tokenizer, texts, integer(options, "pieces"))
    filters = tuple((size, integer(options, "filters")) for size in _KERNELS)
    torch.manual_seed(bench.seed)
    model = TextStudent(Shape(len(pieces), integer(options, "width"), filters, len(material.corpus.classes)))
    with torch.no_grad():
        model.embed.weight.copy_(warm_start(teacher.model, teacher.pieces, pieces, model.shape.width))
    return Pupil(model, small_tokenizer(pieces), teacher.pieces.max_tokens)
