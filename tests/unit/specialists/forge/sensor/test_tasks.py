"""The tasks anomaly and describe go from a file of series to a specialist that answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the forge is not installed")

from rich.console import Console

from specialists.forge.pipeline.build import Place, build
from specialists.forge.pipeline.cache import Cache
from specialists.forge.pipeline.evaluation import read_evaluation
from specialists.forge.pipeline.progress import reporter_for
from specialists.forge.recipe import Recipe, from_options
from specialists.forge.sensor.gather import is_test
from specialists.forge.tasks import load as load_task
from specialists.kinds.base import Answer
from specialists.load import Specialist, load

TINY: dict[str, dict[str, dict[str, object]]] = {
    "anomaly": {
        "teacher": {"streams": 6, "judges": 1, "widths": [16, 8], "epochs": 1},
        "distill": {"widths": [12, 8], "epochs": 1},
        "prune": {"widths": [8, 6]},
        "calibrate": {"streams": 6},
        "evaluate": {"streams": 6},
    },
    "describe": {
        "teacher": {"filters": 6, "epochs": 1, "pieces": 70},
        "distill": {"filters": 6, "epochs": 1},
        "prune": {"filters": 4, "epochs": 1},
        "calibrate": {"pieces": 70},
        "evaluate": {"pieces": 70},
    },
}


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    marks = np.zeros(1200, dtype=int)
    values = 20 + 3 * np.sin(np.arange(1200) / 9) + rng.normal(size=1200) * 0.3
    marks[1000:1012] = 1
    values[1000:1012] += 15
    lines = [f"{60 * n},{v:.3f},{m}" for n, (v, m) in enumerate(zip(values, marks, strict=True))]
    path = tmp_path_factory.mktemp("data") / "press.csv"
    path.write_text("time,temperature,anomaly\n" + "\n".join(lines) + "\n", "utf-8")
    return path


def built(series: Path, task: str, folder: Path) -> tuple[Recipe, Path, Path]:
    recipe = from_options(
        {
            "name": "press",
            "task": task,
            "data": {"path": str(series)},
            "budget": "5s",
            "options": TINY[task],
        }
    )
    made = build(recipe, load_task(task), Place(Cache(folder), None, 1), reporter_for(Console(quiet=True)))
    return recipe, made.of("publish"), made.of("evaluate")


def answered(specialist: Specialist) -> dict[str, object]:
    (answer,) = specialist.answer([specialist.sample()])
    assert isinstance(answer, Answer)
    assert isinstance(answer.output, dict)
    return answer.output


def test_from_labelled_series_to_a_detector(series: Path, tmp_path: Path) -> None:
    _, published, evaluated = built(series, "anomaly", tmp_path / "one")
    assert set(answered(load(published))) >= {"anomalous", "score", "threshold", "channels", "context"}
    evaluation = read_evaluation(evaluated)
    assert {"auroc", "average_precision", "ece"} <= set(evaluation.teacher.quality)
    quality = evaluation.student_int8.quality
    assert {"found", "false_alarms", "labelled_auroc", "labelled_found"} <= set(quality)
    assert evaluation.student_int8.value("labelled_auroc") > 0.5
    assert evaluation.summary()["bytes_ratio"]


def test_the_same_seed_makes_the_same_detector(series: Path, tmp_path: Path) -> None:
    _, one, _ = built(series, "anomaly", tmp_path / "one")
    _, other, _ = built(series, "anomaly", tmp_path / "other")
    assert (one / "model.onnx").read_bytes() == (other / "model.onnx").read_bytes()
    assert (one / "manifest.json").read_bytes() == (other / "manifest.json").read_bytes()


def test_from_series_to_a_describer(series: Path, tmp_path: Path) -> None:
    _, published, evaluated = built(series, "describe", tmp_path / "one")
    assert set(answered(load(published))) >= {"kind", "severity", "sentence"}
    evaluation = read_evaluation(evaluated)
    assert evaluation.headline == "macro_f1"
    assert "recall_stuck" in evaluation.student_int8.quality


def test_every_second_series_of_a_folder_is_measured_on() -> None:
    names = [f"{folder}/{n}.csv" for folder in "ab" for n in range(9)]
    tested = [name for name in names if is_test(name, names)]
    assert sum(name.startswith("a/") for name in tested) == 4
    assert sum(name.startswith("b/") for name in tested) == 4
