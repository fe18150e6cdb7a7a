"""The stages `quantize` and `calibrate`: a small model that says the same, and thresholds from validation texts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx

from specialists.engine.onnx import OnnxEngine
from specialists.engine.tokenize import TextTokenizer, padded
from specialists.forge import export, quantize
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.redact import thresholds
from specialists.forge.redact.examples import OUTSIDE, Example, load_splits
from specialists.forge.redact.learn import student_of
from specialists.forge.redact.rows import MAX_TOKENS
from specialists.forge.redact.thresholds import LEAKS, Types, Words
from specialists.kinds.redact import FEW_WORDS
from specialists.kinds.shapes import shapes
from specialists.kinds.units import units_of

EXACT: Final = "student.onnx"
MODEL: Final = "model.onnx"
_CHOICE: Final = "quantize.json"
_CALIBRATION: Final = "calibration.json"
_WAYS: Final = ("static", "static_table8", "static_table4", "table8")
_SAMPLES: Final = 400
_TRIED: Final = 1500
_TIMED: Final = 64
_EVEN_ODDS: Final = 0.5
_TOLERANCE: Final = 0.003
# Tweets are marked too unevenly to say what was missed in them, and written too oddly to say what is usual.
_UNEVEN: Final = frozenset({"btc", "wnut17"})
_STRANGEST: Final = 99.5
_NEVER: Final = 1e9


def quantized(bench: Workbench) -> None:
    """Write the student as ONNX, exact and in the smallest way that loses next to nothing on validation texts."""
    model, tokenizer = student_of(bench)
    splits = load_splits(bench.of("data"))
    words = TextTokenizer(tokenizer.to_str().encode())
    samples = [feeds_of(example, words) for example in _spread(splits.train, _SAMPLES)]
    axes = {name: {0: "batch", 1: "tokens"} for name in ("ids", "shapes", "tags")}
    twice = {name: np.repeat(value, 2, axis=0) for name, value in samples[0].items()}
    exact = export.to_onnx(model, twice, ["tags"], axes)
    onnx.save(exact, bench.folder / EXACT)
    chosen = _spread(splits.validation, _TRIED)
    types = types_of(bench, splits.tags)

    def quality(content: bytes) -> float:
        logits = thresholds.logits_of(runs(content), words, chosen)
        found = thresholds.judged(logits, words, chosen, types, 1.0)
        return thresholds.f_measure(found, found.chances.sum(axis=1) >= _EVEN_ODDS, 2.0)

    made = quantize.candidates(exact, samples, _WAYS)
    trials = quantize.tried(
        [*made, *quantize.candidates(exact, samples, ["exact"])], quality, samples[:_TIMED]
    )
    best = quantize.best(trials, _TOLERANCE)
    (bench.folder / MODEL).write_bytes(best.candidate.model)
    facts = {
        "way": best.candidate.way,
        "batch_why": best.candidate.batch_why,
        "tried": [t.as_json() for t in trials],
    }
    (bench.folder / _CHOICE).write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    for trial in trials:
        bench.say(
            f"{trial.candidate.way}: {len(trial.candidate.model):,} bytes, F2 {trial.quality:.4f} on validation."
        )
    bench.say(f"Quantized as {best.candidate.way}.")


def calibrate(bench: Workbench) -> None:
    """Write temperature and thresholds, all chosen on validation texts."""
    splits, options = load_splits(bench.of("data")), bench.options()
    words = TextTokenizer((bench.of("prune") / "tokenizer.json").read_bytes())
    examples, types = splits.validation, types_of(bench, splits.tags)
    logits = thresholds.logits_of(runs((bench.of("quantize") / MODEL).read_bytes()), words, examples)
    temperature = thresholds.best_temperature(logits, words, examples, splits.tags)
    found = thresholds.judged(logits, words, examples, types, temperature)
    sources = {source: _of(found, examples, {source}) for source in dict.fromkeys(e.source for e in examples)}
    wanted = options["precision"]
    assert isinstance(wanted, float), "checked by the pipeline"
    even = set(sources) - _UNEVEN or set(sources)
    corpora = [words for source, words in sources.items() if source in even]
    cuts = thresholds.best_cuts(list(sources.values()), corpora, splits.tags[1:], wanted)
    settings = {
        "temperature": round(temperature, 4),
        "replace_from": {tag: round(float(cut), 4) for tag, cut in zip(splits.tags[1:], cuts, strict=True)},
        "doubt_from": round(thresholds.best_doubt(_of(found, examples, even), cuts), 4),
        "unfamiliar_from": round(_strange_from([e for e in examples if e.source in even], words), 3),
    }
    (bench.folder / _CALIBRATION).write_text(json.dumps(settings) + "\n", "utf-8")
    shown = ", ".join(f"{tag} {cut:.2f}" for tag, cut in zip(splits.tags[1:], cuts, strict=True))
    bench.say(f"Words go from a probability of {shown}.")
    bench.say(f"Of the validation texts that seem sure {LEAKS:.1%} at most still hold something personal.")


def calibration_of(bench: Workbench) -> Mapping[str, object]:
    """Return what `calibrate` chose."""
    settings: dict[str, object] = json.loads((bench.of("calibrate") / _CALIBRATION).read_text("utf-8"))
    return settings


def batch_why_of(bench: Workbench) -> str:
    """Return why the chosen model may answer in batches."""
    return str(json.loads((bench.of("quantize") / _CHOICE).read_text("utf-8"))["batch_why"])


def types_of(bench: Workbench, tags: tuple[str, ...]) -> Types:
    """Return which tags are replaced and vouched for; tags of a user's own are both."""
    options = bench.options("calibrate")
    kept, unvouched, numeric = (
        frozenset(map(str, _strings(options[name]))) for name in ("keep", "not_vouched", "only_with_digits")
    )
    replace = frozenset(tags[1:]) - kept
    return Types(tags, replace, replace - unvouched, numeric & replace)


