"""The stage `evaluate` of the task: teacher and both students on the test part, side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from specialists.forge.export import parameters_of
from specialists.forge.footprint import model_footprint
from specialists.forge.pipeline.evaluation import EVALUATION_FILE
from specialists.forge.pipeline.rehearsal import record_answers, rehearse
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.sources.values import MarkedText
from specialists.forge.tag.corpus import TagCorpus, load_corpus
from specialists.forge.tag.drafted import draft_of
from specialists.forge.tag.files import TEACHER_ONNX, student_rows, teacher_rows
from specialists.forge.tag.learn import encoder_of
from specialists.forge.tag.outputs import feed_of, outputs_of
from specialists.forge.tag.quality import disturbances, per_class, quality_of
from specialists.forge.tag.rows import RowMaker
from specialists.forge.tag.scores import f1, span_counts
from specialists.forge.tag.shrink import CALIBRATION, CHOICE, EXACT, QUANTIZED
from specialists.forge.tag.verdicts import Verdicts, verdicts_of
from specialists.forge.timing import Call, onnx_call, side_by_side

_TIMED: Final = 64
_DISTURBED: Final = 1000
_POOR: Final = 0.3


@dataclass(frozen=True, slots=True)
class _Model:
    """A model file, what makes its rows, and its calibration."""

    file: Path
    maker: RowMaker
    masked: bool
    calibration: Mapping[str, float]

    def verdicts(self, texts: Sequence[MarkedText], corpus: TagCorpus) -> Verdicts:
        """Return what it says of `texts`."""
        rows = [self.maker.row(text) for text in texts]
        outputs = outputs_of(self.file, rows, masked=self.masked)
        return verdicts_of(outputs, texts, [row.words for row in rows], corpus.inventory, self.calibration)

    def call(self, texts: Sequence[MarkedText]) -> Call:
        """Return what runs it on one of `texts`, unpadded."""
        return onnx_call(self.file, [feed_of([self.maker.row(text)], masked=self.masked) for text in texts])


def evaluate(bench: Workbench) -> None:
    """Measure quality, size, time and memory, and how all of it holds under typing mistakes and other cases."""
    corpus = load_corpus(bench.of("data"))
    models = _models(bench, corpus)
    data = f"{bench.recipe.data.source or Path(bench.recipe.data.path or '').name}, test part"
    timed = corpus.test[:_TIMED]
    times = side_by_side({name: model.call(timed) for name, model in models.items()})
    bar = bench.bar("models measured", len(models))
    document: dict[str, object] = {
        "task": "tag",
        "classes": len(corpus.inventory.tags) // 2,
        "headline": "slot_f1",
        "shipped": "student_int8",
    }
    for name, model in models.items():
        verdicts = model.verdicts(corpus.test, corpus)
        quality = quality_of(
            verdicts, corpus.test, model.calibration, data, with_intent=bool(corpus.inventory.intents)
        )
        feed = feed_of([model.maker.row(timed[0])], masked=model.masked)
        document[name] = {
            "quality": {measure: figure.as_json() for measure, figure in quality.items()},
            "bytes": model.file.stat().st_size,
            "parameters": parameters_of(models["teacher" if name == "teacher" else "student_fp32"].file),
            "p50_ms": round(times[name].p50_ms, 4),
            "p99_ms": round(times[name].p99_ms, 4),
            "rss_mb": round(model_footprint(model.file, feed).rss_mb, 1),
        }
        if name == "teacher" and quality["slot_f1"].value < _POOR:
            bench.say(
                f"The teacher itself finds little (slot_f1 {quality['slot_f1'].value:.2f}). Give it more texts, or "
                "more work with --budget."
            )
        if name == "student_int8":
            document["per_class"] = per_class(verdicts, corpus.test, corpus.inventory)
            document["extra"] = _extra(bench, verdicts)
        bar.advance()
    document["robustness"] = _robustness(models, corpus, bench.seed)
    _record(bench, corpus)
    (bench.folder / EVALUATION_FILE).write_text(json.dumps(document, indent=1, ensure_ascii=False), "utf-8")


def _models(bench: Workbench, corpus: TagCorpus) -> dict[str, _Model]:
    calibrations = json.loads((bench.of("calibrate") / CALIBRATION).read_text("utf-8"))
    ours = student_rows(bench.of("prune"), corpus.inventory)
    theirs = teacher_rows(encoder_of(bench), corpus.inventory)
    folder = bench.of("quantize")
    return {
        "teacher": _Model(bench.of("teacher") / TEACHER_ONNX, theirs, True, calibrations["teacher"]),
        "student_fp32": _Model(folder / EXACT, ours, False, calibrations["student_fp32"]),
        "student_int8": _Model(folder / QUANTIZED, ours, False, calibrations["student_int8"]),
    }


def _robustness(models: Mapping[str, _Model], corpus: TagCorpus, seed: int) -> dict[str, dict[str, float]]:
    """Return each model's F1 of spans, and accuracy of intents, on some test texts, as they are and disturbed."""
    step = max(1, len(corpus.test) // _DISTURBED)
    found: dict[str, dict[str, float]] = {}
    for way, disturb in {"as_it_is": _same, **disturbances(seed)}.items():
        texts = [disturb(text) for text in corpus.test[::step]]
        for name, model in models.items():
            verdicts = model.verdicts(texts, corpus)
            score = f1(span_counts([text.spans for text in texts], verdicts.spans))
            found.setdefault(f"{way}, slot_f1", {})[name] = round(score, 4)
            if corpus.inventory.intents:
                right = float(verdicts.intent_right.mean())
                found.setdefault(f"{way}, accuracy", {})[name] = round(right, 4)
    return found


def _same(text: MarkedText) -> MarkedText:
    return text


def _record(bench: Workbench, corpus: TagCorpus) -> None:
    """Leave answers that the published specialist must give again."""
    specialist = rehearse(bench.recipe, draft_of(bench), bench.scratch / "rehearsal")
    record_answers(specialist, [{"text": text.text} for text in corpus.test], bench.folder)


def _extra(bench: Workbench, verdicts: Verdicts) -> dict[str, object]:
    """Return what else is worth knowing: the ways to quantize that were tried, and the share of unfamiliar texts."""
    choice = json.loads((bench.of("quantize") / CHOICE).read_text("utf-8"))
    return {
        "quantized": choice["chosen"],
        "tried": choice["trials"],
        "unfamiliar": round(float(verdicts.unfamiliar.mean()), 4),
    }
