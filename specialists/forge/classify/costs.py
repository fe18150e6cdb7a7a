"""What teacher and student cost side by side: bytes, parameters, time and memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from specialists.forge.classify.judge import student_feeds, teacher_feeds
from specialists.forge.classify.taught import Pupil
from specialists.forge.classify.teacher import Teacher
from specialists.forge.footprint import model_footprint
from specialists.forge.timing import Feeds, onnx_call, side_by_side

_TIMED: Final = 200


def costs_of(
    files: Mapping[str, Path], teacher: Teacher, pupil: Pupil, texts: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return bytes, parameters, times and memory of each model: one thread, one text at a time, nothing padded."""
    some = list(texts[:: max(1, len(texts) // _TIMED)][:_TIMED])
    feeds: dict[str, list[Feeds]] = {name: student_feeds(pupil, some) for name in files}
    feeds["teacher"] = teacher_feeds(teacher, some)
    times = side_by_side({name: onnx_call(files[name], feeds[name]) for name in files})
    counts = {name: sum(p.numel() for p in pupil.model.parameters()) for name in files}
    counts["teacher"] = sum(p.numel() for p in teacher.model.parameters())
    return {
        name: {
            "bytes": path.stat().st_size,
            "parameters": counts[name],
            "p50_ms": round(times[name].p50_ms, 4),
            "p99_ms": round(times[name].p99_ms, 4),
            "rss_mb": round(model_footprint(path, feeds[name][0]).rss_mb, 1),
        }
        for name, path in files.items()
    }
