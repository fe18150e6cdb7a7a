"""The stage `evaluate` of the task anomaly: faults in held-out series for all models, labels for the shipped one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from sklearn.metrics import average_precision_score

from specialists.forge.footprint import model_footprint
from specialists.forge.measures import Measure, bootstrap, calibration_error, ranking, share
from specialists.forge.pipeline.evaluation import EVALUATION_FILE
from specialists.forge.pipeline.rehearsal import rehearse
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.sensor.blocks import Blocks, Floats, blocks, faults_of, logits_of
from specialists.forge.sensor.draft import anomaly_draft
from specialists.forge.sensor.labelled import labelled
from specialists.forge.sensor.learn import TEACHER_ONNX
from specialists.forge.sensor.recording import load, pool_of
from specialists.forge.sensor.shrink import EXACT, QUANTIZED, read_calibration
from specialists.forge.timing import onnx_call, side_by_side
from specialists.kinds.verdict import BLOCK

_TIMED: Final = 32


def evaluate(bench: Workbench) -> None:
    """Measure quality, size, time and memory, the shipped model also as a specialist on labelled series."""
    rng = np.random.default_rng([bench.seed, 3])
    pool = pool_of(load(bench.of("data"), "test"))
    windows = blocks(pool, int(str(bench.options()["streams"])), rng, 1.0)
    where = f"windows of {BLOCK} rows with faults put in, {tested_on(bench, len(pool))}"
    files = {
        "teacher": bench.of("teacher") / TEACHER_ONNX,
        "student_fp32": bench.of("quantize") / EXACT,
        "student_int8": bench.of("quantize") / QUANTIZED,
    }
    feeds = [{"rows": window} for window in windows.features[:_TIMED]]
    times = side_by_side({name: onnx_call(file, feeds) for name, file in files.items()})
    found = read_calibration(bench.of("calibrate"))
    document: dict[str, object] = {"task": "anomaly", "classes": 2, "headline": "auroc"}
    for name, file in files.items():
        scores = faults_of(logits_of(file.read_bytes(), windows), _number(found, "temperature"))
        document[name] = {
            "quality": {n: m.as_json() for n, m in _quality(scores, windows, where).items()},
            "bytes": file.stat().st_size,
            "parameters": _parameters(file),
            "p50_ms": round(times[name].p50_ms, 4),
            "p99_ms": round(times[name].p99_ms, 4),
            "rss_mb": round(model_footprint(file, feeds[0]).rss_mb, 1),
        }
    specialist = rehearse(bench.recipe, anomaly_draft(bench), bench.scratch / "rehearsal")
    shipped = document["student_int8"]
    assert isinstance(shipped, dict)
    scores = (
        faults_of(logits_of(files["student_int8"].read_bytes(), windows), _number(found, "temperature")) / 2
    )
    threshold = _number(found, "threshold")
    shipped["quality"] |= {
        "found": share(scores[windows.faulty] >= threshold, where).as_json(),
        "false_alarms": share(scores[~windows.faulty] >= threshold, where).as_json(),
    }
    figures, extra = labelled(specialist, bench)
    shipped["quality"] |= {name: figure.as_json() for name, figure in figures.items()}
    document["extra"] = extra
    (bench.folder / EVALUATION_FILE).write_text(json.dumps(document, indent=1, ensure_ascii=False), "utf-8")


def _quality(scores: Floats, windows: Blocks, where: str) -> dict[str, Measure]:
    faulty = windows.faulty

    def precision(rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> float:
        return (
            float(average_precision_score(faulty[rows], scores[rows])) if faulty[rows].any() else float("nan")
        )

    confidence = np.maximum(scores, 1 - scores)
    right = (scores >= 0.5) == faulty
    return {
        "auroc": ranking(faulty, scores, where),
        "average_precision": bootstrap(precision, len(faulty), where, rounds=100),
        "ece": bootstrap(
            lambda rows: calibration_error(confidence[rows], right[rows]), len(faulty), where, rounds=100
        ),
    }


def _parameters(file: Path) -> int:
    return int(
        sum(np.prod(tensor.dims) for tensor in onnx.load(file).graph.initializer if len(tensor.dims) > 1)
    )


def _number(found: Mapping[str, object], name: str) -> float:
    value = found[name]
    assert isinstance(value, int | float)
    return float(value)


def tested_on(bench: Workbench, stretches: int) -> str:
    """Return what faults are put into: the test part, or made-up signals where that is too short, which is said."""
    if not stretches:
        bench.say("The test part has no quiet stretch of 100 rows: the figures are of made-up signals.")
        return "made-up signals"
    return f"{bench.recipe.data.source or Path(bench.recipe.data.path or '').name}, test part"
