"""Tokenizers made for the task, and small changes to texts that make a model robust."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Final

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

PAD_PIECE: Final = "[PAD]"
UNKNOWN_PIECE: Final = "[UNK]"


def lower_case_bpe(texts: Iterable[str], size: int) -> Tokenizer:
    """Return a byte-pair tokenizer (Sennrich et al. 2016) of `size` tokens that ignores case and accents."""
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN_PIECE, continuing_subword_prefix="##"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return _trained(tokenizer, texts, size)


def worn(text: str, rng: random.Random, rate: float) -> str:
    """Return `text` with words dropped, doubled letters, swaps and losses, each word with chance `rate`."""
    words = [_typo(word, rng) if rng.random() < rate else word for word in text.split()]
    kept = [word for word in words if rng.random() >= rate / 2]
    return " ".join(kept or words)


def _typo(word: str, rng: random.Random) -> str:
    if len(word) < 4:
        return word
    place = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(3)
    if kind == 0:
        return word[:place] + word[place + 1 :]
    if kind == 1:
        return word[:place] + word[place] + word[place:]
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def _trained(tokenizer: Tokenizer, texts: Iterable[str], size: int) -> Tokenizer:
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[PAD_PIECE, UNKNOWN_PIECE],
        continuing_subword_prefix="##",
        show_progress=False,
        min_frequency=2,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
