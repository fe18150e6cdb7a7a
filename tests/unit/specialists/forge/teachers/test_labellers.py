"""One contract for every teacher that labels: an ONNX directory, one of transformers, and an endpoint."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the forge is not installed")

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from hive.errors import HiveError
from specialists.forge.recipe import TeacherPart
from specialists.forge.teachers.choose import labeller_of
from specialists.forge.teachers.port import Labeller
from tests.fakes.chat_server import chat_server, said

WORDS = {"[UNK]": 0, "pay": 1, "money": 2, "rain": 3, "sun": 4}
CLASSES = ("weather", "Banking")
Make = Callable[[Sequence[str]], Labeller]


def tokenizer() -> Tokenizer:
    words = Tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))  # noqa: S106 - a token of text
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return words


def named(folder: Path) -> None:
    """Name the outputs of a model, in another order than that of the classes, and one more."""
    path = folder / "config.json"
    config = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**config, "id2label": {"0": "banking", "1": "Weather", "2": "other"}}))


def onnx_directory(folder: Path) -> Path:
    """A word speaks for a class: money for the first output, weather for the second."""
    folder.mkdir()
    table = np.array([[0, 0, 0], [9, 0, 0], [9, 0, 0], [0, 9, 0], [0, 9, 0]], dtype=np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["words"]),
            helper.make_node("ReduceMean", ["words", "axes"], ["logits"], keepdims=0),
        ],
        "words",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "n"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 3])],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array([1], dtype=np.int64), "axes"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, folder / "model.onnx")
    tokenizer().save(str(folder / "tokenizer.json"))
    named(folder)
    return folder


def transformers_directory(folder: Path) -> Path:
    """A tiny encoder with the weights of chance, but for the head, which looks at the bias alone."""
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8,
        num_labels=3, max_position_embeddings=160,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer(), pad_token="[UNK]").save_pretrained(folder)  # noqa: S106
    named(folder)
    return folder


@pytest.fixture(params=["onnx", "transformers", "endpoint"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    kept = tmp_path / "answers.jsonl"
    if request.param == "endpoint":
        with chat_server(lambda text, _: said("weather" if "rain" in text else " banking.\n")) as chat:
            yield lambda classes: labeller_of(TeacherPart(endpoint=chat.url, model="m"), classes, kept)
        return
    builder = onnx_directory if request.param == "onnx" else transformers_directory
    directory = builder(tmp_path / request.param)
    yield lambda classes: labeller_of(TeacherPart(path=str(directory)), classes, kept)


def test_chances_come_one_row_per_text_in_the_order_of_the_classes(make: Make) -> None:
    texts = ["pay money", "rain", "", "pay money"]
    labeller = make(CLASSES)
    found = labeller.label(texts)
    assert found.shape == (4, 2)
    assert np.allclose(found.sum(axis=1), 1)
    assert (found >= 0).all()
    assert np.array_equal(found[0], found[3])
    assert np.allclose(make(CLASSES[::-1]).label(texts), found[:, ::-1])
    assert labeller.name


def test_no_texts_give_no_rows(make: Make) -> None:
    assert make(CLASSES).label([]).shape == (0, 2)


def test_a_text_of_any_length_and_kind_is_labelled(make: Make) -> None:
    assert make(CLASSES).label(["pay " * 5000, "\u2028 \U0001f680", "rain\n\nsun"]).shape == (3, 2)


def test_an_onnx_teacher_says_what_its_words_say(tmp_path: Path) -> None:
    labeller = labeller_of(TeacherPart(path=str(onnx_directory(tmp_path / "m"))), CLASSES, tmp_path / "kept")
    assert labeller.label(["pay money", "sun", "rain pay"]).round(3).tolist() == [[0, 1], [1, 0], [0.5, 0.5]]


def test_a_directory_that_lacks_a_class_or_a_model_is_refused(tmp_path: Path) -> None:
    directory = onnx_directory(tmp_path / "m")
    with pytest.raises(HiveError, match="does not know the class 'sports'"):
        labeller_of(TeacherPart(path=str(directory)), ["sports", "weather"], tmp_path / "kept")
    (directory / "config.json").unlink()
    with pytest.raises(HiveError, match=r"config\.json whose `id2label`"):
        labeller_of(TeacherPart(path=str(directory)), CLASSES, tmp_path / "kept")
    with pytest.raises(HiveError, match=r"neither a directory with model\.onnx"):
        labeller_of(TeacherPart(path=str(tmp_path)), CLASSES, tmp_path / "kept")
    with pytest.raises(HiveError, match="neither a `path` nor an `endpoint`"):
        labeller_of(TeacherPart(), CLASSES, tmp_path / "kept")
