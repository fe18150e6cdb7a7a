"""evaluation.json is read with care: what could not be measured is absent, and never a NaN in a manifest."""

from __future__ import annotations

import json
import math
from io import StringIO
from pathlib import Path

from rich.console import Console

from specialists.forge.pipeline.evaluation import EVALUATION_FILE, read_evaluation
from specialists.forge.pipeline.screen import screen
from tests.fakes.forge_task import figure


def written(folder: Path, quality: dict[str, object]) -> Path:
    part = {"quality": quality, "bytes": 100, "p50_ms": 2.0}
    models = dict.fromkeys(("teacher", "student_fp32", "student_int8"), part)
    document = {"task": "risk", "classes": 2, "headline": "accuracy", **models}
    (folder / EVALUATION_FILE).write_text(json.dumps(document))
    return folder


def test_what_has_no_value_is_left_out_and_what_has_no_bounds_keeps_its_value(tmp_path: Path) -> None:
    nan = math.nan
    quality = {
        "accuracy": figure(0.5),
        "auroc": {**figure(0.5), "value": nan},
        "ece": {**figure(0.1), "low": nan},
    }
    evaluation = read_evaluation(written(tmp_path, quality))
    assert set(evaluation.teacher.quality) == {"accuracy", "ece"}
    assert "low" not in evaluation.teacher.quality["ece"]
    said = json.dumps(evaluation.summary(), allow_nan=False)
    assert json.loads(said)["retention"] == 1.0


def test_a_teacher_at_zero_has_no_ratio_and_the_screen_says_so(tmp_path: Path) -> None:
    evaluation = read_evaluation(written(tmp_path, {"accuracy": figure(0.0)}))
    assert evaluation.summary()["retention"] is None
    shown = StringIO()
    Console(file=shown, width=200).print(screen(evaluation, tmp_path / "mine", tmp_path / "mine.report"))
    assert "keeps ? of the teacher's accuracy, is 1 times smaller" in shown.getvalue()
