"""Train `text-classify-intent`: a convolutional classifier of the 150 CLINC150 intents.

    python -m specialists.forge.train_intent --data DIR --out DIR [--teacher DIR] --seed 1

With `--teacher` a frozen sentence encoder also teaches its probabilities and embeddings, on texts without labels too.
Texts of no intent teach the model to spread its probability.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import nn

from specialists.engine.onnx import OnnxEngine
from specialists.forge import export, measures, publish
from specialists.forge.networks import TextCnn
from specialists.forge.sources.folder import CITATIONS, data_directory
from specialists.forge.sources.intents import clinc150, hwu64_texts
from specialists.forge.sources.values import Utterances
from specialists.forge.teacher import Lesson, embed, linear_head
from specialists.forge.text import lower_case_bpe, worn
from specialists.forge.training import Schedule, arguments, padded, shuffled, start

NAME: Final = "text-classify-intent"
VERSION: Final = "1.0.0"
VOCABULARY: Final = 4000
MAX_TOKENS: Final = 64
BATCH: Final = 64
UNLABELLED: Final = -1
OUTSIDE: Final = -2


@dataclass(frozen=True, slots=True)
class Lot:
    """Texts to train on; a label is a class number, UNLABELLED (teacher only) or OUTSIDE (no intent)."""

    texts: list[str]
    labels: torch.Tensor
    ids: list[list[int]]
    lesson: Lesson | None


def main(argv: Sequence[str] | None = None) -> None:
    """Train, quantize, measure and publish."""
    parser = arguments(__doc__ or "", epochs=25)
    parser.add_argument("--teacher", help="directory of a sentence encoder to learn from")
    options = parser.parse_args(argv)
    rng = start(options.seed, options.threads)
    folder = data_directory(options.data)
    splits = clinc150(folder)
    labels = sorted(set(splits["train"].labels))
    wild = hwu64_texts(folder)
    tokenizer = lower_case_bpe([*splits["train"].texts, *wild], VOCABULARY)
    lot = gather(splits, wild, labels, tokenizer, Path(options.teacher) if options.teacher else None, rng)
    model = TextCnn(tokenizer.get_vocab_size(), len(labels), width=128, filters=256, kernels=(1, 3, 5))
    train(model, lot, splits["val"], labels, tokenizer, options.epochs, rng)
    finish(model, tokenizer, splits, labels, Path(options.out), options)


def gather(
    splits: dict[str, Utterances],
    wild: list[str],
    labels: list[str],
    tokenizer: Tokenizer,
    teacher: Path | None,
    rng: random.Random,
) -> Lot:
    """Return everything to train on: labelled texts, worn copies of them, texts of no intent, unlabelled texts."""
    known = splits["train"]
    texts = list(known.texts)
    marks = [labels.index(label) for label in known.labels]
    texts += [worn(text, rng, 0.25) for text in known.texts]
    marks += marks
    outside = [text for text in splits["oos_train"].texts for _ in range(4)]
    texts += [worn(text, rng, 0.15) for text in outside]
    marks += [OUTSIDE] * len(outside)
    if teacher:
        texts += wild
        marks += [UNLABELLED] * len(wild)
    lesson = None
    if teacher:
        embeddings = embed(teacher, texts)
        count = len(known.texts)
        head = linear_head(embeddings[:count], torch.tensor(marks[:count]), len(labels))
        lesson = Lesson(embeddings, head(embeddings))
        right = (lesson.logits[:count].argmax(1) == torch.tensor(marks[:count])).float().mean()
        print(f"teacher: {right:.4f} of the training texts right", flush=True)
    ids = [encoding.ids[:MAX_TOKENS] for encoding in tokenizer.encode_batch(texts)]
    return Lot(texts, torch.tensor(marks), ids, lesson)


def train(
    model: TextCnn,
    lot: Lot,
    check: Utterances,
    labels: list[str],
    tokenizer: Tokenizer,
    epochs: int,
    rng: random.Random,
) -> None:
    """Fit `model` to the lot and print its accuracy on `check` now and then."""
    width = model.head.in_features
    project = nn.Linear(width, lot.lesson.embeddings.shape[1]) if lot.lesson else None
    both = nn.ModuleList([model, *([project] if project else [])])
    schedule = Schedule(both, epochs * -(-len(lot.ids) // BATCH), peak=3e-3)
    for epoch in range(epochs):
        model.train()
        for rows in shuffled(len(lot.ids), BATCH, rng):
            kept = [[t if rng.random() > 0.08 else 1 for t in lot.ids[row]] or [1] for row in rows]
            ids = torch.from_numpy(padded(kept))
            schedule.step(loss_of(model, project, ids, lot, torch.tensor(rows)))
        note = ""
        if epoch % 5 == 4 or epoch == epochs - 1:
            note = f"validation {accuracy(model, check, labels, tokenizer):.4f}"
        schedule.report(epoch, note)


def loss_of(
    model: TextCnn, project: nn.Linear | None, ids: torch.Tensor, lot: Lot, rows: torch.Tensor
) -> torch.Tensor:
    """Return cross-entropy on labels, spread on texts of no intent, and distance to the teacher."""
    features = model.features(ids)
    logits = model.head(model.drop(features))
    labels = lot.labels[rows]
    known, outside = labels >= 0, labels == OUTSIDE
    loss = logits.sum() * 0.0
    if known.any():
        loss = loss + nn.functional.cross_entropy(logits[known], labels[known], label_smoothing=0.05)
    if outside.any():
        loss = loss - torch.log_softmax(logits[outside], 1).mean() * outside.float().mean()
    if lot.lesson and project:
        taught = ~outside
        wanted = torch.softmax(lot.lesson.logits[rows][taught] / 2, 1)
        given = torch.log_softmax(logits[taught] / 2, 1)
        loss = loss + 2.0 * nn.functional.kl_div(given, wanted, reduction="batchmean")
        near = nn.functional.cosine_similarity(project(features), lot.lesson.embeddings[rows], dim=1)
        loss = loss + (1 - near).mean()
    return loss


def logits_of(run: torch.nn.Module, texts: Sequence[str], tokenizer: Tokenizer) -> np.ndarray:
    """Return the logits of `texts` from the torch module."""
    run.eval()
    rows = []
    with torch.inference_mode():
        for begin in range(0, len(texts), 256):
            ids = [
                e.ids[:MAX_TOKENS] or [1] for e in tokenizer.encode_batch(list(texts[begin : begin + 256]))
            ]
            rows.append(run(torch.from_numpy(padded(ids))).numpy())
    return np.concatenate(rows)


def accuracy(model: TextCnn, check: Utterances, labels: list[str], tokenizer: Tokenizer) -> float:
    """Return the share of `check` that the model gets right."""
    guess = logits_of(model, check.texts, tokenizer).argmax(1)
    return float(np.mean([labels[g] == want for g, want in zip(guess, check.labels, strict=True)]))


def finish(
    model: TextCnn,
    tokenizer: Tokenizer,
    splits: dict[str, Utterances],
    labels: list[str],
    out: Path,
    options: argparse.Namespace,
) -> None:
    """Quantize, calibrate on the validation split, measure on the test split and write the specialist."""
    content = quantized(model, tokenizer, splits["train"].texts[::15])
    run = Judge(content, tokenizer)
    known = run.logits(splits["val"].texts)
    wanted = np.array([labels.index(label) for label in splits["val"].labels])
    temperature = measures.temperature_of(known, wanted)
    confidence = measures.softmax(known, temperature).max(1)
    right = known.argmax(1) == wanted
    outside = measures.softmax(run.logits(splits["oos_val"].texts), temperature).max(1)
    cut = measures.best_cut(confidence[right], np.concatenate([confidence[~right], outside]))
    quality = measured(run, splits, labels, temperature, cut)
    print(
        "\n".join(
            f"{name}: {m.value:.4f} ({m.low:.4f} to {m.high:.4f}, n {m.n})" for name, m in quality.items()
        )
    )
    draft = publish.Draft(
        name=NAME,
        version=VERSION,
        capability="text.classify_intent",
        inputs={"text": "text"},
        output="intent",
        kind="intent",
        model=content,
        tokenizer=tokenizer.to_str(),
        settings={
            "preprocess": {"max_tokens": MAX_TOKENS, "max_chars": 2000},
            "postprocess": {"labels": labels},
            "calibration": {"temperature": round(temperature, 4), "unsure_below": round(cut, 4)},
        },
        batch_max=16,
        batch_why="activation scales are static, so a text gets the same answer in a batch as alone",
        run_bound_ms=250,
        removes=(),
        data=[CITATIONS["clinc150"], CITATIONS["hwu64"]],
    )
    publish.publish(out, draft, quality, card(options))


def quantized(model: TextCnn, tokenizer: Tokenizer, texts: Sequence[str]) -> bytes:
    """Return the int8 model, its activation scales taken from `texts`."""
    sample = {"ids": np.ones((2, 12), dtype=np.int64)}
    axes = {"ids": {0: "batch", 1: "tokens"}, "logits": {0: "batch"}}
    exact = export.to_onnx(model, sample, ["logits"], axes)
    rows = [encoding.ids[:MAX_TOKENS] or [1] for encoding in tokenizer.encode_batch(list(texts))]
    return export.plain_bytes(export.static_int8(exact, [{"ids": padded([row])} for row in rows]))


class Judge:
    """Runs the quantized model as a node does, one text at a time."""

    def __init__(self, content: bytes, tokenizer: Tokenizer) -> None:
        """Load the model."""
        self._engine = OnnxEngine(content)
        self._tokenizer = tokenizer

    def logits(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return logits [texts, labels]."""
        rows = [e.ids[:MAX_TOKENS] or [1] for e in self._tokenizer.encode_batch(list(texts))]
        return np.concatenate([self._engine.run({"ids": padded([row])})[0] for row in rows]).astype(
            np.float64
        )


