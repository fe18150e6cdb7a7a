"""A small vocabulary out of the teacher's own: the pieces that matter, and what the teacher knows of them."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Sequence
from typing import Final

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from specialists.forge.classify.encoder import EncoderClassifier, EncoderPieces, teach

PAD_PIECE: Final = "[PAD]"
UNKNOWN_PIECE: Final = "[UNK]"


def matter_most(whole: Tokenizer, texts: Sequence[str], size: int) -> list[str]:
    """Return the `size` pieces of the WordPiece tokenizer `whole` to keep, padding and unknown first.

    First every letter and digit, so that any word can be spelt; then the pieces of `texts`, the most frequent first;
    then the vocabulary's own order, which in BERT's is by frequency in English.
    """
    vocabulary = whole.get_vocab()
    letters = [c for c in string.ascii_lowercase + string.digits + string.punctuation if c in vocabulary]
    spelt = [mark + c for c in letters for mark in ("", "##") if mark + c in vocabulary]
    counts: Counter[str] = Counter()
    for encoding in whole.encode_batch(list(texts), add_special_tokens=False):
        counts.update(encoding.tokens)
    seen = sorted(counts, key=lambda piece: (-counts[piece], vocabulary[piece]))
    rest = sorted((piece for piece in vocabulary if piece.isalpha()), key=lambda piece: vocabulary[piece])
    kept = dict.fromkeys([PAD_PIECE, UNKNOWN_PIECE])
    for piece in (*spelt, *seen, *rest):
        if len(kept) >= size:
            break
        kept.setdefault(piece)
    return list(kept)


def small_tokenizer(pieces: Sequence[str]) -> Tokenizer:
    """Return a WordPiece tokenizer of these pieces that ignores case and accents; piece 0 pads, piece 1 is unknown."""
    tokenizer = Tokenizer(
        models.WordPiece({piece: n for n, piece in enumerate(pieces)}, unk_token=UNKNOWN_PIECE)
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def warm_start(
    model: EncoderClassifier, whole: EncoderPieces, pieces: Sequence[str], width: int, spoken: float = 0.5
) -> torch.Tensor:
    """Return a start for the student's embedding, [pieces, width], from what the teacher knows of each piece.

    Two views of a piece are joined and reduced by principal components: its input embedding, and what the whole
    encoder makes of it alone (Tulkens and van Dongen 2024, Model2Vec). `spoken` is the share of the second.
    """
    rows = [whole.alone(piece) for piece in pieces]
    table = model.encoder.get_input_embeddings().weight.detach()[[row[1] for row in rows]]
    alone = teach(model, rows, batch=256).embeddings
    return in_main_directions([table, alone], [1 - spoken, spoken], width)


def in_main_directions(views: Sequence[torch.Tensor], shares: Sequence[float], width: int) -> torch.Tensor:
    """Return views of pieces, [pieces, any], joined by `shares` and reduced to their main directions, [pieces, width].

    The result has the spread that an embedding starts with; its first row, of padding, is zero.
    """
    weighted = [_even(view) * share for view, share in zip(views, shares, strict=True)]
    joined = torch.cat(weighted, dim=1).to(torch.float64)
    joined -= joined.mean(0)
    values, vectors = torch.linalg.eigh(joined.T @ joined)
    main = vectors[:, values.argsort(descending=True)[:width]]
    main = main * torch.where(main.sum(0) < 0, -1.0, 1.0)
    start = (joined @ main).to(torch.float32)
    start = start / start.std() * 0.3
    start[0] = 0.0
    return start


def _even(view: torch.Tensor) -> torch.Tensor:
    centred = view - view.mean(0)
    return centred / centred.pow(2).sum(1).mean().sqrt()
