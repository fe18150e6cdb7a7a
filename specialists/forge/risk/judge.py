"""The stages that measure a specialist of records: calibrate and evaluate."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np
import numpy.typing as npt

from specialists.forge.footprint import model_footprint, specialist_footprint
from specialists.forge.measures import Measure
from specialists.forge.pipeline.evaluation import EVALUATION_FILE
from specialists.forge.pipeline.rehearsal import record_answers, rehearse
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.records.dataset import Dataset, Part, load_dataset
from specialists.forge.records.rows import document_of
from specialists.forge.risk import boosted, calibrate, quality
from specialists.forge.risk.draft import SETTINGS, draft_of
from specialists.forge.risk.make import CHOICE, EXACT, FACTS, INT8, TEACHER, is_risk, scores_in_lots
from specialists.forge.timing import onnx_call, side_by_side
from specialists.kinds.reasons import Known, unlike
from specialists.kinds.table import MISSING, Records, Table

_TIMED: Final = 64
_LOOKED_AT: Final = 2000
_RECORDED: Final = 20
_LOST: Final = 0.1
_DIGITS: Final = 7
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Model:
    """A model file, and the rows that it takes of given records."""

    name: str
    content: bytes
    teacher: bool

    def rows(self, table: Table, records: Records) -> npt.NDArray[np.float32]:
        return boosted.teacher_rows(table, records) if self.teacher else table.rows(records)

    def scores(self, table: Table, records: Records) -> Floats:
        """Return the score of each record, and of its modes behind it: [n, 1 + modes]."""
        return scores_in_lots(self.content, self.rows(table, records))


def models_of(bench: Workbench) -> dict[str, _Model]:
    """Return teacher, exact student and int8 student."""
    files = {
        "teacher": bench.of("teacher") / TEACHER,
        "student_fp32": bench.of("quantize") / EXACT,
        "student_int8": bench.of("quantize") / INT8,
    }
    return {name: _Model(name, path.read_bytes(), name == "teacher") for name, path in files.items()}


def calibration(bench: Workbench) -> None:
    """Fit probabilities, threshold and limits of what is familiar to validation rows, for each of the three models."""
    found, options = load_dataset(bench.of("data")), bench.options()
    held, table = found.of("validation"), found.table
    shipped = json.loads((bench.of("quantize") / CHOICE).read_text("utf-8"))["shipped"]
    facts = json.loads((bench.of("teacher") / FACTS).read_text("utf-8"))
    known = {"margin": options["margin"], "most_missing": _most_missing(found.of("train"), table)}
    fitted: dict[str, dict[str, object]] = {}
    for name, model in models_of(bench).items():
        scores = model.scores(table, held.records)[:, 0]
        if is_risk(bench):
            fit, why = calibrate.calibrated(scores, held.values)
            cut = calibrate.threshold_of(fit.probabilities(scores), held.values)
            fitted[name] = {**fit.as_json(), "threshold": cut, "unsure_below": options["unsure_below"]}
            if name == shipped:
                bench.say(f"Calibrated by {why}. A record counts as risky from a probability of {cut:g}.")
        else:
            coverage = float(cast("float", options["coverage"]))
            guesses = facts["center"] + facts["spread"] * scores
            radius = calibrate.radius_of(np.abs(guesses - held.values), coverage)
            fitted[name] = {"radius": float(f"{radius:.{_DIGITS}g}"), "coverage": coverage}
            if name == shipped:
                bench.say(
                    f"The truth lies within {radius:.4g} of the estimate for {coverage:.0%} of new records."
                )
    (bench.folder / SETTINGS).write_text(
        json.dumps({"known": known, "models": fitted}, indent=1) + "\n", "utf-8"
    )


def _most_missing(part: Part, table: Table) -> float:
    """Return the share of columns that may be missing: half, or what one training row in a hundred exceeds."""
    missing = np.isnan(part.records.numbers).sum(axis=1) + (part.records.codes == MISSING).sum(axis=1)
    return round(max(0.5, float(np.quantile(missing / len(table.columns), 0.99))), 2)


@dataclass(frozen=True, slots=True)
class _Test:
    """Everything that the evaluate stage looks at."""

    bench: Workbench
    found: Dataset
    part: Part
    models: Mapping[str, _Model]
    fitted: Mapping[str, Mapping[str, object]]
    known: Known
    facts: Mapping[str, float]
    shipped: str
    risk: bool

    @property
    def where(self) -> str:
        """What the figures are of."""
        data = self.bench.recipe.data
        return f"held-out rows of {data.source or Path(data.path or '').name}"

    @property
    def headline(self) -> str:
        """The measure that the models are compared by."""
        return "auroc" if self.risk else "r2"

    def quality(self, name: str, scores: Floats) -> dict[str, Measure]:
        """Return the figures of a model with these scores of the test part."""
        fitted = self.fitted[name]
        if self.risk:
            cut = cast("float", fitted["threshold"])
            return quality.risk_quality(_probabilities(scores, fitted), self.part.values, cut, self.where)
        guesses = self.facts["center"] + self.facts["spread"] * scores
        return quality.number_quality(guesses, self.part.values, cast("float", fitted["radius"]), self.where)


def evaluate(bench: Workbench) -> None:
    """Measure the three models on the test part, side by side, and the specialist as it will be served."""
    test = _test(bench)
    table, part = test.found.table, test.part
    scores = {name: model.scores(table, part.records) for name, model in test.models.items()}
    costs = _costs(test)
    draft = draft_of(bench)
    specialist = rehearse(bench.recipe, draft, bench.scratch / "rehearsal")
    document: dict[str, object] = {
        "task": bench.recipe.task,
        "classes": 1 + max(1, len(test.found.mode_names)) if test.risk else 0,
        "headline": test.headline,
        "shipped": test.shipped,
    }
    for name in test.models:
        figures = test.quality(name, scores[name][:, 0])
        document[name] = {"quality": {key: m.as_json() for key, m in figures.items()}, **costs[name]}
    document["robustness"] = _robustness(test)
    document["extra"] = _extra(test, scores)
    if test.risk:
        document |= _by_probability(test, scores[test.shipped])
    (bench.folder / EVALUATION_FILE).write_text(
        json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8"
    )
    (name,) = draft.inputs
    inputs = [{name: document_of(table, part.records, at)} for at in range(min(_RECORDED, len(part)))]
    record_answers(specialist, inputs, bench.folder)


def _test(bench: Workbench) -> _Test:
    found = load_dataset(bench.of("data"))
    settings = json.loads((bench.of("calibrate") / SETTINGS).read_text("utf-8"))
    return _Test(
        bench,
        found,
        found.of("test"),
        models_of(bench),
        settings["models"],
        Known.of(settings["known"]),
        json.loads((bench.of("teacher") / FACTS).read_text("utf-8")),
        json.loads((bench.of("quantize") / CHOICE).read_text("utf-8"))["shipped"],
        is_risk(bench),
    )


def _by_probability(test: _Test, scores: Floats) -> dict[str, object]:
    """Return how honest the shipped model's probabilities are, and how it does on each mode."""
    chance = _probabilities(scores[:, 0], test.fitted[test.shipped])
    found: dict[str, object] = {"reliability": quality.reliability(chance, test.part.values)}
    if test.found.mode_names:
        verdict = chance >= cast("float", test.fitted[test.shipped]["threshold"])
        named = scores[:, 1:].argmax(axis=1)
        found["per_class"] = quality.per_mode(verdict, named, test.part.modes, test.found.mode_names)
    return found