def main_source(examples: Sequence[Example]) -> str:
    """Return the corpus that figures are about: a user's own, else the first that is marked completely."""
    known = {example.source for example in examples}
    return next((name for name in ("own", "presidio") if name in known), examples[0].source)


def runs(content: bytes) -> thresholds.Runs:
    """Return a call of the model `content` as a node runs it."""
    engine = OnnxEngine(content)
    return lambda feeds: engine.run(feeds)[0].astype(np.float32)


def feeds_of(example: Example, words: TextTokenizer) -> dict[str, npt.NDArray[np.int64]]:
    """Return the model's inputs for one text, unpadded."""
    tokens = words.encode(example.text, MAX_TOKENS)
    return {"ids": padded([tokens.ids]), "shapes": padded([shapes(example.text, tokens)])}


def _strange_from(examples: Sequence[Example], words: TextTokenizer) -> float:
    """Return how many tokens a word has on average in the strangest texts: more is another language or none."""
    means = []
    for example in examples:
        tokens = words.encode(example.text, MAX_TOKENS)
        units = units_of(example.text, tokens, np.zeros((len(tokens.ids), 1)), ("",))
        pieces = [
            count
            for span, count in zip(units.spans, units.pieces, strict=True)
            if OUTSIDE in example.options(*span)
        ]
        if len(pieces) >= FEW_WORDS:
            means.append(sum(pieces) / len(pieces))
    return float(np.percentile(means, _STRANGEST)) if means else _NEVER


def _of(found: Words, examples: Sequence[Example], sources: set[str] | frozenset[str]) -> Words:
    return found.of([place for place, example in enumerate(examples) if example.source in sources])


def _spread(examples: Sequence[Example], most: int) -> list[Example]:
    return list(examples[:: max(1, -(-len(examples) // most))])


def _strings(value: object) -> Sequence[object]:
    assert isinstance(value, list | tuple), "checked by the pipeline"
    return value
