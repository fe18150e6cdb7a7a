"""The task `tag` goes from a file of marked texts to a specialist that answers, with a teacher of toy size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
import transformers
from rich.console import Console
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from specialists.forge.pipeline.build import Place, build
from specialists.forge.pipeline.cache import Cache
from specialists.forge.pipeline.evaluation import read_evaluation
from specialists.forge.pipeline.progress import reporter_for
from specialists.forge.recipe import Recipe, from_options
from specialists.forge.tasks import load as load_task
from specialists.kinds.base import Answer
from specialists.load import load

CITIES = ("oslo", "lima", "rome", "cairo", "perth", "quito", "turin", "accra")
TIMES = ("five am", "noon", "six pm", "ten")
FORMS = (
    ("fly to {city} at {time}", "travel"),
    ("wake me at {time}", "alarm"),
    ("weather in {city}", "weather"),
)


def rows(*, intents: bool) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for number in range(len(CITIES) * len(TIMES)):
        values = {"city": CITIES[number % len(CITIES)], "time": TIMES[number // len(CITIES)]}
        for form, intent in FORMS:
            text = form.format(**values) + f" {number}"
            spans = [
                [text.index(v), text.index(v) + len(v), k] for k, v in values.items() if "{" + k + "}" in form
            ]
            found.append({"text": text, "spans": spans} | ({"intent": intent} if intents else {}))
    return found


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    words = sorted(
        {word for row in rows(intents=False) for word in str(row["text"]).split() if word.isalpha()}
    )
    letters = [mark + c for c in "abcdefghijklmnopqrstuvwxyz0123456789" for mark in ("", "##")]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *words]
    tokenizer = Tokenizer(models.WordPiece({p: n for n, p in enumerate(pieces)}, unk_token=pieces[1]))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(pieces[:4])
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(pieces),
        hidden_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    transformers.BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


def recipe(folder: Path, encoder: Path, epochs: int, *, intents: bool) -> Recipe:
    data = folder / "texts.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows(intents=intents)))
    return from_options(
        {
            "name": "toy",
            "task": "tag",
            "data": {"path": str(data)},
            "budget": "3m",
            "options": {
                "teacher": {"encoder": str(encoder), "epochs": 4 * epochs},
                "distill": {"transfer": 2, "epochs": 2 * epochs, "pieces": 200, "width": 16, "filters": 24},
                "prune": {"filters": 20, "epochs": epochs},
            },
        }
    )


def place(folder: Path) -> Place:
    return Place(Cache(folder / "cache"), None, 1)


def test_a_file_of_requests_becomes_a_specialist_that_parses(tmp_path: Path, encoder: Path) -> None:
    console = Console(quiet=True)
    wanted = recipe(tmp_path, encoder, 25, intents=True)
    built = build(wanted, load_task("tag"), place(tmp_path), reporter_for(console))
    summary = read_evaluation(built.of("evaluate")).summary()
    assert summary["task"] == "tag"
    assert summary["classes"] == 2
    assert summary["headline"] == "slot_f1"
    quality = summary["student_int8"]["quality"]  # type: ignore[index]
    assert set(quality) >= {"slot_f1", "accuracy", "exact", "ece", "word_accuracy"}
    assert quality["accuracy"] > 0.9
    assert quality["slot_f1"] > 0.8
    specialist = load(built.of("publish"))
    assert specialist.manifest.kind == "command"
    assert specialist.manifest.capability == "text.parse_command"
    (answer,) = specialist.answer([{"text": "Weather in Rome"}])
    assert isinstance(answer, Answer)
    assert isinstance(answer.output, dict)
    assert answer.output["intent"] == "weather"


def test_without_intents_it_becomes_a_tagger(tmp_path: Path, encoder: Path) -> None:
    wanted = recipe(tmp_path, encoder, 25, intents=False)
    built = build(wanted, load_task("tag"), place(tmp_path), reporter_for(Console(quiet=True)))
    specialist = load(built.of("publish"))
    assert specialist.manifest.kind == "tag"
    assert specialist.manifest.output == "spans"
    quality = read_evaluation(built.of("evaluate")).summary()["student_int8"]["quality"]  # type: ignore[index]
    assert "accuracy" not in quality
    texts = ["fly to lima at noon 7", "wake me at ten", "weather in perth 3 at noon and in oslo"]
    alone = [specialist.answer([{"text": text}])[0] for text in texts]
    assert specialist.answer([{"text": text} for text in texts]) == alone


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, encoder: Path) -> None:
    wanted = recipe(tmp_path, encoder, 1, intents=True)
    models = []
    for name in ("one", "other"):
        built = build(
            wanted,
            load_task("tag"),
            place(tmp_path / name),
            reporter_for(Console(quiet=True)),
            until="quantize",
        )
        models.append((built.of("quantize") / "student_int8.onnx").read_bytes())
    assert models[0] == models[1]
