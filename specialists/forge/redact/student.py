"""The student: a dilated convolutional tagger over word pieces and the shapes of tokens, trained on sets of tags."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from specialists.engine.tokenize import UNKNOWN, TextTokenizer
from specialists.forge.loops import Average, Checkpoint, like_length, warm_then_linear
from specialists.forge.redact.examples import Splits
from specialists.forge.redact.invented import Invented, recased
from specialists.forge.redact.network import TokenTagger
from specialists.forge.redact.rows import Row, TagSets, loss_of
from specialists.kinds.shapes import SHAPES

BATCH: Final = 32
_PEAK: Final = 3e-3
_DECAY: Final = 0.01
_SLOWLY: Final = 0.2
_KEEP: Final = 0.999
_FORGOTTEN: Final = 0.06
_CHECKED: Final = 64


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to learn: passes over the data, made-up sentences in each, and the random seed."""

    epochs: int
    made_up: int
    seed: int


def network(pieces: int, tags: int, options: Mapping[str, object]) -> TokenTagger:
    """Return an untrained student for `pieces` pieces and `tags` tags, with the sizes of the options."""
    width, filters, dilations = (options[name] for name in ("width", "filters", "dilations"))
    assert isinstance(width, int), "checked by the pipeline"
    assert isinstance(filters, int), "checked by the pipeline"
    assert isinstance(dilations, list | tuple), "checked by the pipeline"
    return TokenTagger(pieces, SHAPES, tags, width, filters, [int(d) for d in dilations])


def train(
    model: TokenTagger,
    splits: Splits,
    taught: Callable[[TagSets, TextTokenizer], list[Row]],
    words: TextTokenizer,
    plan: Plan,
    scratch: Path,
    progress: Callable[[int, str], None],
) -> None:
    """Fit the model; each epoch sees other cases of letters and other made-up persons.

    `taught` gives the rows of texts that only a teacher has marked. `progress` hears of each epoch. A loop that was
    killed goes on after its last whole epoch, bit for bit.
    """
    sets = TagSets(splits.tags, [*splits.train, *splits.validation])
    made, silver = Invented(splits.train), taught(sets, words)
    check = [sets.row(example, words) for example in splits.validation]
    count = len(splits.train) + len(silver) + (plan.made_up if made.possible else 0)
    steps = plan.epochs * -(-count // BATCH)
    optimizer = torch.optim.AdamW(_rates(model), lr=_PEAK, weight_decay=_DECAY)
    average = Average(model, _KEEP)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, warm_then_linear(steps))
    checkpoint = Checkpoint(
        scratch / "student.pt", model=model, optimizer=optimizer, rate=rate, average=average
    )
    for epoch in range(checkpoint.resume(), plan.epochs):
        torch.manual_seed(plan.seed * 1009 + epoch)
        rng = random.Random(f"{plan.seed}:{epoch}")
        examples = [*splits.train, *made.examples(plan.made_up, rng)]
        rows = [*(sets.row(recased(example, rng), words) for example in examples), *silver]
        model.train()
        for places in like_length([len(row.ids) for row in rows], BATCH, plan.seed, epoch):
            ids, forms, shares = sets.batch([rows[place] for place in places])
            # A piece that is forgotten now and then teaches to read names that were never seen.
            ids[(torch.rand(ids.shape) < _FORGOTTEN) & (ids != 0)] = UNKNOWN
            optimizer.zero_grad(set_to_none=True)
            loss_of(model(ids, forms), shares, sets.members).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            rate.step()
            average.update()
        checkpoint.save(epoch + 1)
        progress(epoch, f"validation loss {loss_on(model, sets, check):.4f}")
    model.load_state_dict(average.weights)


def _rates(model: TokenTagger) -> list[dict[str, object]]:
    """Return the parameters by rate: the embeddings know words that no text has, and must not forget them."""
    rest = [value for name, value in model.named_parameters() if name != "embed.weight"]
    return [{"params": [model.embed.weight], "lr": _PEAK * _SLOWLY}, {"params": rest}]


def loss_on(model: TokenTagger, sets: TagSets, rows: Sequence[Row]) -> float:
    """Return the mean loss per token on `rows`, nan if there are none."""
    model.eval()
    total, tokens = 0.0, 0
    with torch.inference_mode():
        for begin in range(0, len(rows), _CHECKED):
            some = rows[begin : begin + _CHECKED]
            ids, forms, shares = sets.batch(some)
            count = sum(len(row.ids) for row in some)
            total += float(loss_of(model(ids, forms), shares, sets.members)) * count
            tokens += count
    return total / tokens if tokens else float("nan")
