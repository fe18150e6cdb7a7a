"""What the teacher says of many texts, computed in lots that a killed build does not compute again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch

from specialists.forge.classify.encoder import Lesson, teach
from specialists.forge.classify.teacher import Teacher
from specialists.forge.pipeline.stages import Bar

_LOT: Final = 4096


def lesson_of(teacher: Teacher, texts: Sequence[str], scratch: Path, bar: Bar) -> Lesson:
    """Return embeddings and logits of `texts`; finished lots are kept in `scratch`."""
    lots = [
        _lot(teacher, texts[begin : begin + _LOT], scratch / f"lesson-{begin}.pt", bar)
        for begin in range(0, len(texts), _LOT)
    ]
    return Lesson(torch.cat([lot.embeddings for lot in lots]), torch.cat([lot.logits for lot in lots]))


def _lot(teacher: Teacher, texts: Sequence[str], kept: Path, bar: Bar) -> Lesson:
    if kept.exists():
        saved = torch.load(kept, weights_only=True)
        lesson = Lesson(saved["embeddings"], saved["logits"])
    else:
        lesson = teach(teacher.model, teacher.pieces.ids(texts))
        fresh = kept.with_suffix(".fresh")
        torch.save({"embeddings": lesson.embeddings, "logits": lesson.logits}, fresh)
        fresh.replace(kept)
    bar.advance(len(texts))
    return lesson
