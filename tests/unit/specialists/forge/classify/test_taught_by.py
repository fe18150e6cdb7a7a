"""A teacher of one's own labels unlabelled texts in the data stage of a classifier, and is asked once."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

pytest.importorskip("torch", reason="the forge is not installed")

from hive.errors import HiveError
from specialists.forge.classify.material import load_material
from specialists.forge.classify.task import Classify
from specialists.forge.pipeline.build import Place, build
from specialists.forge.pipeline.cache import Cache
from specialists.forge.pipeline.progress import Lines
from specialists.forge.recipe import Recipe, from_options
from tests.fakes.chat_server import chat_server, said

LABELLED = [
    (f"{verb} the {thing} {n * 7919}", "red" if n % 2 else "blue")
    for n, (verb, thing) in enumerate(
        (v, t) for v in ("paint", "wash", "sell") for t in ("door", "wall", "car", "roof")
    )
]
MORE = [f"please {verb} this {thing}" for verb in ("clean", "buy") for thing in ("boat", "tent", "lamp")]


def recipe(folder: Path, url: str, *, unlabelled: bool = True, seed: int = 0) -> Recipe:
    for name, rows in (
        ("my.csv", [("text", "label"), *LABELLED]),
        ("more.csv", [("text",), *((t,) for t in MORE)]),
    ):
        with (folder / name).open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    data = {"path": str(folder / "my.csv")} | ({"unlabelled": str(folder / "more.csv")} if unlabelled else {})
    teacher = {"endpoint": url, "model": "m"}
    return from_options({"name": "mine", "task": "classify", "seed": seed, "data": data, "teacher": teacher})


def test_sure_answers_join_the_training_part_and_nobody_is_asked_twice(tmp_path: Path) -> None:
    quiet = Lines(Console(file=StringIO()))
    with chat_server(lambda text, _: said("red" if "clean" in text else "who knows")) as chat:
        wanted = recipe(tmp_path, chat.url)
        place = Place(Cache(tmp_path / "cache"), None, 1)
        built = build(wanted, Classify(), place, quiet, until="data")
        material = load_material(built.of("data"))
        asked = len(chat.texts)
        again = build(recipe(tmp_path, chat.url, seed=1), Classify(), place, quiet, until="data")
    added = [
        text
        for text, row in zip(material.corpus.train.texts, material.corpus.train.rows, strict=True)
        if not row
    ]
    assert sorted(added) == sorted(text for text in MORE if "clean" in text)
    assert sorted(material.unlabelled) == sorted(text for text in MORE if "buy" in text)
    assert any("m at 127.0.0.1 labelled 3 of 6 texts" in sentence for sentence in built.entries["data"].said)
    assert len(set(chat.texts)) == len(chat.texts)
    assert asked >= len(MORE)
    assert load_material(again.of("data")).corpus.digest != material.corpus.digest


def test_a_teacher_without_texts_to_label_is_told(tmp_path: Path) -> None:
    place = Place(Cache(tmp_path / "cache"), None, 1)
    wanted = recipe(tmp_path, "http://127.0.0.1:1/v1", unlabelled=False)
    with pytest.raises(HiveError, match="give --unlabelled-data"):
        build(wanted, Classify(), place, Lines(Console(file=StringIO())), until="data")
