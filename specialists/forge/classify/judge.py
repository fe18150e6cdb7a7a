"""Asking models for logits: the teacher in torch, the student's files as a node runs them, one text at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import onnx

from specialists.engine.tokenize import padded
from specialists.forge import export
from specialists.forge.classify.encoder import boxed, teach
from specialists.forge.classify.student import TextStudent
from specialists.forge.classify.taught import Pupil
from specialists.forge.classify.teacher import Teacher
from specialists.forge.timing import Feeds, one_thread

Logits = npt.NDArray[np.float64]
Judge = Callable[[Sequence[str]], Logits]
_AXES = {0: "batch", 1: "tokens"}


def teacher_judge(teacher: Teacher) -> Judge:
    """Return what gives the teacher's logits [texts, classes]."""
    return lambda texts: teach(teacher.model, teacher.pieces.ids(texts)).logits.double().numpy()


def student_judge(model: bytes, pupil: Pupil) -> Judge:
    """Return what gives the logits of a student's ONNX file, each text in a run of its own."""
    session = one_thread(model)

    def judge(texts: Sequence[str]) -> Logits:
        found = [session.run(None, feed)[0] for feed in student_feeds(pupil, texts)]
        return np.concatenate(found).astype(np.float64)

    return judge


def student_feeds(pupil: Pupil, texts: Sequence[str]) -> list[Feeds]:
    """Return what the student's file is fed for each text."""
    return [{"ids": padded([row])} for row in pupil.rows(texts)]


def teacher_feeds(teacher: Teacher, texts: Sequence[str]) -> list[Feeds]:
    """Return what the teacher's file is fed for each text, not padded."""
    rows = [np.array([row], dtype=np.int64) for row in teacher.pieces.ids(texts)]
    return [{"ids": row, "mask": np.ones_like(row)} for row in rows]


def exact_student(model: TextStudent) -> onnx.ModelProto:
    """Return the student as float32 ONNX: ids [batch, tokens] -> logits [batch, classes]."""
    sample = {"ids": np.ones((2, 12), dtype=np.int64)}
    return export.to_onnx(model, sample, ["logits"], {"ids": _AXES, "logits": {0: "batch"}})


def exact_teacher(teacher: Teacher) -> bytes:
    """Return the teacher as float32 ONNX: ids and mask [batch, tokens] -> logits [batch, classes]."""
    ids, mask = boxed(teacher.pieces.ids(["a text", "another and longer one"]))
    axes = {"ids": _AXES, "mask": _AXES, "logits": {0: "batch"}}
    sample = {"ids": ids.numpy(), "mask": mask.numpy()}
    return export.to_onnx(teacher.model, sample, ["logits"], axes).SerializeToString()
