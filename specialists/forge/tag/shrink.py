"""The stages of the task that make the student smaller: prune, quantize, calibrate."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import torch

from specialists.forge import export
from specialists.forge.data.findings import counted
from specialists.forge.loops import like_length
from specialists.forge.pipeline.options import integer
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.quantize import best, candidates, facts_of, listed, tried
from specialists.forge.report.curves import Course
from specialists.forge.sources.values import MarkedText
from specialists.forge.tag.corpus import TagCorpus, load_corpus
from specialists.forge.tag.distill import Lot, StudentPlan, distill, loss_of
from specialists.forge.tag.files import (
    TEACHER_ONNX,
    TOKENIZER,
    as_onnx,
    load_student,
    save_student,
    student_rows,
    teacher_rows,
)
from specialists.forge.tag.learn import encoder_of, load_lot, start_torch
from specialists.forge.tag.narrow import GatedLoss, importance, narrowed
from specialists.forge.tag.outputs import feed_of, outputs_of
from specialists.forge.tag.plan import recovery_epochs
from specialists.forge.tag.rows import Row, RowMaker
from specialists.forge.tag.scores import f1, span_counts
from specialists.forge.tag.student import TagStudent
from specialists.forge.tag.verdicts import calibrated, verdicts_of

EXACT: Final = "student_fp32.onnx"
CHOICE: Final = "choice.json"
QUANTIZED: Final = "student_int8.onnx"
CALIBRATION: Final = "calibration.json"
_ASKED: Final = 60
_SAMPLES: Final = 300
_TIMED: Final = 32
_WAYS: Final = ("static", "static_table8", "static_table4")
_RATE: Final = 8e-4
"""Of learning, for what is left after pruning: it knows nearly everything already."""
_TOLERATED: Final = 0.003
"""A candidate that is this much worse than the best may be chosen for its size."""


def pruned(bench: Workbench) -> None:
    """Take away the filters that matter least, and teach the rest again with a table as coarse as it may become."""
    start_torch(bench)
    student = load_student(bench.of("distill"))
    tokenizer = (bench.of("distill") / TOKENIZER).read_text("utf-8")
    keep = min(integer(bench.options(), "filters"), student.size.filters)
    lot = load_lot(bench)
    epochs = min(integer(bench.options(), "epochs"), recovery_epochs(lot.tokens, bench.budget_s))
    plan = StudentPlan(epochs, rate=_RATE, embedding_rate=_RATE / 2)
    worth = importance(student, _losses(lot, plan, bench.seed))
    small = narrowed(student, worth.argsort(descending=True, stable=True)[:keep].sort().values)
    small.coarse = True
    course = Course(bench, bench.bar("passes to recover", plan.epochs))
    distill(
        small,
        lot,
        plan,
        seed=bench.seed + 1,
        checkpoint=bench.scratch / "student.pt",
        report=course,
    )
    save_student(bench.folder, small, tokenizer)
    bench.say(
        f"{keep} of {student.size.filters} filters stay; the student read the texts {counted(plan.epochs, 'time')} "
        "again."
    )


def _losses(lot: Lot, plan: StudentPlan, seed: int) -> Iterator[GatedLoss]:
    lengths = [len(row.ids) for row in lot.rows]
    for part in like_length(lengths, plan.batch, seed, epoch=0)[:_ASKED]:
        yield partial(_loss, lot, part, plan)


def _loss(
    lot: Lot, part: Sequence[int], plan: StudentPlan, student: TagStudent, gate: torch.Tensor
) -> torch.Tensor:
    return loss_of(student, lot, part, plan, gate)[0]


def quantized(bench: Workbench) -> None:
    """Try ways to quantize whose answers hang on no batch, and keep the smallest that is as good as the best."""
    start_torch(bench)
    corpus = load_corpus(bench.of("data"))
    student = load_student(bench.of("prune"))
    maker = student_rows(bench.of("prune"), corpus.inventory)
    exact = as_onnx(student, maker.row(corpus.train[0]), student.size.intents)
    (bench.folder / EXACT).write_bytes(export.plain_bytes(exact))
    feeds = [feed_of([maker.row(text)], masked=False) for text in _spread(corpus.train, _SAMPLES)]
    trials = tried(
        candidates(exact, feeds, _WAYS), lambda model: _score(model, corpus, maker), feeds[:_TIMED]
    )
    small = [
        trial for trial in trials if len(trial.candidate.model) <= integer(bench.options(), "most_kb") * 1000
    ]
    chosen = best(small or trials, _TOLERATED)
    (bench.folder / QUANTIZED).write_bytes(chosen.candidate.model)
    (bench.folder / CHOICE).write_text(json.dumps(facts_of(chosen, trials), indent=1), "utf-8")
    whole = _score((bench.folder / EXACT).read_bytes(), corpus, maker)
    bench.say(f"Quantized {chosen.candidate.way}. On validation: float32 {whole:.4f}, {listed(trials)}.")


def _spread(texts: Sequence[MarkedText], count: int) -> Sequence[MarkedText]:
    return texts[:: max(1, len(texts) // count)][:count]


def _score(model: bytes, corpus: TagCorpus, maker: RowMaker) -> float:
    """Return the F1 of spans, or its mean with the accuracy of intents, on validation."""
    rows = [maker.row(text) for text in corpus.validation]
    words = [row.words for row in rows]
    plain = {"temperature": 1.0, "intent_temperature": 1.0}
    found = verdicts_of(
        outputs_of(model, rows, masked=False), corpus.validation, words, corpus.inventory, plain
    )
    score = f1(span_counts([text.spans for text in corpus.validation], found.spans))
    return (score + float(found.intent_right.mean())) / 2 if corpus.inventory.intents else score


def calibrate(bench: Workbench) -> None:
    """Fit the confidence of teacher and both students to the validation part."""
    corpus = load_corpus(bench.of("data"))
    ours = student_rows(bench.of("prune"), corpus.inventory)
    theirs = teacher_rows(encoder_of(bench), corpus.inventory)
    found = {
        "teacher": _fit(bench.of("teacher") / TEACHER_ONNX, corpus, theirs, masked=True),
        "student_fp32": _fit(bench.of("quantize") / EXACT, corpus, ours, masked=False),
        "student_int8": _fit(bench.of("quantize") / QUANTIZED, corpus, ours, masked=False),
    }
    (bench.folder / CALIBRATION).write_text(json.dumps(found, indent=1), "utf-8")
    told = found["student_int8"]
    bench.say(
        f"The student's logits of words are divided by {told['temperature']:.2f}"
        + (f", those of intents by {told['intent_temperature']:.2f}." if corpus.inventory.intents else ".")
    )


def _fit(model: Path, corpus: TagCorpus, maker: RowMaker, *, masked: bool) -> dict[str, float]:
    rows: list[Row] = [maker.row(text) for text in corpus.validation]
    words = [row.words for row in rows]
    outputs = outputs_of(model, rows, masked=masked)
    found = calibrated(outputs, corpus.validation, words, corpus.inventory)
    return {name: round(value, 4) for name, value in found.items()}
