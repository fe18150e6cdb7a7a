"""The stages of the task `embed` until the model is quantized."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import torch
from torch import nn

from specialists.forge import export
from specialists.forge.classify.encoder import EncoderClassifier, EncoderPieces, teach
from specialists.forge.classify.judge import exact_student, student_feeds, student_judge
from specialists.forge.classify.lessons import lesson_of
from specialists.forge.classify.plan import core_seconds, student_work, token_limit
from specialists.forge.classify.quantized import CHOICE, EXACT, MODEL
from specialists.forge.classify.student import Shape, TextStudent
from specialists.forge.classify.taught import Pupil, load_pupil, logits_of
from specialists.forge.classify.teacher import FACTS, Teacher, start
from specialists.forge.classify.transfer import Neighbours, more_texts
from specialists.forge.classify.vocabulary import matter_most, small_tokenizer, warm_start
from specialists.forge.embed.distill import EmbedPlan, distill_vectors, main_axes
from specialists.forge.embed.likeness import rank_correlation
from specialists.forge.embed.texts import gathered, load_texts, save_probes
from specialists.forge.encoders import MINILM, encoder_directory
from specialists.forge.pipeline.options import integer, number, text, texts
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.quantize import best, candidates, tried

TEACHER: Final = {"encoder": MINILM, "max_tokens": 0}
DISTILL: Final = {"pieces": 8000, "width": 128, "filters": 256, "vector": 256, "transfer": -1, "epochs": 0}
QUANTIZE: Final = {"ways": ("static_table8", "static_table4", "table8", "table4"), "tolerance": 0.005}
AXES: Final = "axes.pt"
_KERNEL: Final = 3
_SAMPLES: Final = 400
_TIMED: Final = 64


def data(bench: Workbench) -> None:
    """Load the texts."""
    corpus, probes = gathered(bench.recipe.data, bench.data_root, bench.seed)
    corpus.save(bench.folder)
    save_probes(bench.folder, probes)
    for finding in corpus.findings:
        bench.say(finding.sentence)
    bench.say(", ".join(f"{len(part):,} {name}" for name, part in corpus.parts.items()) + " texts.")


def teacher(bench: Workbench) -> None:
    """Note which encoder teaches, and how much of a text it reads; it is not changed."""
    name = text(bench.options(), "encoder")
    whole = EncoderPieces(encoder_directory(name), 512)
    lengths = [len(row) for row in whole.ids(load_texts(bench.of("data")).train.texts)]
    facts = {"encoder": name, "max_tokens": integer(bench.options(), "max_tokens") or token_limit(lengths)}
    (bench.folder / FACTS).write_text(json.dumps(facts) + "\n", "utf-8")
    bench.say(f"The teacher is {name} as it is; it reads {facts['max_tokens']} tokens.")


def load_encoder(bench: Workbench) -> Teacher:
    """Return the teacher; its head means nothing here."""
    facts = json.loads((bench.of("teacher") / FACTS).read_text("utf-8"))
    directory = encoder_directory(facts["encoder"])
    return Teacher(EncoderClassifier(directory, 1), EncoderPieces(directory, facts["max_tokens"]), directory)


def distilled(bench: Workbench) -> None:
    """Teach the student where the teacher places texts."""
    start(bench)
    corpus, encoder, options = load_texts(bench.of("data")), load_encoder(bench), bench.options()
    own = list(corpus.train.texts)
    work = student_work(
        [len(row) for row in encoder.pieces.ids(own)], 0, core_seconds(bench.budget_s, bench.threads)
    )
    own = own[: work.own]
    count = integer(options, "transfer") if integer(options, "transfer") >= 0 else work.transfer
    table = encoder.model.encoder.get_input_embeddings().weight.detach()
    near = Neighbours(encoder.pieces.tokenizer, table)
    every = [*own, *more_texts(own, count, near, random.Random(bench.seed))]
    lesson = lesson_of(encoder, every, bench.scratch, bench.bar("texts that the teacher places", len(every)))
    vectors = nn.functional.normalize(lesson.embeddings, dim=1)
    axes = main_axes(vectors[: len(own)], integer(options, "vector"))
    targets = nn.functional.normalize(vectors @ axes, dim=1)
    epochs = integer(options, "epochs") or work.epochs
    pupil = _new_pupil(bench, encoder, every)
    _teach(bench, pupil, encoder, every, targets, epochs)
    pupil.save(bench.folder)
    torch.save({"axes": axes}, bench.folder / AXES)
    bench.say(f"The student learned from {len(every):,} texts in {epochs} epochs, {count:,} of them made up.")


def _new_pupil(bench: Workbench, encoder: Teacher, every: Sequence[str]) -> Pupil:
    options = bench.options()
    pieces = matter_most(encoder.pieces.tokenizer, every, integer(options, "pieces"))
    filters = ((_KERNEL, integer(options, "filters")),)
    torch.manual_seed(bench.seed)
    shape = Shape(len(pieces), integer(options, "width"), filters, integer(options, "vector"))
    model = TextStudent(shape, drop=0.0)
    with torch.no_grad():
        model.embed.weight.copy_(warm_start(encoder.model, encoder.pieces, pieces, shape.width))
    return Pupil(model, small_tokenizer(pieces), encoder.pieces.max_tokens)


def _teach(
    bench: Workbench,
    pupil: Pupil,
    encoder: Teacher,
    every: Sequence[str],
    targets: torch.Tensor,
    epochs: int,
) -> None:
    bar = bench.bar("epochs of the student", epochs)
    probe = TextStudent(pupil.model.shape)
    validation = load_texts(bench.of("data")).validation.texts
    rows, wanted = pupil.rows(validation), teacher_vectors(encoder, validation)

    def report(loss: float, weights: Mapping[str, torch.Tensor]) -> None:
        probe.load_state_dict(weights)
        bar.advance(1, f"loss {loss:.3f}, validation {rank_correlation(logits_of(probe, rows), wanted):.4f}")

    kept = bench.scratch / "student.pt"
    plan = EmbedPlan(epochs)
    distill_vectors(
        pupil.model, pupil.rows(every), targets, plan, seed=bench.seed, checkpoint=kept, report=report
    )


def teacher_vectors(encoder: Teacher, some: Sequence[str]) -> np.ndarray:
    """Return the teacher's vectors of texts, [texts, width]."""
    return teach(encoder.model, encoder.pieces.ids(some)).embeddings.double().numpy()


