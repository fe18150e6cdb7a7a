"""Writes the report of a build: report.md for people, report.json for programs, and the plots."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from specialists.forge.pipeline.build import Built
from specialists.forge.pipeline.evaluation import PARTS, Evaluation, ratio_text, read_evaluation
from specialists.forge.pipeline.lineage import DATA_SUMMARY, LINEAGE_FILE
from specialists.forge.recipe import Recipe
from specialists.forge.report.curves import read_curve
from specialists.forge.report.folder import REPORT_JSON, refuse_foreign_report, report_folder
from specialists.forge.report.plots import class_values, draw, size

REPORT_MD: Final = "report.md"
_TITLES: Final = {
    "tradeoff": "Quality against size and time",
    "per_class": "Per class",
    "reliability": "Is its confidence honest?",
    "training": "The course of training",
}
_COSTS: Final = {
    "bytes": "size",
    "parameters": "parameters",
    "p50_ms": "p50, ms",
    "p99_ms": "p99, ms",
    "rss_mb": "resident MB",
}
_WORST: Final = 10


def write_report(built: Built, recipe: Recipe, target: Path) -> Path:
    """Write the report of a finished build beside `target`, in one step; return its folder.

    The plots need matplotlib. Raises HiveError(bad_request) as `refuse_foreign_report` does.
    """
    refuse_foreign_report(target)
    folder = report_folder(target)
    fresh = folder.with_name(f".{folder.name}.new-{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    evaluation = read_evaluation(built.of("evaluate"))
    curves = {stage: read_curve(entry.folder) for stage, entry in built.entries.items()}
    plots = draw(evaluation, curves, fresh)
    said = {stage: entry.said for stage, entry in built.entries.items()}
    lineage = json.loads((built.of("card") / LINEAGE_FILE).read_text("utf-8"))
    text = "\n".join(_markdown(recipe, evaluation, said, lineage["steps"], plots)) + "\n"
    (fresh / REPORT_MD).write_text(text, "utf-8")
    document = {
        "recipe": recipe.model_dump(mode="json"),
        "summary": evaluation.summary(),
        "evaluation": evaluation.raw,
        "lineage": lineage,
        "data": _data_summary(built),
        "said": said,
    }
    (fresh / REPORT_JSON).write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.replace(folder)
    return folder


def _data_summary(built: Built) -> object:
    path = built.of("data") / DATA_SUMMARY
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def _markdown(
    recipe: Recipe,
    evaluation: Evaluation,
    said: Mapping[str, Sequence[str]],
    steps: Sequence[Mapping[str, object]],
    plots: Sequence[str],
) -> Iterator[str]:
    yield f"# {recipe.name} {recipe.version}"
    yield ""
    yield _headline(evaluation)
    yield ""
    yield from _table(evaluation)
    for name in plots:
        yield from ("", f"## {_TITLES[name]}", "", f"![{_TITLES[name]}]({name}.svg)")
    worst = list(class_values(evaluation.raw.get("per_class")).items())[:_WORST]
    if worst:
        yield from ("", "## The weakest classes", "", "| class | value |", "|---|---|")
        yield from (f"| {_cell(name)} | {value:.3f} |" for name, value in worst)
    yield from _robustness(evaluation.raw.get("robustness"))
    yield from ("", "## What was found", "")
    yield from (f"- {stage}: {line}" for stage, sentences in said.items() for line in sentences)
    yield from (
        "",
        "## Lineage",
        "",
        f"| step | sha256 | {evaluation.headline} | change |",
        "|---|---|---|---|",
    )
    for step in steps:
        value, change = step.get("value"), step.get("change")
        told = f"{change:+.4f}" if isinstance(change, int | float) else ""
        yield f"| {step['what']} | `{str(step['sha256'])[:16]}` | {_shown(value)} | {told} |"


def _robustness(robustness: object) -> Iterator[str]:
    """Yield a row for each form of the input, with a column for each model where there are several."""
    forms = robustness if isinstance(robustness, Mapping) else {}
    models = list(
        dict.fromkeys(name for v in forms.values() if isinstance(v, Mapping) for name in v if name in PARTS)
    )
    if not forms:
        return
    yield from (
        "",
        "## Robustness",
        "",
        f"| input | {' | '.join(name.replace('_', ' ') for name in models) or 'value'} |",
    )
    yield f"|---|{'---|' * max(1, len(models))}"
    for form, value in forms.items():
        nested = isinstance(value, Mapping) and bool(models) and set(value) & set(models)
        if nested or not models:
            cells = [_shown(value.get(name)) for name in models] if nested else [_shown(value)]
            yield f"| {_cell(str(form).replace('_', ' '))} | {' | '.join(cells)} |"


def _headline(evaluation: Evaluation) -> str:
    summary = evaluation.summary()
    kept = ratio_text(summary["retention"], ".1%")
    smaller, faster = (ratio_text(summary[name], ".1f") for name in ("bytes_ratio", "speedup"))
    return (
        f"The int8 student keeps **{kept}** of the teacher's {evaluation.headline}, is **{smaller}** times "
        f"smaller and answers **{faster}** times as fast (one thread, timed side by side in one run)."
    )


def _table(evaluation: Evaluation) -> Iterator[str]:
    parts = evaluation.parts()
    yield f"| | {' | '.join(name.replace('_', ' ') for name in PARTS)} |"
    yield "|---|---|---|---|"
    for measure in dict.fromkeys(name for part in parts.values() for name in part.quality):
        yield f"| {measure} | {' | '.join(_figure(parts[name].quality.get(measure)) for name in PARTS)} |"
    for cost, words in _COSTS.items():
        if any(cost in part.cost for part in parts.values()):
            yield f"| {words} | {' | '.join(_cost(parts[name].cost.get(cost), cost) for name in PARTS)} |"


def _figure(figure: Mapping[str, object] | None) -> str:
    if figure is None:
        return "-"
    low, high = figure.get("low"), figure.get("high")
    return f"{_shown(figure['value'])}" + (f" ({_shown(low)} to {_shown(high)})" if low is not None else "")


def _cost(value: float | None, name: str) -> str:
    if value is None:
        return "-"
    if name == "bytes":
        return size(value)
    return f"{value:,.0f}" if name == "parameters" else f"{value:.3f}"


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return _shown(value.get("value"))
    return f"{value:.4f}" if isinstance(value, int | float) else "" if value is None else str(value)


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")
