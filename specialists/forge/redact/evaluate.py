"""The stage `evaluate`: teacher, exact and quantized student on the same test texts, as they are served."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from specialists.engine.tokenize import TextTokenizer
from specialists.forge.export import parameters_of
from specialists.forge.footprint import model_footprint
from specialists.forge.measures import Measure
from specialists.forge.pipeline.draft import Draft
from specialists.forge.pipeline.evaluation import EVALUATION_FILE
from specialists.forge.pipeline.rehearsal import record_answers, rehearse
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.redact.examples import OUTSIDE, Example, load_splits
from specialists.forge.redact.fit import EXACT, MODEL, feeds_of, main_source
from specialists.forge.redact.measure import Detector, detector_of, doubts, measured
from specialists.forge.redact.places import directory_of
from specialists.forge.redact.teacher import KNOWS, Teacher
from specialists.forge.timing import Times, onnx_call, side_by_side
from specialists.forge.typos import worn
from specialists.load import Specialist

HEADLINE: Final = "character_f1"
_STANDARD: Final = (HEADLINE, "slot_f1")
_WORDS: Final = 40
_TIMED: Final = 200
_STEP: Final = 97
_TYPOS: Final = 0.1

Feeds = Mapping[str, npt.NDArray[np.int64]]
Drafts = Callable[[Workbench, Path], Draft]
Part = dict[str, object]


def evaluate(bench: Workbench, draft: Drafts) -> None:
    """Write evaluation.json. The test texts are looked at here and nowhere before."""
    splits = load_splits(bench.of("data"))
    main, kinds = main_source(splits.test), frozenset(splits.tags) - {OUTSIDE}
    words = TextTokenizer((bench.of("prune") / "tokenizer.json").read_bytes())
    models = {"student_fp32": bench.of("quantize") / EXACT, "student_int8": bench.of("quantize") / MODEL}
    timed = splits.test[:: max(1, len(splits.test) // _TIMED)]
    ours: list[Feeds] = [feeds_of(example, words) for example in timed]
    feeds = dict.fromkeys(models, ours)
    bar = bench.bar("measuring", 4)
    served = {
        name: rehearse(bench.recipe, draft(bench, model), bench.scratch / name)
        for name, model in models.items()
    }
    parts: dict[str, Part] = {}
    for name, specialist in served.items():
        figures = measured(detector_of(specialist), splits.test, kinds) | doubts(specialist, splits.test)
        parts[name] = {"quality": _quality(figures, main)}
        bar.advance()
    directory = directory_of(str(bench.options("teacher")["directory"]))
    if directory is not None:
        teacher = Teacher(directory)
        parts["teacher"] = {"quality": _quality(measured(teacher.detect, splits.test, KNOWS), main)}
        models["teacher"], feeds["teacher"] = teacher.file, [teacher.feeds(example.text) for example in timed]
    bar.advance()
    times = side_by_side({name: onnx_call(model, feeds[name]) for name, model in models.items()})
    for name, part in parts.items():
        exact = models["teacher" if name == "teacher" else "student_fp32"]
        part.update(_costs(models[name], exact, times[name], feeds[name][0]))
    if directory is None:
        bench.say("There was no teacher to compare with: the exact student stands in its place.")
        parts["teacher"] = parts["student_fp32"]
    shipped = served["student_int8"]
    document = {
        "task": "redact",
        "classes": len(kinds),
        "headline": HEADLINE,
        **parts,
        "robustness": _robustness(detector_of(shipped), splits.test, kinds, main),
        "extra": {"main": main, f"answer_of_{_WORDS}_words_ms": _answer_ms(shipped, splits.test)},
    }
    (bench.folder / EVALUATION_FILE).write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    record_answers(shipped, [{"text": example.text} for example in splits.test[::_STEP]], bench.folder)
    bar.advance()


def _quality(figures: Mapping[str, Measure], main: str) -> Part:
    """Return the figures of every corpus, and before them the main one's that have standard names."""
    standard = {name: figures[f"{main}_{name}"] for name in _STANDARD}
    return {name: figure.as_json() for name, figure in {**standard, **figures}.items()}


def _costs(model: Path, exact: Path, times: Times, feeds: Feeds) -> Part:
    return {
        "bytes": model.stat().st_size,
        "parameters": parameters_of(exact),
        "p50_ms": round(times.p50_ms, 4),
        "p99_ms": round(times.p99_ms, 4),
        "rss_mb": round(model_footprint(model, feeds).rss_mb, 1),
    }


def _robustness(
    detect: Detector, examples: Sequence[Example], kinds: frozenset[str], main: str
) -> dict[str, dict[str, object]]:
    """Return recall and precision per character on the main corpus with other letters, and with typing errors."""
    some = [example for example in examples if example.source == main]
    changes: Mapping[str, Callable[[str], str]] = {"lower case": str.lower, "upper case": str.upper}
    out = {}
    for name, change in changes.items():
        changed = [replace(e, text=change(e.text)) for e in some if len(change(e.text)) == len(e.text)]
        out[name] = _two(measured(detect, changed, kinds), main)
    rng = random.Random(0)
    out["typing errors outside of what is marked"] = _two(
        measured(detect, [_worn(example, rng) for example in some], kinds), main
    )
    return out


def _two(figures: Mapping[str, Measure], main: str) -> dict[str, object]:
    kept = {name: figures.get(f"{main}_{name}") for name in ("character_recall", "character_precision")}
    return {name: figure.as_json() for name, figure in kept.items() if figure}


def _worn(example: Example, rng: random.Random) -> Example:
    """Return the example with errors between its marks, which move with the text."""
    text, marks, at = "", [], 0
    for mark in example.marks:
        text += _bad(example.text[at : mark.start], rng)
        marks.append(replace(mark, start=len(text), end=len(text) + mark.end - mark.start))
        text += example.text[mark.start : mark.end]
        at = mark.end
    return replace(example, text=text + _bad(example.text[at:], rng), marks=tuple(marks))


def _bad(text: str, rng: random.Random) -> str:
    """Return `text` with errors in its words; what is between them stays, at its ends too."""
    inner = text.strip()
    if not inner:
        return text
    start = text.index(inner)
    return text[:start] + worn(inner, rng, _TYPOS) + text[start + len(inner) :]


def _answer_ms(specialist: Specialist, examples: Sequence[Example]) -> float:
    """Return the median time of a whole answer, tokenizing and patterns included, to texts of 40 words."""
    flow = [word for example in examples for word in example.text.split()]
    texts = [" ".join(flow[at : at + _WORDS]) for at in range(0, _WORDS * _TIMED, _WORDS)]
    times = side_by_side({"answer": lambda n: specialist.answer([{"text": texts[n % len(texts)]}])})
    return round(times["answer"].p50_ms, 4)
