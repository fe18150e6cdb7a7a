"""What `hive models` shows of a manifest: a JSON object, a row of a table, a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from hive.cli.style import bar, plain_table
from specialists.manifest import Manifest

_OWN: Final = "data of its maker's own"
_FIGURES: Final = 12
_KIB: Final = 1024
_LINEAGE: Final = "lineage.json"


def as_row(manifest: Manifest) -> dict[str, object]:
    """Return what scripts may want to know of a specialist, as a JSON object."""
    return {
        "name": manifest.name,
        "version": manifest.version,
        "capability": manifest.capability,
        "inputs": dict(manifest.inputs),
        "output": manifest.output,
        "removes": sorted(manifest.removes),
        "engine": manifest.engine,
        "size_bytes": size_bytes(manifest),
        "digest": manifest.digest,
        "quality": {name: dict(figure) for name, figure in manifest.quality.items()},
        "licence": manifest.licence,
        "data": list(manifest.data),
        "directory": str(manifest.directory),
    }


def size_bytes(manifest: Manifest) -> int:
    """Return the size of all pinned files."""
    return sum(pin.size_bytes for pin in manifest.files.values())


def models_screen(manifests: Sequence[Manifest]) -> RenderableType:
    """Return the table of specialists."""
    table = plain_table(
        ("specialist", "version", "capability", "from", "to", "size", "may remove", "digest"), ("size",)
    )
    for manifest in manifests:
        table.add_row(
            f"[bold]{manifest.name}[/]",
            manifest.version,
            manifest.capability,
            escape(", ".join(manifest.inputs.values())),
            escape(manifest.output),
            size_text(size_bytes(manifest)),
            escape(", ".join(sorted(manifest.removes))),
            f"[dim]{manifest.digest[7:19]}[/]",
        )
    return table


def model_screen(manifest: Manifest, *, every: bool) -> RenderableType:
    """Return the page of one specialist; with `every`, all figures instead of the first twelve."""
    figures = list(manifest.quality.items())
    shown = figures if every else figures[:_FIGURES]
    parts: list[RenderableType] = [f"[bold]{manifest.name}[/] {manifest.version}", _facts(manifest)]
    if shown:
        table = plain_table(("measured", "", "value", "95 %", "n", "on"), right=("value", "95 %", "n"))
        for name, figure in shown:
            table.add_row(*_figure(name, dict(figure)))
        parts += ["", table]
    if len(shown) < len(figures):
        parts.append(f"[dim]and {len(figures) - len(shown)} more: --all[/]")
    return Group(*parts)


def _facts(manifest: Manifest) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    inputs = ", ".join(manifest.inputs.values())
    files = ", ".join(f"{name} {size_text(pin.size_bytes)}" for name, pin in manifest.files.items())
    facts = {
        "serves": f"{manifest.capability}: {inputs} → {manifest.output}",
        "may remove": ", ".join(sorted(manifest.removes)) or "nothing",
        "digest": manifest.digest,
        "files": f"{files}; each is what the manifest pins" if files else "none: it has no model",
        "licence": manifest.licence,
        "made from": "\n".join(manifest.data) or (_OWN if manifest.files else "nothing"),
        "lies in": str(manifest.directory),
    }
    for name, fact in facts.items():
        table.add_row(name, escape(fact))
    return table


def _figure(name: str, figure: dict[str, object]) -> tuple[RenderableType, ...]:
    value = figure["value"]
    assert isinstance(value, int | float), "the manifest was checked"
    # Only what is a share of something has a natural full length.
    share: RenderableType = bar(value, 1, 10) if 0 <= value <= 1 else ""
    low, high = figure.get("low"), figure.get("high")
    spread = (
        f"{low:.3f} - {high:.3f}" if isinstance(low, int | float) and isinstance(high, int | float) else ""
    )
    count, data = figure.get("n"), figure.get("data", "")
    return (
        escape(name.replace("_", " ")),
        share,
        f"{value:.3f}",
        f"[dim]{spread}[/]",
        f"{count:,}" if isinstance(count, int) else "",
        f"[dim]{escape(str(data))}[/]",
    )


def size_text(size: int) -> str:
    """Return a size in kiB or MiB, short."""
    if size == 0:
        return "-"
    return f"{size / _KIB:.0f} kiB" if size < _KIB * _KIB else f"{size / _KIB / _KIB:.1f} MiB"


def lineage_screen(manifest: Manifest) -> RenderableType | None:
    """Return the steps from data to model with what each cost in quality; None if the specialist tells none."""
    if _LINEAGE not in manifest.files:
        return None
    document: Mapping[str, object] = json.loads(manifest.read(_LINEAGE))
    steps, headline = document["steps"], str(document["headline"])
    assert isinstance(steps, list), "the forge wrote it"
    value_name = headline.replace("_", " ")
    table = plain_table(
        ("made from", value_name, "change", "size", "sha256"), right=(value_name, "change", "size")
    )
    for step in steps:
        value, change, size = step.get("value"), step.get("change"), step.get("bytes")
        table.add_row(
            escape(str(step["what"])),
            "" if value is None else f"{value:.4f}",
            "" if change is None else f"{change:+.4f}",
            "" if size is None else size_text(int(size)),
            f"[dim]{escape(str(step['sha256'])[:12])}[/]",
        )
    return table
