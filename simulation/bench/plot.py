"""The plot of `hive bench route`, with matplotlib, which the extra `plots` brings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulation.bench.pairs import Result
from simulation.figures import new_figure

if TYPE_CHECKING:
    from simulation.bench.route import Size

_COLOURS: Final = {
    "decision_us": "#c2410c", "answer_us": "#2563eb", "join_us": "#15803d", "leave_us": "#7c3aed", "beat_us": "#6b7280",
}  # fmt: skip
_GAP: Final = 0.05
"""Least distance of two names, as a part of the largest figure."""
_NAMES: Final = {
    "decision_us": "a decision", "answer_us": "an answer", "join_us": "a node joins", "leave_us": "a node leaves",
    "beat_us": "a beat",
}  # fmt: skip


def draw(sizes: Sequence[Size], results: Sequence[Result], target: Path) -> Path:
    """Draw what each number of nodes and sites costs into an SVG file and return its path.

    Raises HiveError(extra_missing) without matplotlib.
    """
    figure = new_figure(10, 4.6)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    _own_nodes(left, [size for size in sizes if not size.sites])
    _linked(right, [size for size in sizes if size.sites])
    left.set_ylabel("microseconds in the conductor's core")
    decision = next((r for r in results if r.id == "P7"), None)
    most = max(size.nodes for size in sizes)
    fewest = min(size.nodes for size in sizes)
    if decision is not None:
        figure.suptitle(
            f"A decision among {most:,} nodes costs {decision.ratio:.2f} times one among {fewest:,}",
            fontsize=13, fontweight="bold", x=0.01, ha="left",
        )  # fmt: skip
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, format="svg", metadata={"Date": None})
    return target


def _own_nodes(axes: Any, sizes: Sequence[Size]) -> None:  # noqa: ANN401 - matplotlib has no types here
    _lines(axes, [size.nodes for size in sizes], sizes, tuple(_NAMES))
    _frame(axes, "nodes of one site")


def _linked(axes: Any, sizes: Sequence[Size]) -> None:  # noqa: ANN401
    most = max((size.nodes for size in sizes), default=0)
    chosen = [size for size in sizes if size.nodes == most]
    if chosen:
        _lines(axes, [size.sites for size in chosen], chosen, ("decision_us", "answer_us"))
    _frame(axes, f"linked sites with {most:,} nodes behind them")


def _lines(axes: Any, at: Sequence[int], sizes: Sequence[Size], names: Sequence[str]) -> None:  # noqa: ANN401
    """Draw a line for each figure, with its name at the end where it does not lie on another."""
    axes.set_xscale("log")
    axes.set_xlim(min(at) * 0.8, max(at) * 8)
    ends = []
    for name in names:
        values = [float(getattr(size, name)) for size in sizes]
        axes.plot(at, values, color=_COLOURS[name], marker="o", markersize=4, linewidth=1.6)
        ends.append((values[-1], name))
    gap = _GAP * max(value for value, _ in ends)
    lowest = 0.0
    for value, name in sorted(ends):
        height = max(value, lowest)
        lowest = height + gap
        axes.annotate(
            f"  {_NAMES[name]}", (at[-1], value), (at[-1], height), color=_COLOURS[name], va="center", fontsize=9,
        )  # fmt: skip
    axes.set_xticks(at, [f"{n:,}" for n in at], minor=False)


def _frame(axes: Any, title: str) -> None:  # noqa: ANN401
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel(title)
    axes.grid(axis="y", color="#e5e7eb", linewidth=0.8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