def handed_on(bench: Workbench) -> None:
    """Hand the student on: a small embedder has no filters to spare."""
    load_pupil(bench.of("distill")).save(bench.folder)
    bench.say("Nothing was pruned.")


def quantized(bench: Workbench) -> None:
    """Quantize in several ways; the similarities of the validation texts choose."""
    start(bench)
    corpus, pupil, encoder = load_texts(bench.of("data")), load_pupil(bench.of("prune")), load_encoder(bench)
    validation = corpus.validation.texts
    wanted = teacher_vectors(encoder, validation)
    exact = exact_student(pupil.model)
    train = corpus.train.texts
    samples = student_feeds(pupil, train[:: max(1, len(train) // _SAMPLES)])

    def quality(model: bytes) -> float:
        return rank_correlation(student_judge(model, pupil)(validation), wanted)

    found = candidates(exact, samples, texts(bench.options(), "ways"))
    trials = tried(found, quality, student_feeds(pupil, validation[:_TIMED]))
    chosen = best(trials, number(bench.options(), "tolerance"))
    (bench.folder / EXACT).write_bytes(export.plain_bytes(exact))
    (bench.folder / MODEL).write_bytes(chosen.candidate.model)
    choice = {
        "way": chosen.candidate.way,
        "alone": chosen.candidate.alone,
        "batch_why": chosen.candidate.batch_why,
        "trials": [trial.as_json() for trial in trials],
    }
    (bench.folder / CHOICE).write_text(json.dumps(choice, indent=2) + "\n", "utf-8")
    listed = "; ".join(
        f"{t.candidate.way} {t.quality:.4f}, {len(t.candidate.model) / 1e6:.2f} MB" for t in trials
    )
    bench.say(
        f"Quantized as {chosen.candidate.way}, chosen by rank correlation on validation texts: {listed}."
    )


def calibrated(bench: Workbench) -> None:
    """Nothing to choose: an embedder's answer has no right or wrong of its own."""
    bench.say(
        "An embedding has no confidence of its own to calibrate; it says how much of a text it can spell."
    )
