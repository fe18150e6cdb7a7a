"""Train `text-redact`: a tagger of personal data in texts, beside patterns with checksums.

python -m specialists.forge.train_redact --data DIR --out DIR --seed 1
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from tokenizers import Tokenizer

from specialists.engine.onnx import OnnxEngine
from specialists.engine.tokenize import TextTokenizer
from specialists.forge import export, publish
from specialists.forge.networks import TokenTagger
from specialists.forge.redact_data import TAGS, Row, Splits, gather, made_up, recased, row_of
from specialists.forge.redact_report import (
    LEAKS,
    REPLACE,
    best_doubt,
    best_replacing,
    judged,
    measured,
    temperature_of,
)
from specialists.forge.silver import labelled, unmarked
from specialists.forge.sources.folder import CITATIONS, data_directory
from specialists.forge.sources.intents import clinc150
from specialists.forge.text import lower_case_digits_bpe
from specialists.forge.training import Schedule, arguments, padded, start
from specialists.kinds.shapes import SHAPES
from specialists.load import load

NAME: Final = "text-redact"
VERSION: Final = "1.0.0"
VOCABULARY: Final = 4000
BATCH: Final = 32
CORPORA: Final = ("presidio", "wnut17", "btc", "wikigold", "hwu64", "clinc150", "mts")
DILATIONS: Final = (1, 2, 4, 8)
UNKNOWN: Final = 1
MADE_UP: Final = 12000


def main(argv: Sequence[str] | None = None) -> None:
    """Train, quantize, measure and publish."""
    parser = arguments(__doc__ or "", epochs=9)
    parser.add_argument("--tagger", help="directory of a larger tagger that labels unmarked texts")
    options = parser.parse_args(argv)
    rng = start(options.seed, options.threads)
    folder = data_directory(options.data)
    splits = gather(folder)
    if options.tagger:
        splits.train.extend(labelled(Path(options.tagger), unmarked(folder)))
    invented = made_up(splits, MADE_UP, rng)
    texts = [e.text for e in (*splits.train, *invented)]
    tokenizer = lower_case_digits_bpe([*texts, *clinc150(folder)["train"].texts], VOCABULARY)
    print(
        f"{len(splits.train)} to train on, {len(splits.check)} to check, {len(splits.test)} to test",
        flush=True,
    )
    model = TokenTagger(
        tokenizer.get_vocab_size(), SHAPES, len(TAGS), width=112, filters=160, dilations=DILATIONS
    )
    train(model, splits, tokenizer, options.epochs, rng)
    words = TextTokenizer(tokenizer.to_str().encode())
    content = quantized(model, [row_of(example, words) for example in splits.train[::60]])
    release(content, tokenizer, splits, Path(options.out), options)


def batch_of(rows: Sequence[Row]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return ids and shapes [rows, tokens] and the permitted tags [rows, tokens, tags], padded."""
    ids, forms = padded([r.ids for r in rows]), padded([r.shapes for r in rows])
    tags = np.ones((*ids.shape, len(TAGS)), dtype=np.float32)
    for line, row in zip(tags, rows, strict=True):
        line[: len(row.tags)] = row.tags
    return torch.from_numpy(ids), torch.from_numpy(forms), torch.from_numpy(tags)


