"""The plot of `hive sim report`, with matplotlib, which the extra `plots` brings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from simulation.figures import new_figure
from simulation.sim.coverage import grouped
from simulation.sim.sweep import Sweep

_SHOWN: Final = (
    ("faults", "faults", "#c2410c"),
    ("submissions", "submissions", "#2563eb"),
    ("tasks", "state changes of tasks", "#15803d"),
)
_MOST: Final = 18


def draw(done: Sweep, target: Path) -> Path:
    """Draw what happened in a sweep, by kind, into an SVG file. Raises HiveError(extra_missing) without matplotlib."""
    groups = grouped(done.counts)
    figure = new_figure(14, 5.4)
    for axes, (group, title, colour) in zip(figure.subplots(1, len(_SHOWN)), _SHOWN, strict=True):
        _bars(axes, groups[group], title, colour)
    figure.suptitle(
        f"{done.scenario}: {done.seeds:,} seeds, {done.events:,} events, {len(done.violations)} violations",
        fontsize=13, fontweight="bold", x=0.01, ha="left",
    )  # fmt: skip
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, format="svg", metadata={"Date": None})
    return target


def _bars(axes: Any, numbers: Mapping[str, int], title: str, colour: str) -> None:  # noqa: ANN401 - no types there
    shown = list(numbers.items())[:_MOST]
    names, values = [name for name, _ in shown], [number for _, number in shown]
    axes.barh(names, values, color=colour, height=0.7)
    axes.invert_yaxis()
    axes.set_title(title, fontsize=10, loc="left", color="#374151")
    if values:
        axes.set_xscale("log")
        axes.set_xlim(0.7, max(values) * 6)
    for row, number in enumerate(values):
        axes.annotate(f" {number:,}", (number, row), va="center", fontsize=8, color="#374151")
    axes.tick_params(labelsize=8, length=0)
    axes.set_xticks([])
    axes.minorticks_off()
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
