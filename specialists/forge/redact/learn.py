"""The stages `teacher`, `distill` and `prune`: what a larger tagger says of unmarked texts, and a student of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np
import torch
from tokenizers import Tokenizer

from hive.errors import HiveError
from specialists.engine.tokenize import TextTokenizer
from specialists.forge.encoders import encoder_directory
from specialists.forge.pipeline.options import integer
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.redact.examples import Splits, load_splits
from specialists.forge.redact.network import TokenTagger
from specialists.forge.redact.places import directory_of
from specialists.forge.redact.rows import MAX_TOKENS, Row, TagSets
from specialists.forge.redact.student import Plan, network, train
from specialists.forge.redact.teacher import CITATION, DEFAULT, GROUPS, Teacher
from specialists.forge.redact.vocabulary import Encoder, tokenizer_of

STUDENT: Final = "student.pt"
TOKENIZER: Final = "tokenizer.json"
_TAUGHT: Final = "taught.npz"
_FACTS: Final = "teacher.json"
_READS_S: Final = 0.008  # of one text by the teacher
# Of one token by the student, forwards and backwards: what hangs on nothing, and of each of its multiplications.
_TOKEN_S: Final = 3e-5
_PRODUCT_S: Final = 1.8e-10
_EPOCHS: Final = range(2, 13)


def teacher(bench: Workbench) -> None:
    """Write what the teacher says of the unmarked texts: as many as the budget buys, in their order.

    The default teacher is optional. Raises HiveError(recipe_invalid) if another one is named and is not there.
    """
    texts = load_splits(bench.of("data")).unlabelled
    place = str(bench.options()["directory"])
    directory = directory_of(place)
    if directory is None:
        if place not in {"", DEFAULT}:
            raise HiveError(
                "recipe_invalid", f"`teacher.directory` is {place!r}: there is no such directory."
            )
        bench.say(
            "There is no teacher: the student learns from marked texts alone. See the option `directory`."
        )
        texts = []
    else:
        texts = texts[:: max(1, -(-int(len(texts) * _READS_S) // max(1, int(bench.budget_s))))]
        bench.say(f"The teacher reads {len(texts)} texts without marks.")
    offsets, chances, counts = (
        [np.zeros((0, 2), dtype=np.int32)],
        [np.zeros((0, GROUPS), dtype=np.float16)],
        [],
    )
    if directory is not None:
        tagger, bar = Teacher(directory), bench.bar("reading", len(texts))
        for text in texts:
            places, said = tagger.read(text)
            offsets.append(np.array(places, dtype=np.int32).reshape(-1, 2))
            chances.append(said.astype(np.float16))
            counts.append(len(places))
            bar.advance()
    np.savez(
        bench.folder / _TAUGHT,
        texts=np.array(json.dumps(texts)),
        offsets=np.concatenate(offsets),
        chances=np.concatenate(chances),
        counts=np.array(counts, dtype=np.int64),
    )
    facts = {"citation": CITATION if directory else "", "texts": len(texts)}
    (bench.folder / _FACTS).write_text(json.dumps(facts) + "\n", "utf-8")


def distill(bench: Workbench) -> None:
    """Write the student's weights and its tokenizer."""
    splits, options = load_splits(bench.of("data")), bench.options()
    torch.set_num_threads(bench.threads)
    torch.manual_seed(bench.seed)
    torch.use_deterministic_algorithms(True)
    encoder = Encoder(encoder_directory(str(options["encoder"])))
    pieces = encoder.pieces([*(e.text for e in splits.train), *splits.unlabelled], integer(options, "pieces"))
    tokenizer = tokenizer_of(pieces)
    words = TextTokenizer(tokenizer.to_str().encode())
    model = network(tokenizer.get_vocab_size(), len(splits.tags), options)
    with torch.no_grad():
        model.embed.weight.copy_(encoder.start(pieces, model.embed.embedding_dim))
    plan = _plan(bench, splits, words, model)
    bar = bench.bar("learning", plan.epochs)
    train(
        model,
        splits,
        lambda sets, words: taught_rows(bench.of("teacher"), sets, words),
        words,
        plan,
        bench.scratch,
        lambda _, note: bar.advance(1, note),
    )
    torch.save(model.state_dict(), bench.folder / STUDENT)
    (bench.folder / TOKENIZER).write_text(tokenizer.to_str(), "utf-8")
    bench.say(f"The student learned for {plan.epochs} epochs, with {plan.made_up} made-up sentences in each.")


def prune(bench: Workbench) -> None:
    """Hand the student on: its vocabulary was cut out of the encoder's before it learned."""
    for name in (STUDENT, TOKENIZER):
        (bench.folder / name).write_bytes((bench.of("distill") / name).read_bytes())
    bench.say("Nothing was pruned: the student's vocabulary was cut out of the encoder's before it learned.")


def student_of(bench: Workbench) -> tuple[TokenTagger, Tokenizer]:
    """Return the student that `prune` left, in the mode of answering."""
    tokenizer = Tokenizer.from_file(str(bench.of("prune") / TOKENIZER))
    tags = len(load_splits(bench.of("data")).tags)
    model = network(tokenizer.get_vocab_size(), tags, bench.options("distill"))
    model.load_state_dict(torch.load(bench.of("prune") / STUDENT, weights_only=True))
    return model.eval(), tokenizer


def taught_rows(folder: Path, sets: TagSets, words: TextTokenizer) -> list[Row]:
    """Return the texts that the teacher has read, with what it says of them."""
    with np.load(folder / _TAUGHT) as file:
        texts = json.loads(str(file["texts"]))
        ends = np.cumsum(file["counts"]).tolist()
        offsets, chances = file["offsets"].tolist(), file["chances"].astype(np.float64)
    return [
        sets.taught(text, offsets[start:end], chances[start:end], words)
        for text, start, end in zip(texts, [0, *ends][:-1], ends, strict=True)
        if end > start
    ]


def citation_of(folder: Path) -> str:
    """Return how the teacher is cited, "" if there was none."""
    return str(json.loads((folder / _FACTS).read_text("utf-8"))["citation"])


def _plan(bench: Workbench, splits: Splits, words: TextTokenizer, model: TokenTagger) -> Plan:
    """Return how long to learn: what the budget buys at the nominal cost of a token."""
    made_up = integer(bench.options(), "made_up")
    sample = splits.train[:: max(1, len(splits.train) // 500)]
    mean = sum(len(words.encode(e.text, MAX_TOKENS).ids) for e in sample) / len(sample)
    texts = (
        len(splits.train) + made_up + json.loads((bench.of("teacher") / _FACTS).read_text("utf-8"))["texts"]
    )
    products = sum(value.numel() for name, value in model.named_parameters() if not name.startswith("embed"))
    epochs = int(bench.budget_s / (texts * mean * (_TOKEN_S + products * _PRODUCT_S)))
    return Plan(min(max(epochs, _EPOCHS.start), _EPOCHS.stop - 1), made_up, bench.seed)
