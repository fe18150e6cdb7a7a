"""From texts alone to a specialist that places them as its teacher does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

pytest.importorskip("torch")
pytest.importorskip("transformers")

from hive.errors import HiveError
from specialists.forge.embed.likeness import nearest_labels, rank_correlation, spearman
from specialists.forge.embed.task import EmbedTask
from specialists.forge.pipeline.build import Built, Place, build
from specialists.forge.pipeline.cache import Cache
from specialists.forge.pipeline.evaluation import read_evaluation
from specialists.forge.pipeline.progress import Lines
from specialists.forge.recipe import from_options
from specialists.kinds.base import Answer
from specialists.load import load
from tests.unit.specialists.forge.classify.sample import sentences


@pytest.fixture(scope="module")
def built(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("embed")
    lines = [json.dumps({"text": text}) for text, _ in sentences(300, seed=2)]
    (folder / "texts.jsonl").write_text("\n".join(lines))
    distill = {"pieces": 80, "width": 16, "filters": 16, "vector": 16, "transfer": 200, "epochs": 20}
    recipe = from_options(
        {
            "name": "texts",
            "task": "embed",
            "data": {"path": str(folder / "texts.jsonl")},
            "options": {"teacher": {"encoder": str(encoder)}, "distill": distill},
        }
    )
    return build(recipe, EmbedTask(), Place(Cache(folder / "cache"), None, 1), Lines(Console(quiet=True)))


def test_the_student_keeps_the_order_of_similarities(built: Built) -> None:
    evaluation = read_evaluation(built.of("evaluate"))
    assert evaluation.headline == "rank_correlation"
    assert evaluation.teacher.value("rank_correlation") == 1.0
    assert evaluation.student_int8.value("rank_correlation") > 0.5


def test_what_is_published_answers_with_a_vector_of_length_one(built: Built) -> None:
    specialist = load(built.of("publish"))
    answers = specialist.answer([{"text": "play my song"}, {"text": ""}, {"text": "图书馆"}])
    known, empty, foreign = answers
    assert isinstance(known, Answer)
    assert len(known.output["vector"]) == 16
    assert np.linalg.norm(known.output["vector"]) == pytest.approx(1.0, abs=1e-5)
    assert (known.confidence, known.unsure) == (1.0, False)
    assert isinstance(empty, HiveError)
    assert isinstance(foreign, Answer)
    assert foreign.unfamiliar


def test_an_embedding_is_the_same_alone_and_in_a_batch(built: Built) -> None:
    specialist = load(built.of("publish"))
    texts = [{"text": "play"}, {"text": "rain in my kitchen tomorrow please"}, {"text": "lamp now"}]
    together = specialist.answer(texts)
    assert together == [specialist.answer([text])[0] for text in texts]


def test_ranks_are_compared_and_not_values() -> None:
    rising = np.array([1.0, 2.0, 3.0, 4.0])
    assert spearman(rising, rising**3) == pytest.approx(1.0)
    assert spearman(rising, -rising) == pytest.approx(-1.0)
    rows = np.random.default_rng(1).normal(size=(50, 4))
    assert rank_correlation(rows, rows * 3) == pytest.approx(1.0)


def test_the_nearest_known_rows_vote() -> None:
    known = np.array([[1.0, 0.0]] * 3 + [[0.0, 1.0]] * 3)
    labels = ["a"] * 3 + ["b"] * 3
    assert nearest_labels(known, labels, np.array([[0.9, 0.1], [0.1, 2.0]])) == ["a", "b"]
