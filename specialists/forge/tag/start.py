"""What the student's embedding starts from: what the teacher knows of each piece."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer

from specialists.forge.classify.vocabulary import in_main_directions
from specialists.forge.tag.encoder import EncoderTagger, teach
from specialists.forge.tag.rows import Row

_MARKS = ("[CLS]", "[SEP]")
_BATCH = 256


def warm_start(model: EncoderTagger, whole: Tokenizer, pieces: Sequence[str], width: int) -> torch.Tensor:
    """Return a start for the student's embedding, [pieces, width], from two views of each piece.

    The first is its input embedding, the second what the whole encoder makes of it alone (Tulkens and van Dongen 2024,
    Model2Vec); both are joined and reduced to their main directions.
    """
    vocabulary = whole.get_vocab()
    first, last = (vocabulary[mark] for mark in _MARKS)
    numbers = [vocabulary[piece] for piece in pieces]
    table = model.encoder.get_input_embeddings().weight.detach()[numbers]
    rows = [Row([first, number, last], [0, 0, 0], [1], [(0, 1)], [0], 0) for number in numbers]
    return in_main_directions([table, teach(model, rows, batch=_BATCH).pooled], [0.5, 0.5], width)
