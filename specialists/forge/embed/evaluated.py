"""The stage `evaluate` of the task `embed`: are texts as near to each other as the teacher says, and is that useful."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from specialists.forge.classify.costs import costs_of
from specialists.forge.classify.judge import exact_teacher, student_judge
from specialists.forge.classify.quantized import EXACT, MODEL
from specialists.forge.classify.taught import load_pupil
from specialists.forge.classify.teacher import start
from specialists.forge.embed.likeness import Floats, nearest_labels, pairs_of, similarities, spearman
from specialists.forge.embed.stages import load_encoder, teacher_vectors
from specialists.forge.embed.texts import Probe, load_probes, load_texts
from specialists.forge.measures import Measure, bootstrap, share
from specialists.forge.pipeline.evaluation import EVALUATION_FILE
from specialists.forge.pipeline.stages import Workbench

_ROUNDS: Final = 200
Vectors = Callable[[Sequence[str]], Floats]


def evaluated(bench: Workbench) -> None:
    """Write evaluation.json: the headline is the accuracy of nearest neighbours, or the rank correlation."""
    start(bench)
    corpus, encoder, pupil = load_texts(bench.of("data")), load_encoder(bench), load_pupil(bench.of("prune"))
    probes = load_probes(bench.of("data"))
    teacher_file = bench.scratch / "teacher.onnx"
    teacher_file.write_bytes(exact_teacher(encoder))
    quantize = bench.of("quantize")
    files = {"teacher": teacher_file, "student_fp32": quantize / EXACT, "student_int8": quantize / MODEL}
    sources: dict[str, Vectors] = {
        "teacher": lambda some: teacher_vectors(encoder, some),
        "student_fp32": student_judge(files["student_fp32"].read_bytes(), pupil),
        "student_int8": student_judge(files["student_int8"].read_bytes(), pupil),
    }
    test = corpus.test.texts
    wanted = sources["teacher"](test)
    costs = costs_of(files, encoder, pupil, test)
    parts = {
        name: {"quality": _quality(source, test, wanted, probes), **costs[name]}
        for name, source in sources.items()
    }
    document = {
        "task": "embed",
        "classes": 0,
        **parts,
        "headline": "accuracy" if probes else "rank_correlation",
        "shipped": "student_int8",
        "extra": {"width": pupil.model.shape.classes},
    }
    (bench.folder / EVALUATION_FILE).write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def _quality(
    source: Vectors, test: Sequence[str], wanted: Floats, probes: Sequence[Probe]
) -> dict[str, dict[str, object]]:
    found: dict[str, Measure] = {}
    for number, probe in enumerate(probes):
        guess = nearest_labels(source(probe.train.texts), probe.train.labels, source(probe.test.texts))
        hits = np.array([a == b for a, b in zip(guess, probe.test.labels, strict=True)])
        name = "accuracy" if number == 0 else f"accuracy_{probe.name}"
        found[name] = share(hits, f"{probe.name} test part, five nearest of its training part")
    pairs = pairs_of(len(test))
    mine, theirs = similarities(source(test), pairs), similarities(wanted, pairs)
    found["rank_correlation"] = bootstrap(
        lambda rows: spearman(mine[rows], theirs[rows]), len(pairs), "pairs of held-out texts", rounds=_ROUNDS
    )
    return {name: measure.as_json() for name, measure in found.items()}
