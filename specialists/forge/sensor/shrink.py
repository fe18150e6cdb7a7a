"""The stages of the task anomaly after learning: quantize, and calibrate on streams of the validation part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

from specialists.forge import export
from specialists.forge.measures import temperature_of
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.quantize import best, candidates, facts_of, listed, tried
from specialists.forge.sensor.blocks import Blocks, Floats, blocks, faults_of, logits_of, ordinary_news
from specialists.forge.sensor.learn import as_onnx, load_judge, load_rows, start_torch
from specialists.forge.sensor.recording import load, pool_of
from specialists.kinds.usual import NEWS_BEGIN
from specialists.kinds.verdict import score_of

EXACT: Final = "student_fp32.onnx"
QUANTIZED: Final = "student_int8.onnx"
CHOICE: Final = "choice.json"
CALIBRATION: Final = "calibration.json"
_WAYS: Final = ("static", "exact")
_TOLERATED: Final = 0.003
_SAMPLES: Final = 400
_TIMED: Final = 32
_RANGE: Final = (0.0005, 0.9995)
_HIGHEST: Final = 0.49
_EDGE: Final = 1e-6


def quantized(bench: Workbench) -> None:
    """Quantize, and keep the smallest model that ranks validation windows as well as the exact one."""
    start_torch(bench)
    rows = load_rows(bench.of("teacher"))
    exact = as_onnx(load_judge(bench.of("prune")), rows)
    (bench.folder / EXACT).write_bytes(export.plain_bytes(exact))
    windows = validation(bench)
    rng = np.random.default_rng(bench.seed)
    picked = rng.choice(len(rows), min(len(rows), _SAMPLES * 64), replace=False)
    samples = [{"rows": part} for part in np.array_split(rows.features[picked], _SAMPLES)]
    trials = tried(
        candidates(exact, samples, _WAYS), lambda model: _quality(model, windows), samples[:_TIMED]
    )
    chosen = best(trials, _TOLERATED)
    (bench.folder / QUANTIZED).write_bytes(chosen.candidate.model)
    (bench.folder / CHOICE).write_text(json.dumps(facts_of(chosen, trials), indent=1), "utf-8")
    bench.say(f"Quantized {chosen.candidate.way}. Average precision on validation windows: {listed(trials)}.")


def calibrate(bench: Workbench) -> None:
    """Choose temperature, threshold and the growth of confidence, and note the range of each feature."""
    windows = validation(bench)
    logits = logits_of((bench.of("quantize") / QUANTIZED).read_bytes(), windows)
    counted = windows.rows_count
    pairs = np.stack([np.zeros(counted.sum()), logits[counted]], axis=1)
    temperature = temperature_of(pairs, windows.rows_faulty[counted].astype(int))
    scores = faults_of(logits, temperature) / 2
    alarms = float(str(bench.options()["false_alarms"]))
    ordinary = scores[~windows.faulty]
    threshold = min(float(np.quantile(ordinary, 1 - alarms)), _HIGHEST)
    rng = np.random.default_rng([bench.seed, 4])
    pool = pool_of(load(bench.of("data"), "validation"))
    news = ordinary_news(pool, int(str(bench.options()["streams"])), rng, 0.5)
    least = max(NEWS_BEGIN, float(np.quantile(news, 1 - float(str(bench.options()["new_alarms"])))))
    features = load_rows(bench.of("teacher")).features
    low, high = np.quantile(features, _RANGE, axis=0)
    found = {
        "temperature": round(temperature, 4),
        "threshold": round(threshold, 4),
        "news_threshold": round(score_of(0.0, least), 4),
        "slope": round(slope_of(scores, windows.faulty, threshold), 4),
        "unsure_below": 0.6,
        "lowest": [round(float(value), 3) for value in low],
        "highest": [round(float(value), 3) for value in high],
    }
    (bench.folder / CALIBRATION).write_text(json.dumps(found), "utf-8")
    share = float((scores[windows.faulty] >= threshold).mean())
    bench.say(
        f"Threshold {threshold:.3f}: of the validation windows, {alarms:.1%} of the ordinary ones and {share:.0%} of "
        "those with a fault are above it."
    )


def validation(bench: Workbench) -> Blocks:
    """Return windows of the validation part, the same at each call."""
    rng = np.random.default_rng([bench.seed, 2])
    count = int(str(bench.options("calibrate")["streams"]))
    return blocks(pool_of(load(bench.of("data"), "validation")), count, rng, 0.5)


def slope_of(scores: Floats, faulty: npt.NDArray[np.bool_], threshold: float) -> float:
    """Return how fast confidence must grow with the distance to the threshold to match how often it is right."""
    inside = np.clip(scores, _EDGE, 1 - _EDGE)
    distance = np.abs(np.log(inside / (1 - inside)) - np.log(threshold / (1 - threshold)))
    right = ((scores >= threshold) == faulty).astype(int)
    return 1 / temperature_of(np.stack([np.zeros_like(distance), distance], 1), right)


def read_calibration(folder: Path) -> dict[str, object]:
    """Return what the stage calibrate left."""
    found = json.loads((folder / CALIBRATION).read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def _quality(model: bytes, windows: Blocks) -> float:
    return float(average_precision_score(windows.faulty, faults_of(logits_of(model, windows), 1.0)))