def measured(
    run: Judge, splits: dict[str, Utterances], labels: list[str], temperature: float, cut: float
) -> dict[str, measures.Measure]:
    """Return the figures of the card, all on the test splits."""
    logits = run.logits(splits["test"].texts)
    wanted = np.array([labels.index(label) for label in splits["test"].labels])
    right = logits.argmax(1) == wanted
    inside = measures.softmax(logits, temperature).max(1)
    outside = measures.softmax(run.logits(splits["oos_test"].texts), temperature).max(1)
    both = np.concatenate([inside, outside])
    where = "CLINC150 test"
    return {
        "accuracy": measures.share(right, where),
        "accuracy_where_sure": measures.share(right[inside >= cut], where),
        "sure": measures.share(inside >= cut, where),
        "out_of_scope_unsure": measures.share(outside < cut, "CLINC150 out-of-scope test"),
        "out_of_scope_auroc": measures.ranking(
            np.arange(len(both)) < len(inside), both, "CLINC150 test, in scope against out of scope"
        ),
        "calibration_error": measures.bootstrap(
            lambda rows: measures.calibration_error(inside[rows], right[rows]), len(right), where, rounds=200
        ),
    }


def card(options: argparse.Namespace) -> publish.Card:
    """Return the words of the card."""
    taught = (
        " The teacher is all-MiniLM-L6-v2 (Apache-2.0), frozen, with a linear head."
        if options.teacher
        else ""
    )
    teacher = " --teacher MINILM_DIR" if options.teacher else ""
    return publish.Card(
        summary="Says which of 150 everyday requests an English sentence is (banking, travel, home, work, small talk), "
        "and how sure that is.",
        how="A convolutional network (kernels 1, 3, 5) over a byte-pair vocabulary of its own, quantized to int8 with "
        f"static scales.{taught} Texts of no intent teach it to spread its probability. Temperature and the threshold "
        "for unsure come from the validation split.",
        limits=[
            "English; case and accents are ignored.",
            "One intent per text. A text of no listed intent still gets the nearest one: look at `unsure`.",
            f"Only the first {MAX_TOKENS} tokens are read.",
        ],
        command=f"python -m specialists.forge.train_intent --data DATA --out OUT{teacher} --seed {options.seed} "
        f"--epochs {options.epochs}",
    )


if __name__ == "__main__":
    main()