def loss_of(logits: torch.Tensor, tags: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Return minus the log of the probability of the permitted tags, tokens inside spans counted double."""
    chances = torch.log_softmax(logits, dim=2)
    permitted = torch.logsumexp(chances.masked_fill(tags == 0, -1e4), dim=2)
    weight = (ids != 0).float() * (1.0 + (tags[:, :, 0] == 0).float())
    return -(permitted * weight).sum() / weight.sum()


def train(model: TokenTagger, splits: Splits, tokenizer: Tokenizer, epochs: int, rng: random.Random) -> None:
    """Fit the model; each epoch sees other cases of letters and other made-up persons."""
    words = TextTokenizer(tokenizer.to_str().encode())
    check = [row_of(example, words) for example in splits.check]
    count = len(splits.train) + MADE_UP
    schedule = Schedule(model, epochs * -(-count // BATCH), peak=3e-3)
    for epoch in range(epochs):
        examples = [*splits.train, *made_up(splits, MADE_UP, rng)]
        rows = [row_of(recased(example, rng), words) for example in examples]
        # Texts of one length together waste little on padding; the order of batches stays random.
        order = sorted(range(count), key=lambda i: len(rows[i].ids) + rng.random() * 4)
        batches = [order[i : i + BATCH] for i in range(0, count, BATCH)]
        rng.shuffle(batches)
        model.train()
        for batch in batches:
            ids, forms, tags = batch_of([rows[i] for i in batch])
            ids[(torch.rand(ids.shape) < 0.06) & (ids != 0)] = UNKNOWN
            schedule.step(loss_of(model(ids, forms), tags, ids))
        schedule.report(epoch, report(model, check))


def report(model: TokenTagger, rows: Sequence[Row]) -> str:
    """Return recall and precision of tokens inside spans on `rows`."""
    model.eval()
    found = inside = flagged = 0
    with torch.inference_mode():
        for begin in range(0, len(rows), 128):
            ids, forms, tags = batch_of(rows[begin : begin + 128])
            guess = model(ids, forms).argmax(2)
            real = ids != 0
            inner = (tags[:, :, 0] == 0) & real
            right = tags.gather(2, guess.unsqueeze(2)).squeeze(2) > 0
            inside += int(inner.sum())
            found += int((inner & right).sum())
            flagged += int(((guess > 0) & ~right & real).sum())
    return (
        f"validation tokens: {found / inside:.4f} found, {flagged / inside:.4f} wrongly marked per one inside"
    )


def release(
    content: bytes, tokenizer: Tokenizer, splits: Splits, out: Path, options: argparse.Namespace
) -> None:
    """Choose the thresholds on the validation texts, measure on the test texts and write the specialist."""
    words = TextTokenizer(tokenizer.to_str().encode())
    engine = OnnxEngine(content)
    temperature = temperature_of(engine, [row_of(example, words) for example in splits.check])
    replace_from = best_replacing(judged(engine, words, splits.check, temperature))
    # Tweets are marked too unevenly to say what was missed in them.
    plain = [example for example in splits.check if example.source not in ("btc", "wnut17")]
    doubt_from = best_doubt(judged(engine, words, plain, temperature), replace_from)
    print(
        f"temperature {temperature:.3f}, replace from {replace_from:.3f}, doubt from {doubt_from:.3f}",
        flush=True,
    )
    draft = publish.Draft(
        name=NAME,
        version=VERSION,
        capability="text.redact",
        inputs={"text": "text"},
        output="text.redacted",
        kind="redact",
        model=content,
        tokenizer=tokenizer.to_str(),
        settings={
            "preprocess": {"max_tokens": 4096, "max_chars": 8000, "scripts": ["LATIN"]},
            "postprocess": {"tags": list(TAGS), "replace": list(REPLACE), "only_with_digits": ["DATE"]},
            "calibration": {
                "temperature": round(temperature, 4),
                "replace_from": round(replace_from, 4),
                "doubt_from": round(doubt_from, 4),
            },
        },
        batch_max=8,
        batch_why="activation scales are static, so a text gets the same answer in a batch as alone",
        run_bound_ms=2000,
        removes=("pii",),
        data=[CITATIONS[name] for name in ("presidio", "wnut17", "btc", "wikigold", "hwu64", "clinc150")],
    )
    publish.publish(out, draft, {}, card(options))
    quality = measured(load(out), splits.test)
    print(
        "\n".join(
            f"{name}: {m.value:.4f} ({m.low:.4f} to {m.high:.4f}, n {m.n})" for name, m in quality.items()
        )
    )
    publish.publish(out, draft, quality, card(options))


def quantized(model: TokenTagger, rows: Sequence[Row]) -> bytes:
    """Return the int8 model, its activation scales taken from `rows`."""
    feeds = [{"ids": padded([row.ids]), "shapes": padded([row.shapes])} for row in rows]
    sample = {name: np.repeat(value, 2, axis=0) for name, value in feeds[0].items()}
    axes = {name: {0: "batch", 1: "tokens"} for name in ("ids", "shapes", "tags")}
    return export.plain_bytes(export.static_int8(export.to_onnx(model, sample, ["tags"], axes), feeds))


def card(options: argparse.Namespace) -> publish.Card:
    """Return the words of the card."""
    tagger = " --tagger RAMPART_DIR" if options.tagger else ""
    return publish.Card(
        summary="Replaces personal data in a text by placeholders such as [PERSON]: names, places and addresses, dates "
        "in digits, numbers of persons, e-mail, telephone, card, IBAN and IP addresses. Organisations stay.",
        how="A dilated convolutional tagger over lower-case byte pairs and the shapes of tokens, int8 with static "
        "scales, beside patterns with checksums (Luhn, ISO 13616). It learned from presidio-research, WNUT17, BTC, "
        "wikigold and HWU64, and from made-up persons in the sentences of the training texts"
        f"{', and from CLINC150 and MTS-Dialog with the labels of a larger tagger' if tagger else ''}; a third in "
        "lower case. `replace_from` has the best F2 on the validation texts; `doubt_from` is such that of the "
        f"validation texts that are no tweets and seem sure at most {LEAKS:.1%} still hold something personal.",
        limits=[
            "English. A text with letters of another script than Latin is unsure, with confidence 0.",
            "It claims to have removed `pii` only where it is sure. Sure is not certain: see the last figures.",
            "A year alone may stay.",
            "Names in tweets and in lower case are found less often than in ordinary sentences.",
            "A person may be known by what is told of them; that is not seen.",
            "At most 8000 characters; longer texts are refused, never cut.",
            "The test figures were looked at while the recipe was chosen, so they are somewhat favourable.",
        ],
        command=f"python -m specialists.forge.train_redact --data DATA --out OUT{tagger} --seed {options.seed} "
        f"--epochs {options.epochs}",
    )


if __name__ == "__main__":
    main()
