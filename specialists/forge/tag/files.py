"""What the stages of the task hand each other: models with their tokenizers and sizes, as files."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import torch
from torch import nn

from specialists.engine.tokenize import TextTokenizer
from specialists.forge import export
from specialists.forge.tag.encoder import EncoderTagger
from specialists.forge.tag.inventory import Inventory
from specialists.forge.tag.outputs import feed_of
from specialists.forge.tag.rows import Row, RowMaker
from specialists.forge.tag.student import Size, TagStudent

TEACHER: Final = "teacher.pt"
TEACHER_ONNX: Final = "teacher.onnx"
STUDENT: Final = "student.pt"
SIZE: Final = "size.json"
TOKENIZER: Final = "tokenizer.json"
TEACHER_TOKENS: Final = 254
STUDENT_TOKENS: Final = 2048
_FIRST, _LAST = "[CLS]", "[SEP]"


def teacher_rows(encoder: Path, inventory: Inventory) -> RowMaker:
    """Return what makes rows for the encoder in the directory `encoder`."""
    content = (encoder / TOKENIZER).read_bytes()
    ids = {entry["content"]: entry["id"] for entry in json.loads(content)["added_tokens"]}
    return RowMaker(TextTokenizer(content), inventory, TEACHER_TOKENS, (ids[_FIRST], ids[_LAST]))


def student_rows(folder: Path, inventory: Inventory) -> RowMaker:
    """Return what makes rows for the student in `folder`."""
    return RowMaker(TextTokenizer((folder / TOKENIZER).read_bytes()), inventory, STUDENT_TOKENS)


def load_teacher(folder: Path, encoder: Path, inventory: Inventory) -> EncoderTagger:
    """Return the teacher that the stage of that name left."""
    model = EncoderTagger(encoder, len(inventory.tags), len(inventory.intents))
    model.load_state_dict(torch.load(folder / TEACHER, weights_only=True))
    return model.eval()


def save_student(folder: Path, student: TagStudent, tokenizer: str) -> None:
    """Write a student, its sizes and its tokenizer."""
    torch.save(student.state_dict(), folder / STUDENT)
    (folder / SIZE).write_text(json.dumps(asdict(student.size)), "utf-8")
    (folder / TOKENIZER).write_text(tokenizer, "utf-8")


def load_student(folder: Path) -> TagStudent:
    """Return the student that `save_student` wrote."""
    raw = json.loads((folder / SIZE).read_text("utf-8"))
    student = TagStudent(Size(**{**raw, "dilations": tuple(raw["dilations"])}))
    student.load_state_dict(torch.load(folder / STUDENT, weights_only=True))
    return student.eval()


class _TagsAlone(nn.Module):
    """A tagger without intents: the first of its outputs."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        tags: torch.Tensor = self.model(*inputs)[0]
        return tags


def as_onnx(model: EncoderTagger | TagStudent, row: Row, intents: int) -> onnx.ModelProto:
    """Return `model` as float32 ONNX; `row` is an example of its input."""
    feed = feed_of([row, row], masked=isinstance(model, EncoderTagger))
    outputs = ["tags", "intents"] if intents else ["tags"]
    axes = {name: {0: "batch", 1: "tokens"} for name in (*feed, "tags")}
    if intents:
        axes["intents"] = {0: "batch"}
    with warnings.catch_warnings():
        # The tracer warns of what transformers decides in Python; none of it hangs on the input's size here.
        warnings.simplefilter("ignore")
        return export.to_onnx(model if intents else _TagsAlone(model), feed, outputs, axes)


def parameters(model: nn.Module) -> int:
    """Return how many numbers `model` has learned."""
    return int(np.sum([weight.numel() for weight in model.parameters()]))
