"""Models that take what they can get, and a worker that runs them: `python -m tests.fakes.hostile`.

The models are written as bytes, because nothing that is installed here makes ONNX files.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from hive.errors import HiveError
from specialists.engine.onnx import OnnxEngine
from specialists.kinds.base import Answer, Inputs, Parts
from specialists.load import KINDS
from specialists.worker import main

FLOAT, INT64, BOOL = 1, 7, 9


def varint(value: int) -> bytes:
    """Return a whole number as protobuf writes it."""
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def message(*fields: tuple[int, int | str | bytes]) -> bytes:
    """Return a protobuf message: whole numbers as varints, the rest with their length."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            content = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(content)) + content
    return out


def value_info(name: str, kind: int = FLOAT, dimensions: Sequence[str] = ("n",)) -> bytes:
    """Return the declaration of an input or output."""
    shape = message(*((1, message((2, dimension))) for dimension in dimensions))
    return message((1, name), (2, message((1, message((1, kind), (2, shape))))))


def model(graph: bytes) -> bytes:
    """Return a model with one graph."""
    return message((1, 8), (8, message((1, ""), (2, 17))), (7, graph))


def greedy() -> bytes:
    """Return a model of 74 bytes whose output is as large as its input says."""
    node = message((1, "x"), (2, "y"), (4, "ConstantOfShape"))
    return model(message((1, node), (2, "g"), (11, value_info("x", INT64)), (12, value_info("y"))))


def endless() -> bytes:
    """Return a model that doubles its input for ever."""
    keep = message((1, "c"), (2, "c2"), (4, "Identity"))
    double = message((1, "a"), (1, "a"), (2, "a2"), (4, "Add"))
    inputs = ((11, value_info("i", INT64, ())), (11, value_info("c", BOOL, ())), (11, value_info("a")))
    outputs = ((12, value_info("c2", BOOL, ())), (12, value_info("a2")))
    body = message((1, keep), (1, double), (2, "body"), *inputs, *outputs)
    yes = message((2, BOOL), (8, "yes"), (9, b"\x01"))
    loop = message(
        (1, ""), (1, "yes"), (1, "x"), (2, "y"), (4, "Loop"), (5, message((1, "body"), (6, body), (20, 5)))
    )
    return model(message((1, loop), (2, "g"), (5, yes), (11, value_info("x")), (12, value_info("y"))))


class Hostile:
    """text -> text: what the text says is done to the worker; any other text comes back."""

    def __init__(self, parts: Parts) -> None:
        """Load both models."""
        bound_s = parts.manifest.run_bound_ms / 1000
        self._greedy, self._endless = OnnxEngine(greedy(), bound_s), OnnxEngine(endless(), bound_s)

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Do as every text says."""
        return [self._one(str(item["text"])) for item in batch]

    def sample(self) -> Inputs:
        """Return a text that does no harm."""
        return {"text": "hello"}

    def _one(self, text: str) -> Answer:
        if text == "greedy":
            self._greedy.run({"x": np.array([400_000_000], np.int64)})
        elif text == "endless":
            self._endless.run({"x": np.ones(2, np.float32)})
        elif text == "python":
            return Answer("x" * 2_000_000_000, 1.0)
        return Answer(text, 1.0)


if __name__ == "__main__":
    sys.exit(main({**KINDS, "hostile": Hostile}))
