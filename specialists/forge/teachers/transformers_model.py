"""A teacher of Hugging Face's transformers: a directory that AutoModelForSequenceClassification reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from specialists.forge.teachers.onnx_model import labels_of
from specialists.forge.teachers.port import Chances, chances, columns_of

_MAX_TOKENS: Final = 128
_BATCH: Final = 32


class TransformersLabeller:
    """Runs a fine-tuned encoder; nothing is fetched and no code of the directory is run."""

    def __init__(self, directory: Path, classes: Sequence[str]) -> None:
        """Load it; raise HiveError(recipe_invalid) if it does not know the classes."""
        self.name = directory.name
        self._columns = columns_of(labels_of(directory), classes, str(directory))
        here = {"local_files_only": True, "trust_remote_code": False}
        self._tokenizer = AutoTokenizer.from_pretrained(directory, **here)
        self._model = AutoModelForSequenceClassification.from_pretrained(directory, **here).eval()

    def label(self, texts: Sequence[str]) -> Chances:
        """Return probabilities [texts, classes]."""
        rows = [np.zeros((0, len(self._columns)))]
        with torch.inference_mode():
            for begin in range(0, len(texts), _BATCH):
                feed = self._tokenizer(
                    list(texts[begin : begin + _BATCH]),
                    padding=True,
                    truncation=True,
                    max_length=_MAX_TOKENS,
                    return_tensors="pt",
                )
                logits = self._model(**feed).logits[:, self._columns].float().numpy()
                rows.append(chances(logits))
        return np.concatenate(rows)
