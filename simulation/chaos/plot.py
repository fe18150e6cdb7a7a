"""The plot of an experiment: throughput over time, and under it the faults. It draws with matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulation.chaos.timeline import Row, Timeline
from simulation.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SERIES: Final = {
    "acknowledged": ("#9ca3af", "acknowledged"), "finished": ("#15803d", "finished"),
    "refused": ("#c2410c", "refused"), "doubtful": ("#7c3aed", "nobody knows"),
}  # fmt: skip
_COLOURS: Final = {
    "kill": "#dc2626", "stop": "#2563eb", "slow": "#ca8a04", "partition": "#7c3aed", "link-cut": "#7c3aed",
    "poison": "#15803d", "client-kill": "#6b7280",
}  # fmt: skip
_MARKS: Final = {"kill": "x", "poison": "D"}
_LEAST_S: Final = 0.15
_ROW_IN: Final = 0.2


def draw(line: Timeline, rows: Sequence[Row], healed_s: float, title: str, target: Path) -> Path:
    """Draw into an SVG or PNG file, by its ending, and return its path.

    Raises HiveError(extra_missing) without matplotlib.
    """
    low = _inches(rows)
    figure = new_figure(11, 3.4 + low)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3.0, low))
    _throughput(top, line)
    _faults(bottom, rows)
    for axes in (top, bottom):
        axes.axvline(healed_s, color="#111827", linewidth=0.8, linestyle=":")
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    top.annotate("healed", (healed_s, 1.0), xycoords=("data", "axes fraction"), xytext=(4, -10), fontsize=8,
                 textcoords="offset points", color="#111827")  # fmt: skip
    bottom.set_xlabel("seconds since the first caller began")
    bottom.set_xlim(0, max(line.seconds[-1], healed_s) * 1.01)
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.savefig(target, metadata={"Date": None} if target.suffix == ".svg" else None, dpi=110)
    return target


def _throughput(axes: Axes, line: Timeline) -> None:
    for name, (colour, label) in _SERIES.items():
        values = getattr(line, name)
        if any(values) or name in ("acknowledged", "finished"):
            axes.step(line.seconds, values, where="post", color=colour, label=label, linewidth=1.3)
    axes.set_ylabel("tasks a second")
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color="#e5e7eb", linewidth=0.8)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=4, fontsize=9, frameon=False)


def _faults(axes: Axes, rows: Sequence[Row]) -> None:
    named: dict[str, Any] = {}
    for height, row in enumerate(rows):
        for kind, begin, end in row.faults:
            colour = _colour(kind)
            if end > begin:
                shown: Any = axes.barh(
                    height, max(end - begin, _LEAST_S), left=begin, height=0.55, color=colour
                )
            else:
                shape = _MARKS["poison" if kind == "poison" else "kill"]
                shown = axes.scatter(
                    [begin], [height], marker=shape, s=26, color=colour, linewidths=1.6, zorder=3
                )
            named.setdefault(_word(kind), shown)
    axes.set_yticks(range(len(rows)), [row.target for row in rows], fontsize=8)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="y", color="#f3f4f6", linewidth=0.8)
    axes.set_axisbelow(True)
    if named:
        words = sorted(named)
        shown = [named[word] for word in words]
        below = (0.5, -0.55 / _inches(rows))
        axes.legend(
            shown,
            words,
            loc="upper center",
            bbox_to_anchor=below,
            ncols=len(words),
            fontsize=8,
            frameon=False,
        )


def _inches(rows: Sequence[Row]) -> float:
    return max(1.0, _ROW_IN * len(rows) + 0.4)


def _word(kind: str) -> str:
    """Return what the legend says: who was hit stands at the left already."""
    if kind.endswith("-kill") and kind != "client-kill":
        return "kill"
    if kind.endswith("-stop"):
        return "stop"
    return {"link-cut": "cut", "partition": "cut", "client-kill": "kill"}.get(kind, kind)


def _colour(kind: str) -> str:
    return _COLOURS.get(kind) or _COLOURS[_word(kind)]
