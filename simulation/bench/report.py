"""What a benchmark prints and saves."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from rich.console import Group, RenderableType
from rich.table import Table

from simulation.bench.pairs import Result

if TYPE_CHECKING:
    from simulation.bench.route import Size


def machine() -> dict[str, object]:
    """Return what a reader needs to know of the machine that measured."""
    return {
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "system": platform.system(),
        "load_1m": round(psutil.getloadavg()[0], 2),
    }


def document(
    name: str, results: Sequence[Result], more: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Return the JSON document of a run."""
    rows = [result.as_json() for result in results]
    return {"name": name, "machine": machine(), "results": rows, **(more or {})}


def save(
    folder: Path, name: str, results: Sequence[Result], more: Mapping[str, object] | None = None
) -> Path:
    """Write the document as FOLDER/NAME.json and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document(name, results, more), indent=2) + "\n", encoding="utf-8")
    return path


def table(name: str, results: Sequence[Result]) -> RenderableType:
    """Return what a terminal shows: the figures, then what each of them compares."""
    shown = Table(
        box=None, title=f"hive bench {name}", title_justify="left", title_style="bold", header_style="dim"
    )
    for heading in ("goal", "ours", "baseline", "ratio", "95 %", "gate", "edge", "", "CPU us"):
        shown.add_column(heading, justify="left" if heading in ("goal", "") else "right", no_wrap=True)
    for r in results:
        shown.add_row(
            f"[bold]{r.id}[/bold]", f"{r.ours:,.0f} {r.unit}", f"{r.baseline:,.0f} {r.unit}",
            f"[bold]{r.ratio:.2f}[/bold]", f"{r.low:.2f}-{r.high:.2f}", f"{r.gate:g}", f"{r.edge:g}",
            "[green]holds[/green]" if r.holds else "[red]misses[/red]",
            f"{r.ours_cpu_us:,.0f} / {r.baseline_cpu_us:,.0f}" if r.ours_cpu_us else "",
        )  # fmt: skip
    legend = "\n".join(f"[dim]{r.id}  {r.title}; median of {r.pairs} paired ratios[/dim]" for r in results)
    return Group(shown, legend)


def sizes_table(sizes: Sequence[Size]) -> RenderableType:
    """Return what `hive bench route` measured of each number of nodes and linked sites."""
    shown = Table(
        box=None, header_style="dim", caption="microseconds in the conductor's core, medians; bytes a node"
    )
    fields = ("decision_us", "busy_us", "answer_us", "join_us", "leave_us", "beat_us", "link_us")
    for heading in (
        "nodes",
        "sites",
        "decides",
        "half busy",
        "answer",
        "join",
        "leave",
        "beat",
        "link",
        "bytes",
    ):
        shown.add_column(heading, justify="right", no_wrap=True)
    for size in sizes:
        figures = [float(getattr(size, name)) for name in fields]
        cells = [f"{figure:.1f}" if figure else "-" for figure in figures]
        sites = f"{size.sites:,}" if size.sites else "-"
        shown.add_row(f"{size.nodes:,}", sites, *cells, f"{size.bytes_per_node:,.0f}")
    return shown
