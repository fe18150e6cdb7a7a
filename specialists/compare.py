"""What `hive models compare` shows: specialists side by side, as measured, and what an answer takes here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import RenderableType
from rich.markup import escape

from hive.cli.style import plain_table
from hive.errors import HiveError
from specialists.describe import size_bytes, size_text
from specialists.forge.timing import side_by_side
from specialists.load import Specialist, load
from specialists.manifest import Manifest

_ROUNDS: Final = 16


@dataclass(frozen=True, slots=True)
class Compared:
    """A specialist and the median time of an answer to its sample here, in milliseconds."""

    manifest: Manifest
    p50_ms: float

    @property
    def title(self) -> str:
        """Its name and version."""
        return f"{self.manifest.name} {self.manifest.version}"

    def value(self, measure: str) -> float | None:
        """Return a measured value, None if it was not measured."""
        value = self.manifest.quality.get(measure, {}).get("value")
        return float(value) if isinstance(value, int | float) else None

    def interval(self, measure: str) -> tuple[float, float] | None:
        """Return the 95 % interval of a measure, None if there is none."""
        figure = self.manifest.quality.get(measure, {})
        low, high = figure.get("low"), figure.get("high")
        return (
            (float(low), float(high))
            if isinstance(low, int | float) and isinstance(high, int | float)
            else None
        )


def compared(names: Sequence[str]) -> list[Compared]:
    """Load specialists by name or directory, and time them in turn, so that the machine's moods meet all alike.

    Raises HiveError as `load` does, and bad_request for fewer than two.
    """
    if len(names) <= 1:
        raise HiveError("bad_request", "Name at least two specialists to compare.")
    loaded = [load(name) for name in names]
    for specialist in loaded:
        specialist.warm_up()
    times = side_by_side(
        {str(n): partial(_answer, specialist) for n, specialist in enumerate(loaded)}, rounds=_ROUNDS
    )
    return [Compared(s.manifest, round(times[str(n)].p50_ms, 4)) for n, s in enumerate(loaded)]


def _answer(specialist: Specialist, number: int) -> object:  # noqa: ARG001 - all answer their own sample
    return specialist.answer([specialist.sample()])


def measures_of(models: Sequence[Compared]) -> list[str]:
    """Return the measures of any of the models, those that all have first."""
    every = dict.fromkeys(name for model in models for name in model.manifest.quality)
    shared = [name for name in every if all(name in model.manifest.quality for model in models)]
    return [*shared, *(name for name in every if name not in shared)]


def comparison(models: Sequence[Compared]) -> dict[str, object]:
    """Return the comparison as a JSON object; differences are to the first model."""
    first = models[0]
    return {
        "models": [
            {
                "name": model.manifest.name,
                "version": model.manifest.version,
                "capability": model.manifest.capability,
                "digest": model.manifest.digest,
                "bytes": size_bytes(model.manifest),
                "p50_ms": model.p50_ms,
                "quality": {name: dict(figure) for name, figure in model.manifest.quality.items()},
                "difference": {
                    name: round(value - base, 4)
                    for name in model.manifest.quality
                    if (value := model.value(name)) is not None and (base := first.value(name)) is not None
                },
            }
            for model in models
        ]
    }


def compare_screen(models: Sequence[Compared]) -> RenderableType:
    """Return the table: a row for each measure, a column for each model, differences to the first below its values."""
    titles = [f"[bold]{escape(model.title)}[/]" for model in models]
    table = plain_table(("", *titles), right=titles)
    table.add_row("capability", *(escape(model.manifest.capability) for model in models))
    for measure in measures_of(models):
        table.add_row(
            escape(measure.replace("_", " ")), *(_cell(model, models[0], measure) for model in models)
        )
    first = models[0]
    sizes = [size_bytes(model.manifest) for model in models]
    table.add_row("size", *(_ratio(size, sizes[0], size_text(size)) for size in sizes))
    table.add_row("p50 here", *(_ratio(m.p50_ms, first.p50_ms, f"{m.p50_ms:.3f} ms") for m in models))
    return table


def _cell(model: Compared, first: Compared, measure: str) -> str:
    value, base = model.value(measure), first.value(measure)
    if value is None:
        return "[dim]-[/]"
    spread = model.interval(measure)
    lines = [f"{value:.4f}", f"[dim]{spread[0]:.3f} - {spread[1]:.3f}[/]" if spread else ""]
    if model is not first and base is not None:
        lines[0] = f"{_difference(value - base, apart=_apart(model, first, measure))}  {lines[0]}"
    return "\n".join(line for line in lines if line)


def _difference(value: float, *, apart: bool) -> str:
    return f"[{'bold' if apart else 'dim'}]{value:+.4f}[/]"


def _apart(model: Compared, first: Compared, measure: str) -> bool:
    """Say whether the intervals do not meet, so that the difference is hardly chance."""
    one, other = model.interval(measure), first.interval(measure)
    return one is not None and other is not None and (one[1] < other[0] or other[1] < one[0])


def _ratio(value: float, base: float, text: str) -> str:
    return text if value == base or not base else f"[dim]x {value / base:.2g}[/]  {text}"


def plot(models: Sequence[Compared], measure: str | None, path: str) -> None:
    """Draw quality against size and time to an SVG or PNG file.

    Raises HiveError: extra_missing without matplotlib, bad_request for a measure that not all have.
    """
    try:
        from specialists.forge.report.plots import save, tradeoff  # noqa: PLC0415 - only a plot needs matplotlib
    except ImportError as error:
        raise HiveError(
            "extra_missing", "A plot needs matplotlib: pip install 'hive-mesh[plots]'."
        ) from error
    from specialists.forge.pipeline.evaluation import Measured  # noqa: PLC0415

    shared = [name for name in measures_of(models) if all(model.value(name) is not None for model in models)]
    if not shared or (measure is not None and measure not in shared):
        told = f"they share {', '.join(shared)}" if shared else "they share none"
        raise HiveError("bad_request", f"A plot needs a measure that all of them have; {told}.")
    parts = {
        model.title: Measured(
            model.manifest.quality, {"bytes": size_bytes(model.manifest), "p50_ms": model.p50_ms}
        )
        for model in models
    }
    save(tradeoff(parts, measure or shared[0]), Path(path))
