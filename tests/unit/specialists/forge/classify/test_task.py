"""From a CSV to a specialist that answers, with a teacher so small that it takes seconds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

pytest.importorskip("torch")
pytest.importorskip("transformers")

from hive.errors import HiveError
from specialists.forge.classify.task import Classify
from specialists.forge.pipeline.build import Built, Place, build
from specialists.forge.pipeline.cache import Cache
from specialists.forge.pipeline.evaluation import read_evaluation
from specialists.forge.pipeline.progress import Lines
from specialists.forge.recipe import from_options
from specialists.kinds.base import Answer
from specialists.load import load
from specialists.manifest import FILE_NAME
from tests.unit.specialists.forge.classify.sample import sentences

SMALL = {
    "distill": {"pieces": 80, "width": 16, "filters": 16, "transfer": 300, "epochs": 8},
    "prune": {"epochs": 2},
}


def made(table: Path, encoder: Path, cache: Path, options: dict[str, dict[str, object]] = SMALL) -> Built:
    recipe = from_options(
        {
            "name": "requests",
            "task": "classify",
            "data": {"path": str(table)},
            "seed": 3,
            "options": {"teacher": {"encoder": str(encoder), "epochs": 12, "rate": 2e-3}, **options},
        }
    )
    return build(recipe, Classify(), Place(Cache(cache), None, 1), Lines(Console(quiet=True)))


@pytest.fixture(scope="module")
def built(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("classify")
    lines = [json.dumps({"text": text, "label": label}) for text, label in sentences(240, seed=1)]
    (folder / "requests.jsonl").write_text("\n".join(lines))
    return made(folder / "requests.jsonl", encoder, folder / "cache")


def test_the_student_is_measured_beside_its_teacher(built: Built) -> None:
    evaluation = read_evaluation(built.of("evaluate"))
    summary = evaluation.summary()
    assert summary["task"] == "classify"
    assert summary["classes"] == 3
    for part in evaluation.parts().values():
        assert set(part.quality) == {"accuracy", "macro_f1", "ece"}
        assert part.value("accuracy") > 0.9
        assert {"bytes", "parameters", "p50_ms", "p99_ms", "rss_mb"} <= set(part.cost)
    assert set(evaluation.raw["per_class"]) == {"light", "music", "weather"}
    assert set(evaluation.raw["robustness"]) == {"texts", "as_it_is", "capitals", "mistyped"}


def test_what_is_published_answers_with_a_category(built: Built) -> None:
    specialist = load(built.of("publish"))
    (answer,) = specialist.answer([{"text": "could you play my song"}])
    assert isinstance(answer, Answer)
    assert answer.output["category"] == "music"
    assert "music" in answer.output["likely"]
    assert answer.output["unfamiliar"] is False
    assert specialist.manifest.capability == "text.classify"


def test_a_text_that_the_vocabulary_cannot_spell_is_unfamiliar(built: Built) -> None:
    (answer,) = load(built.of("publish")).answer([{"text": "图书馆 在 哪里"}])
    assert isinstance(answer, Answer)
    assert answer.unfamiliar
    assert answer.unsure


def test_pruning_left_two_thirds_of_the_filters(built: Built) -> None:
    before, after = (json.loads((built.of(s) / "student.json").read_text()) for s in ("distill", "prune"))
    assert sum(count for _, count in before["filters"]) == 48
    assert sum(count for _, count in after["filters"]) == 32


def test_the_same_seed_gives_the_same_bytes(built: Built, encoder: Path, tmp_path: Path) -> None:
    table = built.of("data").parent.parent / "requests.jsonl"
    again = made(table, encoder, tmp_path)
    assert (again.of("publish") / FILE_NAME).read_bytes() == (built.of("publish") / FILE_NAME).read_bytes()


def test_a_teacher_or_texts_that_do_not_fit_are_refused(table: Path, encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(HiveError, match="'teachr' is not known; did you mean 'teacher'"):
        made(table, encoder, tmp_path, {"teachr": {}})
    rows = table.read_text().splitlines()[:8]
    (tmp_path / "few.csv").write_text("\n".join(rows))
    with pytest.raises(HiveError) as refusal:
        made(tmp_path / "few.csv", encoder, tmp_path)
    assert refusal.value.code == "data_invalid"
