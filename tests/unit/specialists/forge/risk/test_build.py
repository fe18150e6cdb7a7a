"""A table becomes a specialist: built twice the same, and answering in sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
import numpy as np
from rich.console import Console

from hive.errors import HiveError
from specialists.forge import tasks
from specialists.forge.pipeline.build import Built, Place, build
from specialists.forge.pipeline.cache import Cache
from specialists.forge.pipeline.evaluation import read_evaluation
from specialists.forge.pipeline.progress import reporter_for
from specialists.forge.recipe import Recipe, from_options
from specialists.forge.sweep.trial import validated
from specialists.kinds.base import Answer
from specialists.load import load

# A whole build starts processes of its own to measure memory, which takes long where much else runs.
pytestmark = pytest.mark.timeout(300)
QUIET = reporter_for(Console(quiet=True))


def table(path: Path, *, number: bool = False) -> Path:
    rng = np.random.default_rng(0)
    heat, load_ = rng.normal(70, 10, 600), rng.normal(5, 1, 600)
    score = (heat - 76) / 4 + 2 * (load_ - 5)
    outcome = np.round(score, 3) if number else (rng.random(600) < 1 / (1 + np.exp(-score))).astype(int)
    rows = zip(heat, load_, rng.choice(["A", "B"], 600), outcome, strict=True)
    lines = ["heat [C],load,grade,outcome", *(f"{h:.2f},{w:.3f},{g},{o}" for h, w, g, o in rows)]
    path.write_text("\n".join(lines), "utf-8")
    return path


def recipe(path: Path, task: str, **changes: object) -> Recipe:
    data = {"path": str(path), "columns": {"label": "outcome"}}
    options = {"distill": {"made_rows": 2000, "epochs": 6}, "data": {"derived": 0}, "teacher": {"trees": 60}}
    return from_options(
        {"name": "furnace", "task": task, "data": data, "budget": "5s", "options": options, **changes}
    )


def built(folder: Path, wanted: Recipe, until: str = "publish") -> Built:
    return build(wanted, tasks.load(wanted.task), Place(Cache(folder), None, threads=1), QUIET, until)


def shipped(found: Built) -> str:
    return str(json.loads((found.of("quantize") / "choice.json").read_text("utf-8"))["shipped"])


def test_a_risk_is_learned_measured_and_answered(tmp_path: Path) -> None:
    wanted = recipe(table(tmp_path / "furnace.csv"), "risk")
    found = built(tmp_path / "cache", wanted)
    evaluation = read_evaluation(found.of("evaluate"))
    assert (evaluation.headline, evaluation.raw["classes"]) == ("auroc", 2)
    assert evaluation.teacher.value("auroc") > 0.8
    assert evaluation.student_int8.value("auroc") > evaluation.teacher.value("auroc") - 0.03
    assert set(evaluation.teacher.quality) == {"auroc", "average_precision", "ece", "accuracy", "macro_f1"}
    assert {"auroc_tenth_missing", "auroc_noise"} == set(evaluation.raw["robustness"])  # type: ignore[call-overload]
    specialist = load(found.of("publish"))
    manifest = specialist.manifest
    assert (manifest.kind, manifest.capability, dict(manifest.inputs)) == (
        "risk",
        "record.score_risk",
        {"record": "record"},
    )
    cool, hot = specialist.answer(
        [
            {"record": {"heat [C]": 55.0, "load": 4.0, "grade": "A"}},
            {"record": {"heat [C]": 92.0, "load": 6.5, "grade": "A"}},
        ]
    )
    assert isinstance(cool, Answer)
    assert isinstance(hot, Answer)
    assert isinstance(cool.output, dict)
    assert isinstance(hot.output, dict)
    assert cool.output["probability"] < 0.1
    assert hot.output["probability"] > 0.9
    assert hot.output["risky"] is True
    assert any(reason.startswith("heat 92 C is high") for reason in hot.output["reasons"])
    published = json.loads((found.of("evaluate") / "answers.json").read_text("utf-8"))
    assert len(published) == 20


def test_one_seed_gives_one_model(tmp_path: Path) -> None:
    path = table(tmp_path / "furnace.csv")
    models = []
    for folder, seed in (("one", 0), ("two", 0), ("three", 5)):
        options = {
            "distill": {"made_rows": 500, "epochs": 1},
            "data": {"derived": 0},
            "teacher": {"trees": 20},
        }
        wanted = recipe(path, "risk", seed=seed, options=options, budget="5s")
        found = built(tmp_path / folder, wanted, "quantize")
        quality, size = validated(found.of("quantize"))
        assert quality < 0
        assert size == (found.of("quantize") / f"{shipped(found)}.onnx").stat().st_size
        models.append((found.of("quantize") / "student_int8.onnx").read_bytes())
    assert models[0] == models[1] != models[2]


def test_a_number_is_estimated_within_limits(tmp_path: Path) -> None:
    wanted = recipe(table(tmp_path / "furnace.csv", number=True), "regress")
    found = built(tmp_path / "cache", wanted)
    evaluation = read_evaluation(found.of("evaluate"))
    assert evaluation.headline == "r2"
    assert evaluation.student_fp32.value("r2") > 0.9
    assert 0.8 < evaluation.student_fp32.value("coverage") <= 1.0
    specialist = load(found.of("publish"))
    (answer,) = specialist.answer([{"record": {"heat [C]": 76.0, "load": 5.0, "grade": "A"}}])
    assert isinstance(answer, Answer)
    assert isinstance(answer.output, dict)
    assert answer.output["low"] < 0 < answer.output["high"]
    assert answer.confidence == 0.9


def test_a_test_file_is_what_is_measured_on(tmp_path: Path) -> None:
    path = table(tmp_path / "furnace.csv")
    lines = path.read_text("utf-8").splitlines()
    (tmp_path / "train.csv").write_text("\n".join(lines[:501]), "utf-8")
    (tmp_path / "test.csv").write_text("\n".join([lines[0], *lines[401:]]), "utf-8")
    data = {
        "path": str(tmp_path / "train.csv"),
        "test": str(tmp_path / "test.csv"),
        "columns": {"label": "outcome"},
    }
    found = built(tmp_path / "cache", recipe(path, "risk", data=data), "data")
    summary = json.loads((found.of("data") / "data.json").read_text("utf-8"))
    assert summary["counts"]["test"] == 200
    assert sum(summary["counts"].values()) == 600  # what both files hold counts once, as a test row


def test_options_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    wanted = recipe(table(tmp_path / "furnace.csv"), "risk", options={"data": {"postive": "1"}})
    with pytest.raises(HiveError, match="did you mean 'positive'"):
        built(tmp_path / "cache", wanted)


def test_what_only_texts_have_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "furnace.csv")
    data = {"path": str(path), "columns": {"label": "outcome", "text": "grade"}}
    with pytest.raises(HiveError, match="no use for text") as refused:
        built(tmp_path / "cache", recipe(path, "risk", data=data), "data")
    assert refused.value.code == "recipe_invalid"
    with pytest.raises(HiveError, match="neither a `source` nor a `path`"):
        built(tmp_path / "cache", recipe(path, "risk", data={}), "data")
