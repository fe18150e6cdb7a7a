"""What a person sees at the end of a build: teacher and student side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rich.console import Group, RenderableType
from rich.markup import escape

from hive.cli.style import plain_table
from specialists.describe import size_text
from specialists.forge.pipeline.evaluation import PARTS, Evaluation, ratio_text

_COSTS: Final = ("p50_ms", "p99_ms", "rss_mb")


def screen(evaluation: Evaluation, target: Path, report: Path) -> RenderableType:
    """Return the table of a finished build, and what to do next."""
    parts = evaluation.parts()
    table = plain_table(
        ("", *(name.replace("_", " ") for name in PARTS)), right=[n.replace("_", " ") for n in PARTS]
    )
    for measure in evaluation.teacher.quality:
        cells = (parts[name].quality.get(measure) for name in PARTS)
        table.add_row(measure, *("-" if cell is None else f"{cell['value']:.4f}" for cell in cells))
    table.add_row("size", *(size_text(int(parts[name].cost["bytes"])) for name in PARTS))
    for cost in _COSTS:
        if all(cost in parts[name].cost for name in PARTS):
            table.add_row(cost.replace("_", " "), *(f"{parts[name].cost[cost]:.3f}" for name in PARTS))
    summary = evaluation.summary()
    kept = ratio_text(summary["retention"], ".1%")
    smaller, faster = (ratio_text(summary[name], ".0f") for name in ("bytes_ratio", "speedup"))
    return Group(
        table,
        "",
        f"The student keeps [bold]{kept}[/] of the teacher's {evaluation.headline}, is [bold]{smaller}[/] "
        f"times smaller and answers [bold]{faster}[/] times as fast.",
        f"Report:   {escape(_shown(report))}/report.md",
        f"Serve it: [bold]hive node run --specialist {escape(_shown(target))} --site SITE[/]",
    )


def _shown(target: Path) -> str:
    """Return a directory as `--specialist` takes it: with a separator, so that it is no bundled name."""
    return str(target) if target.is_absolute() or str(target).startswith(".") else f"./{target}"
