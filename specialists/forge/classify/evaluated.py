"""The stage `evaluate`: teacher and student side by side on the test part, which nothing looked at before."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from specialists.forge.classify.calibrated import Scales, load_scales
from specialists.forge.classify.costs import costs_of
from specialists.forge.classify.judge import (
    Judge,
    Logits,
    exact_teacher,
    student_judge,
    teacher_judge,
)
from specialists.forge.classify.material import Material, load_material
from specialists.forge.classify.quantized import EXACT, MODEL
from specialists.forge.classify.scored import Scored, beside, per_class, quality
from specialists.forge.classify.taught import load_pupil
from specialists.forge.classify.teacher import Teacher, load_teacher, start
from specialists.forge.pipeline.evaluation import EVALUATION_FILE
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.typos import worn

_WORN: Final = 1000
_RATE: Final = 0.15


def evaluated(bench: Workbench) -> None:
    """Write evaluation.json."""
    start(bench)
    material = load_material(bench.of("data"))
    teacher, pupil = load_teacher(bench), load_pupil(bench.of("prune"))
    scales = load_scales(bench.of("calibrate"))
    files = _files(bench, teacher)
    judges = {
        "teacher": teacher_judge(teacher),
        "student_fp32": student_judge(files["student_fp32"].read_bytes(), pupil),
        "student_int8": student_judge(files["student_int8"].read_bytes(), pupil),
    }
    scored = {name: _scored(judge, material, scales[name]) for name, judge in judges.items()}
    costs = costs_of(files, teacher, pupil, material.corpus.test.texts)
    classes = material.corpus.classes
    document = {
        "task": "classify",
        "classes": len(classes),
        **{name: {"quality": quality(scored[name]), **costs[name]} for name in scored},
        "headline": "accuracy",
        "shipped": "student_int8",
        "per_class": per_class(scored["student_int8"], classes),
        "robustness": _robustness(judges, material, bench.seed),
        "extra": beside(scored["student_int8"], classes),
    }
    (bench.folder / EVALUATION_FILE).write_text(
        json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8"
    )


def _files(bench: Workbench, teacher: Teacher) -> dict[str, Path]:
    """Return the file of each model; the teacher's is written to scratch, since it is only measured."""
    path = bench.scratch / "teacher.onnx"
    path.write_bytes(exact_teacher(teacher))
    quantized = bench.of("quantize")
    return {"teacher": path, "student_fp32": quantized / EXACT, "student_int8": quantized / MODEL}


def _scored(judge: Judge, material: Material, scales: Scales) -> Scored:
    test, outside = material.corpus.test, material.outside["test"]
    strangers = judge(outside) if outside else None
    where = str(material.corpus.files[0]["name"]) if material.corpus.files else "the data"
    return Scored(
        judge(test.texts), np.array(material.numbers(test)), strangers, scales, f"{where}, test part"
    )


def _robustness(judges: Mapping[str, Judge], material: Material, seed: int) -> dict[str, object]:
    """Return each model's accuracy on some test texts as they are, in capitals, and mistyped."""
    test = material.corpus.test
    some = range(0, len(test), max(1, len(test) // _WORN))
    wanted = np.array(material.numbers(test))[list(some)]
    texts = [test.texts[i] for i in some]
    rng = random.Random(seed)
    forms = {
        "as_it_is": texts,
        "capitals": [text.upper() for text in texts],
        "mistyped": [worn(text, rng, _RATE) for text in texts],
    }
    return {
        "texts": len(texts),
        **{
            form: {name: _share(judge(rows), wanted) for name, judge in judges.items()}
            for form, rows in forms.items()
        },
    }


def _share(logits: Logits, wanted: np.ndarray) -> float:
    return round(float((logits.argmax(axis=1) == wanted).mean()), 4)
