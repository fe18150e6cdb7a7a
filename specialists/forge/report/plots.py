"""The plots of a report: quality against bytes and time, per class, reliability, and the course of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from specialists.forge.pipeline.evaluation import Evaluation, Measured

_COLOURS: Final = {"teacher": "#6b7280", "student_fp32": "#60a5fa", "student_int8": "#f59e0b"}
_INK: Final = "#374151"
_DPI: Final = 144
_CLASSES: Final = 30
Named = Mapping[str, Measured]


def draw(
    evaluation: Evaluation, curves: Mapping[str, Mapping[str, Sequence[float]]], folder: Path
) -> list[str]:
    """Write each plot that there is data for as SVG and PNG; return their names without suffix, in order."""
    figures = {
        "tradeoff": tradeoff(evaluation.parts(), evaluation.headline),
        "per_class": _per_class(class_values(evaluation.raw.get("per_class"))),
        "reliability": _reliability(_reliable(evaluation.raw)),
        "training": _training(curves),
    }
    drawn = {name: figure for name, figure in figures.items() if figure is not None}
    for name, figure in drawn.items():
        save(figure, folder / name)
    return list(drawn)


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG, the same bytes for the same figure, and as PNG; `path` is without suffix."""
    FigureCanvasAgg(figure)
    with mpl.rc_context({"svg.hashsalt": "hive", "svg.fonttype": "none"}):
        figure.savefig(path.with_suffix(".svg"), metadata={"Date": None, "Creator": None})
    figure.savefig(path.with_suffix(".png"), dpi=_DPI, metadata={"Software": None})


def tradeoff(models: Named, headline: str, colours: Mapping[str, str] = _COLOURS) -> Figure:
    """Return quality against the size of the file and, where it was measured, against the time of an answer."""
    timed = all("p50_ms" in model.cost for model in models.values())
    figure = Figure(figsize=(9 if timed else 5, 3.6), layout="constrained")
    panels = figure.subplots(1, 2 if timed else 1, sharey=True, squeeze=False)[0]
    _against(panels[0], models, headline, "bytes", colours)
    panels[0].set_ylabel(headline.replace("_", " "))
    panels[0].set_xlabel("size of the model")
    panels[0].xaxis.set_major_formatter(FuncFormatter(lambda value, _: size(value)))
    if timed:
        _against(panels[1], models, headline, "p50_ms", colours)
        panels[1].set_xlabel("time of one answer, one thread (p50)")
        panels[1].xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} ms"))
    for panel in panels:
        panel.xaxis.set_minor_formatter(NullFormatter())
        _plain(panel)
    return figure


def size(value: float) -> str:
    """Return a number of bytes in kB or MB."""
    return f"{value / 1e6:.3g} MB" if value >= 1e6 else f"{value / 1e3:.3g} kB"


def _against(panel: Axes, models: Named, headline: str, cost: str, colours: Mapping[str, str]) -> None:
    shown = {name: model for name, model in models.items() if headline in model.quality}
    # Neighbours get their names above and below by turns, so that they do not cover each other.
    for turn, name in enumerate(sorted(shown, key=lambda name: shown[name].cost[cost])):
        model, colour = shown[name], colours.get(name, _INK)
        value, figure = model.value(headline), model.quality[headline]
        low, high = _number(figure.get("low"), value), _number(figure.get("high"), value)
        where = model.cost[cost]
        panel.errorbar(
            where, value, yerr=[[value - low], [high - value]], fmt="o", ms=8, capsize=4, color=colour
        )
        above = turn % 2 == 1
        panel.annotate(
            name.replace("_", " "),
            (where, high if above else low),
            xytext=(0, 6 if above else -6),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            color=colour,
        )
    panel.set_xscale("log")
    panel.margins(x=0.3, y=0.3)


