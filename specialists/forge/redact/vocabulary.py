"""A small WordPiece vocabulary out of a pretrained encoder's, with what the encoder knows of each piece.

A tagger that learns its words from some thousand marked texts takes every rare word for a name. Pieces of an encoder
that has read much more text know which words are common (`scene`) and which are names (`sandra`).
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

PAD_PIECE: Final = "[PAD]"
UNKNOWN_PIECE: Final = "[UNK]"
_TABLE: Final = "embeddings.word_embeddings.weight"
_DEVIATION: Final = 0.3


class Encoder:
    """The vocabulary and the input embeddings of a BERT-like encoder: tokenizer.json and model.safetensors."""

    def __init__(self, directory: Path) -> None:
        """Read both."""
        content = (directory / "tokenizer.json").read_text("utf-8")
        ranks = Tokenizer.from_str(content).get_vocab()
        self.ranks = {piece: rank for piece, rank in ranks.items() if piece not in (PAD_PIECE, UNKNOWN_PIECE)}
        weights = load_file(directory / "model.safetensors")
        self.table = next(weights[name] for name in sorted(weights) if name.endswith(_TABLE)).to(
            torch.float64
        )

    def pieces(self, texts: Sequence[str], size: int) -> list[str]:
        """Return the `size` pieces to keep, padding and unknown first.

        First every letter and digit, so that any word can be spelt; then half of the pieces by their frequency in
        `texts`, and the others in the vocabulary's own order, which in BERT's is by frequency in English.
        """
        spelt = [mark + c for c in string.ascii_lowercase + string.digits for mark in ("", "##")]
        counts: Counter[str] = Counter()
        whole = tokenizer_of(list(self.ranks))
        for encoding in whole.encode_batch(list(texts), add_special_tokens=False):
            counts.update(encoding.tokens)
        seen = sorted(
            (p for p in counts if p in self.ranks), key=lambda piece: (-counts[piece], self.ranks[piece])
        )
        usual = sorted(
            (p for p in self.ranks if p.lstrip("#").isalpha() and p.isascii()), key=self.ranks.__getitem__
        )
        kept = dict.fromkeys(piece for piece in (*spelt, *string.punctuation) if piece in self.ranks)
        for piece in (*seen[: size // 2], *usual, *seen):
            if len(kept) + 2 >= size:
                break
            kept.setdefault(piece)
        return list(kept)

    def start(self, pieces: Sequence[str], width: int) -> torch.Tensor:
        """Return the encoder's embeddings of `pieces`, reduced by principal components to [2 + pieces, width]."""
        table = self.table[[self.ranks[piece] for piece in pieces]]
        centred = table - table.mean(0)
        values, vectors = torch.linalg.eigh(centred.T @ centred)
        main = vectors[:, values.argsort(descending=True)[:width]]
        # The sign of an eigenvector is arbitrary; this one is the same on every machine.
        main = main * torch.where(main.sum(0) < 0, -1.0, 1.0)
        start = (centred @ main).to(torch.float32)
        return torch.cat([torch.zeros(2, width), start / start.std() * _DEVIATION])


def tokenizer_of(pieces: Sequence[str]) -> Tokenizer:
    """Return a WordPiece tokenizer that ignores case and accents and reads digits one by one.

    Piece 0 pads and piece 1 is unknown.
    """
    vocabulary = {piece: n for n, piece in enumerate((PAD_PIECE, UNKNOWN_PIECE, *pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=UNKNOWN_PIECE))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Split(Regex(r"\d"), "isolated")]
    )
    return tokenizer