def _probabilities(scores: Floats, fitted: Mapping[str, object]) -> Floats:
    curve = cast("list[list[float]]", fitted.get("curve", []))
    fit = calibrate.Calibration(
        cast("float", fitted["slope"]), cast("float", fitted["offset"]), tuple((x, p) for x, p in curve)
    )
    return fit.probabilities(scores)


def _costs(test: _Test) -> dict[str, dict[str, float]]:
    """Return bytes, parameters, times and memory; all models are timed in one run on the same single rows."""
    records, table = test.part.records, test.found.table
    some = records.take(np.arange(len(records))[:_TIMED])
    feeds = {
        name: [{"row": row[None]} for row in model.rows(table, some)] for name, model in test.models.items()
    }
    times = side_by_side({name: onnx_call(model.content, feeds[name]) for name, model in test.models.items()})
    costs = {}
    for name, model in test.models.items():
        path = test.bench.scratch / f"{name}.onnx"
        path.write_bytes(model.content)
        exact = test.models["student_fp32"].content
        costs[name] = {
            "bytes": len(model.content),
            "parameters": test.facts["parameters"] if model.teacher else _weights(exact),
            "p50_ms": round(times[name].p50_ms, 5),
            "p99_ms": round(times[name].p99_ms, 5),
            "rss_mb": round(model_footprint(path, feeds[name][0]).rss_mb, 1),
        }
    return costs


def _weights(content: bytes) -> int:
    import onnx  # noqa: PLC0415 - only to count

    model = onnx.load_model_from_string(content)
    return sum(
        int(np.prod(item.dims))
        for item in model.graph.initializer
        if item.data_type == onnx.TensorProto.FLOAT
    )


def _robustness(test: _Test) -> dict[str, float]:
    """Return the headline measure with a tenth of all cells missing, and with numbers a tenth of their spread off."""
    rng = np.random.default_rng(0)
    numbers, codes = test.part.records.numbers, test.part.records.codes
    lost = Records(
        np.where(rng.random(numbers.shape) < _LOST, np.nan, numbers),
        np.where(rng.random(codes.shape) < _LOST, MISSING, codes),
    )
    scale = np.array([column.scale for column in test.found.table.numeric])
    noisy = Records(numbers + rng.normal(size=numbers.shape) * _LOST * scale, codes)
    out = {}
    for name, records in (("tenth_missing", lost), ("noise", noisy)):
        scores = test.models[test.shipped].scores(test.found.table, records)[:, 0]
        out[f"{test.headline}_{name}"] = round(test.quality(test.shipped, scores)[test.headline].value, 4)
    return out


def _extra(test: _Test, scores: Mapping[str, Floats]) -> dict[str, object]:
    table, records = test.found.table, test.part.records
    rows = range(min(len(records), _LOOKED_AT))
    strange = [bool(unlike(table, records.take(np.array([at])), test.known)) for at in rows]
    foot = specialist_footprint(test.bench.scratch / "rehearsal")
    extra: dict[str, object] = {
        "unfamiliar_share": round(float(np.mean(strange)), 4),
        "answer_p50_us": round(foot.p50_us, 1),
        "answer_rss_mb": round(foot.rss_mb, 1),
        "runs_per_answer": 1 + len(table.columns),
    }
    if test.risk:
        gap = quality.auroc_gap(
            scores[test.shipped][:, 0], scores["teacher"][:, 0], test.part.values, test.where
        )
        extra["auroc_less_teacher"] = gap.as_json()
    return extra
