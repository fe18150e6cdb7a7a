"""The stage `quantize`: the student as ONNX, quantized in several ways, of which validation data choose one."""

from __future__ import annotations

import json
from typing import Final

import numpy as np

from specialists.forge import export
from specialists.forge.classify.judge import exact_student, student_feeds, student_judge
from specialists.forge.classify.material import load_material
from specialists.forge.classify.taught import load_pupil
from specialists.forge.classify.teacher import start
from specialists.forge.pipeline.options import number, texts
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.quantize import best, candidates, tried

MODEL: Final = "model.onnx"
EXACT: Final = "exact.onnx"
CHOICE: Final = "quantize.json"
DEFAULTS: Final = {"ways": ("static", "static_table8", "static_table4", "dynamic"), "tolerance": 0.001}
"""`tolerance` is the accuracy on validation data that a smaller model may lose against the best way."""
_TEXTS: Final = 1.5
"""A difference of one text on validation data is no difference."""
_SAMPLES: Final = 400
_TIMED: Final = 64


def quantized(bench: Workbench) -> None:
    """Write the exact model, the chosen one, and what was tried."""
    start(bench)
    material = load_material(bench.of("data"))
    pupil = load_pupil(bench.of("prune"))
    exact = exact_student(pupil.model)
    train, validation = material.corpus.train.texts, material.corpus.validation.texts
    samples = student_feeds(pupil, train[:: max(1, len(train) // _SAMPLES)])
    wanted = np.array(material.numbers(material.corpus.validation))

    def quality(model: bytes) -> float:
        return float((student_judge(model, pupil)(validation).argmax(1) == wanted).mean())

    found = candidates(exact, samples, texts(bench.options(), "ways"))
    trials = tried(found, quality, student_feeds(pupil, validation[:_TIMED]))
    chosen = best(trials, max(number(bench.options(), "tolerance"), _TEXTS / len(validation)))
    content = export.plain_bytes(exact)
    (bench.folder / EXACT).write_bytes(content)
    (bench.folder / MODEL).write_bytes(chosen.candidate.model)
    choice = {
        "way": chosen.candidate.way,
        "alone": chosen.candidate.alone,
        "batch_why": chosen.candidate.batch_why,
        "exact": {"bytes": len(content), "quality": round(quality(content), 4)},
        "trials": [trial.as_json() for trial in trials],
    }
    (bench.folder / CHOICE).write_text(json.dumps(choice, indent=2) + "\n", "utf-8")
    listed = "; ".join(
        f"{t.candidate.way} {t.quality:.4f}, {len(t.candidate.model) / 1e6:.2f} MB" for t in trials
    )
    bench.say(
        f"Quantized as {chosen.candidate.way}, chosen on validation accuracy (exact {quality(content):.4f}): {listed}."
    )
