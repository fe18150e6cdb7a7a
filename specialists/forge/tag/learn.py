"""The stages of the task that learn: data, teacher, distill."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from tokenizers import Tokenizer

from specialists.forge.classify.transfer import Neighbours
from specialists.forge.classify.vocabulary import matter_most, small_tokenizer
from specialists.forge.data.findings import counted
from specialists.forge.encoders import encoder_directory
from specialists.forge.pipeline.options import integer
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.report.curves import Course
from specialists.forge.sources.values import MarkedText
from specialists.forge.tag.corpus import TagCorpus, load_corpus, read_texts, write_texts
from specialists.forge.tag.distill import Lot, StudentPlan, distill
from specialists.forge.tag.encoder import EncoderTagger, Lesson, teach
from specialists.forge.tag.files import (
    TEACHER,
    TEACHER_ONNX,
    as_onnx,
    load_teacher,
    save_student,
    student_rows,
    teacher_rows,
)
from specialists.forge.tag.finetune import TeacherPlan, fine_tune
from specialists.forge.tag.plan import student_work, teacher_work
from specialists.forge.tag.rows import RowMaker
from specialists.forge.tag.start import warm_start
from specialists.forge.tag.student import Size, TagStudent
from specialists.forge.tag.transfer import Maker, Transfer

LESSON: Final = "lesson.pt"
TRANSFER: Final = "transfer.jsonl"
SURE: Final = "sure.npy"
_DILATIONS: Final = (1, 2, 4)


def encoder_of(bench: Workbench) -> Path:
    """Return the directory of the encoder that the teacher starts from."""
    return encoder_directory(str(bench.options("teacher")["encoder"]))


def start_torch(bench: Workbench) -> None:
    """Make what torch computes follow from the seed and the number of threads."""
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(bench.threads)
    torch.manual_seed(bench.seed)


def teacher(bench: Workbench) -> None:
    """Fine-tune the encoder on the marks and intents; leave it for torch and as ONNX."""
    start_torch(bench)
    corpus = load_corpus(bench.of("data"))
    encoder = encoder_of(bench)
    maker = teacher_rows(encoder, corpus.inventory)
    tokens = sum(len(maker.row(text).ids) for text in corpus.train)
    plan = TeacherPlan(epochs=integer(bench.options(), "epochs"))
    work = teacher_work(len(corpus.train), tokens, plan.batch, plan.epochs, bench.budget_s)
    texts = list(corpus.train)
    if work.texts < len(texts):
        random.Random(f"teacher:{bench.seed}").shuffle(texts)
        bench.say(
            f"The budget is enough for the teacher to read {work.texts:,} of {len(texts):,} texts "
            f"{counted(work.epochs, 'time')}; a larger --budget makes it better."
        )
    model = EncoderTagger(encoder, len(corpus.inventory.tags), len(corpus.inventory.intents))
    course = Course(bench, bench.bar("passes over the texts", work.epochs))
    fine_tune(
        model,
        texts[: work.texts],
        maker,
        TeacherPlan(epochs=work.epochs),
        seed=bench.seed,
        checkpoint=bench.scratch / TEACHER,
        report=course,
    )
    torch.save(model.state_dict(), bench.folder / TEACHER)
    exported = as_onnx(model.eval(), maker.row(corpus.train[0]), len(corpus.inventory.intents))
    (bench.folder / TEACHER_ONNX).write_bytes(exported.SerializeToString(deterministic=True))


def distilled(bench: Workbench) -> None:
    """Let the teacher label transfer texts, and teach a student what it says."""
    start_torch(bench)
    corpus = load_corpus(bench.of("data"))
    encoder = encoder_of(bench)
    model = load_teacher(bench.of("teacher"), encoder, corpus.inventory)
    whole = Tokenizer.from_file(str(encoder / "tokenizer.json"))
    maker = teacher_rows(encoder, corpus.inventory)
    tokens = sum(len(maker.row(text).ids) for text in corpus.train)
    most = integer(bench.options(), "transfer")
    work = student_work(len(corpus.train), tokens, most, integer(bench.options(), "epochs"), bench.budget_s)
    lot = _texts(corpus, model, whole, work.texts, bench.seed)
    student, tokenizer = _beginner(bench, corpus, model, whole, [item.text.text for item in lot])
    _write_lot(bench, model, maker, lot)
    save_student(bench.folder, student, tokenizer)
    taught = _lot(bench.folder, corpus)
    course = Course(bench, bench.bar("passes over the transfer texts", work.epochs))
    distill(
        student,
        taught,
        StudentPlan(epochs=work.epochs),
        seed=bench.seed,
        checkpoint=bench.scratch / "student.pt",
        report=course,
    )
    save_student(bench.folder, student, tokenizer)
    bench.say(
        f"The teacher labelled {len(lot):,} texts, {min(len(lot), len(corpus.train)):,} of them given; the student "
        f"read them {counted(work.epochs, 'time')}."
    )


def _texts(
    corpus: TagCorpus, model: EncoderTagger, whole: Tokenizer, count: int, seed: int
) -> list[Transfer]:
    """Return `count` texts: the given, other texts without marks (a third of the rest at most), and made ones."""
    given = [Transfer(text, sure=True) for text in corpus.train]
    rng = random.Random(f"transfer:{seed}")
    rng.shuffle(given)
    given = given[:count]
    others = list(corpus.unlabelled)
    rng.shuffle(others)
    found = [
        *given,
        *(Transfer(MarkedText(text, ()), sure=False) for text in others[: (count - len(given)) // 3]),
    ]
    table = model.encoder.get_input_embeddings().weight.detach()
    return [*found, *Maker(corpus.train, Neighbours(whole, table), seed).more(count - len(found))]


def _write_lot(bench: Workbench, model: EncoderTagger, maker: RowMaker, lot: Sequence[Transfer]) -> None:
    """Write the transfer texts and what the teacher says of them.

    A build that is killed later in the stage does not ask the teacher again.
    """
    kept = bench.scratch / LESSON
    if not kept.exists():
        bar = bench.bar("texts for the teacher to label", len(lot))
        lesson = teach(model, [maker.row(item.text) for item in lot], bar.advance)
        fresh = kept.with_suffix(".fresh")
        torch.save(
            {"words": lesson.words, "intents": lesson.intents, "pooled": lesson.pooled.to(torch.float16)},
            fresh,
        )
        fresh.replace(kept)
    shutil.copyfile(kept, bench.folder / LESSON)
    write_texts(bench.folder / TRANSFER, [item.text for item in lot])
    np.save(bench.folder / SURE, np.array([item.sure for item in lot]))


def load_lot(bench: Workbench) -> Lot:
    """Return what the student learned from in the stage `distill`."""
    return _lot(bench.of("distill"), load_corpus(bench.of("data")))


def _lot(folder: Path, corpus: TagCorpus) -> Lot:
    maker = student_rows(folder, corpus.inventory)
    lesson = Lesson(**torch.load(folder / LESSON, weights_only=True))
    rows = [maker.row(text) for text in read_texts(folder / TRANSFER)]
    return Lot(rows, torch.from_numpy(np.load(folder / SURE)), lesson)


def _beginner(
    bench: Workbench, corpus: TagCorpus, model: EncoderTagger, whole: Tokenizer, texts: Sequence[str]
) -> tuple[TagStudent, str]:
    """Return a student that knows of the commonest pieces of `texts` what the teacher knows, and its tokenizer."""
    pieces = matter_most(whole, texts, integer(bench.options(), "pieces"))
    size = Size(
        pieces=len(pieces),
        width=integer(bench.options(), "width"),
        filters=integer(bench.options(), "filters"),
        dilations=_DILATIONS,
        tags=len(corpus.inventory.tags),
        intents=len(corpus.inventory.intents),
    )
    torch.manual_seed(bench.seed)
    student = TagStudent(size)
    with torch.no_grad():
        student.embed.weight.copy_(warm_start(model, whole, pieces, size.width))
    return student, small_tokenizer(pieces).to_str()