def class_values(per_class: object) -> dict[str, float]:
    """Return one figure per class, worst first: F1 where it or precision and recall are given, else the first share."""
    found = {}
    for name, value in (per_class if isinstance(per_class, Mapping) else {}).items():
        figure = _one(value) if isinstance(value, Mapping) else value
        if isinstance(figure, int | float):
            found[str(name)] = float(figure)
    return dict(sorted(found.items(), key=lambda item: item[1]))


def _one(measures: Mapping[str, object]) -> float | None:
    shares = {name: float(v) for name, v in measures.items() if isinstance(v, int | float) and name != "n"}
    if "f1" in shares:
        return shares["f1"]
    if {"precision", "recall"} <= measures.keys():
        both = [shares.get("precision", 0.0), shares.get("recall", 0.0)]
        return 2 * both[0] * both[1] / sum(both) if sum(both) else 0.0
    return next(iter(shares.values()), None)


def _per_class(values: Mapping[str, float]) -> Figure | None:
    if not values:
        return None
    shown = list(values.items())[:_CLASSES]
    figure = Figure(figsize=(7, 0.8 + 0.24 * len(shown)), layout="constrained")
    panel = figure.subplots()
    names = [name if len(name) <= 40 else f"{name[:37]}..." for name, _ in shown]
    panel.barh(range(len(shown)), [value for _, value in shown], color=_COLOURS["student_int8"], height=0.7)
    panel.set_yticks(range(len(shown)), names, fontsize=8)
    panel.set_ylim(len(shown) - 0.4, -0.6)
    panel.set_xlim(0, 1)
    rest = f", the worst {len(shown)} of {len(values)}" if len(values) > len(shown) else ""
    panel.set_xlabel(f"shipped model, per class{rest}")
    _plain(panel)
    return figure


def _reliable(raw: Mapping[str, object]) -> object:
    extra = raw.get("extra")
    return raw.get("reliability") or (extra.get("reliability") if isinstance(extra, Mapping) else None)


def _reliability(bins: object) -> Figure | None:
    """Draw bins {confidence, accuracy, count} against the diagonal of honest confidence."""
    if not isinstance(bins, list) or not bins:
        return None
    figure = Figure(figsize=(4.4, 4.2), layout="constrained")
    panel = figure.subplots()
    panel.plot([0, 1], [0, 1], color=_INK, lw=1, ls=":")
    most = max(float(entry["count"]) for entry in bins)
    panel.plot(
        [float(e["confidence"]) for e in bins],
        [float(e["accuracy"]) for e in bins],
        color=_COLOURS["student_int8"],
        lw=1.5,
    )
    panel.scatter(
        [float(e["confidence"]) for e in bins],
        [float(e["accuracy"]) for e in bins],
        s=[20 + 180 * float(e["count"]) / most for e in bins],
        color=_COLOURS["student_int8"],
        zorder=3,
    )
    panel.set_xlim(0, 1.05)
    panel.set_ylim(0, 1.05)
    panel.set_xlabel("confidence (a larger dot has more answers)")
    panel.set_ylabel("share that is right")
    _plain(panel)
    return figure


def _training(curves: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure | None:
    told = {stage: courses for stage, courses in curves.items() if any(courses.values())}
    if not told:
        return None
    figure = Figure(figsize=(3.6 * max(2, len(told)), 3.2), layout="constrained")
    for panel, (stage, courses) in zip(
        figure.subplots(1, len(told), squeeze=False)[0], told.items(), strict=True
    ):
        for colour, (name, values) in zip(
            ("#6b7280", "#f59e0b", "#60a5fa", "#10b981"), courses.items(), strict=False
        ):
            panel.plot(range(1, len(values) + 1), values, color=colour, label=name)
        panel.set_title(stage, fontsize=10, color=_INK)
        panel.set_xlabel("epoch")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.legend(frameon=False, fontsize=8)
        _plain(panel)
    return figure


def _plain(panel: Axes) -> None:
    panel.grid(visible=True, color="#e5e7eb", lw=0.6)
    panel.set_axisbelow(True)
    panel.tick_params(colors=_INK, which="both", labelsize=8)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


def _number(value: object, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) else otherwise
