"""The card of a specialist: what it does, how good it is beside its teacher, how it was made, and its limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from specialists.forge.pipeline.draft import Draft
from specialists.forge.pipeline.evaluation import PARTS, Evaluation, Measured
from specialists.forge.pipeline.lineage import Step
from specialists.forge.recipe import Recipe


def card_text(recipe: Recipe, draft: Draft, evaluation: Evaluation, steps: Sequence[Step]) -> str:
    """Return the card in Markdown."""
    ports = f"{', '.join(draft.inputs.values())} -> {recipe.output or draft.output}"
    lines = [
        f"# {recipe.name} {recipe.version}",
        "",
        recipe.card.summary or draft.summary,
        "",
        f"Capability `{recipe.capability or draft.capability}`: {ports}.",
        "",
        "## Measured on data that it was not trained on",
        "",
        *_side_by_side(evaluation),
        "",
        "## The shipped model",
        "",
        *_figures(evaluation.parts()[evaluation.shipped]),
        "",
        "## How it was made",
        "",
        draft.how,
        "",
        *_lineage(steps, evaluation.headline),
        "",
        "## Limits",
        "",
        *(f"- {limit}" for limit in (*recipe.card.limits, *draft.limits)),
        f"- Batches of up to {draft.batch_max}: {draft.batch_why}.",
        "",
        "## Data and licence",
        "",
        *_sources(recipe, draft),
        "",
    ]
    return "\n".join(lines)


def _sources(recipe: Recipe, draft: Draft) -> Iterator[str]:
    citations = (*recipe.card.citations, *draft.citations)
    if not citations:
        yield f"The weights are under {recipe.card.licence}. They were made from data of their maker's own."
        return
    yield f"The weights are under {recipe.card.licence}. Data, not part of this distribution:"
    yield ""
    for citation in citations:
        yield f"- {citation}"


def _side_by_side(evaluation: Evaluation) -> Iterator[str]:
    parts = evaluation.parts()
    yield "| measure | teacher | student fp32 | student int8 |"
    yield "|---|---|---|---|"
    for measure in evaluation.teacher.quality:
        yield f"| {measure} | {' | '.join(_cell(parts[name].quality, measure) for name in PARTS)} |"
    for cost in ("bytes", "parameters"):
        yield f"| {cost} | {' | '.join(_count(parts[name].cost, cost) for name in PARTS)} |"


def _figures(model: Measured) -> Iterator[str]:
    yield "| measure | value | 95 % bootstrap interval | n | data |"
    yield "|---|---|---|---|---|"
    for name, m in model.quality.items():
        spread = f"{m['low']} to {m['high']}" if "low" in m and "high" in m else "-"
        yield f"| {name} | {m['value']} | {spread} | {m.get('n', '-')} | {m.get('data', '-')} |"


def _lineage(steps: Sequence[Step], headline: str) -> Iterator[str]:
    yield f"| step | sha256 | {headline} | change | bytes | rows |"
    yield "|---|---|---|---|---|---|"
    for step in steps:
        value = "-" if step.value is None else f"{step.value:.4f}"
        change = "-" if step.change is None else f"{step.change:+.4f}"
        size = "-" if step.size_bytes is None else f"{step.size_bytes:,}"
        rows = ", ".join(f"{name} {count:,}" for name, count in step.rows.items()) or "-"
        yield f"| {step.word} | `{step.sha256[:16]}` | {value} | {change} | {size} | {rows} |"


def _cell(quality: Mapping[str, Mapping[str, object]], measure: str) -> str:
    return str(quality[measure]["value"]) if measure in quality else "-"


def _count(cost: Mapping[str, float], name: str) -> str:
    return f"{cost[name]:,.0f}" if name in cost else "-"
