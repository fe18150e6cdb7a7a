"""A teacher in ONNX: a directory with model.onnx, tokenizer.json and config.json (for `id2label`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from tokenizers import Tokenizer

from hive.errors import HiveError
from specialists.forge.teachers.port import Chances, chances, columns_of
from specialists.forge.timing import one_thread

_MAX_TOKENS: Final = 128
_INPUTS: Final = ("input_ids", "attention_mask", "token_type_ids")


class OnnxLabeller:
    """Runs a classifier of texts as it was exported for Hugging Face: token ids in, logits [1, labels] out."""

    def __init__(self, directory: Path, classes: Sequence[str]) -> None:
        """Load it; raise HiveError(recipe_invalid) if it is no classifier that knows the classes."""
        self.name = directory.name
        self._session = one_thread(directory / "model.onnx")
        self._inputs = [item.name for item in self._session.get_inputs()]
        if not self._inputs or not set(self._inputs) <= set(_INPUTS):
            raise HiveError(
                "recipe_invalid",
                f"The teacher {directory} takes {', '.join(self._inputs)}; it may take {', '.join(_INPUTS)}.",
            )
        self._tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MAX_TOKENS)
        self._columns = columns_of(labels_of(directory), classes, str(directory))

    def label(self, texts: Sequence[str]) -> Chances:
        """Return probabilities [texts, classes]."""
        if not texts:
            return np.zeros((0, len(self._columns)))
        return chances(np.concatenate([self._logits(text) for text in texts])[:, self._columns])

    def _logits(self, text: str) -> np.ndarray:
        encoded = self._tokenizer.encode(text)
        feeds = {
            "input_ids": encoded.ids,
            "attention_mask": encoded.attention_mask,
            "token_type_ids": encoded.type_ids,
        }
        arrays = {name: np.array([feeds[name]], dtype=np.int64) for name in self._inputs}
        return np.asarray(self._session.run(None, arrays)[0])


def labels_of(directory: Path) -> Mapping[int, str]:
    """Return the names of a model's outputs; raise HiveError(recipe_invalid) if config.json does not name them."""
    try:
        names = json.loads((directory / "config.json").read_text("utf-8"))["id2label"]
        return {int(number): str(name) for number, name in names.items()}
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise HiveError(
            "recipe_invalid",
            f"The teacher {directory} must have a config.json whose `id2label` names its classes.",
        ) from error
