"""What a run came to, for a terminal and for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from simulation.sim.run import Result

_FAULT = "fault "


def as_document(scenario: str, result: Result, story: Sequence[str] = ()) -> dict[str, object]:
    """Return a result as a JSON object."""
    return {
        "scenario": scenario,
        "seed": result.seed,
        "events": result.events,
        "events_per_s": round(result.events_per_s),
        "virtual_s": result.virtual_us / 1e6,
        "digest": result.digest,
        "violations": [
            {"invariant": v.invariant, "at_s": v.at_us / 1e6, "sentence": v.sentence}
            for v in result.violations
        ],
        "story": list(story),
        "history": result.verdict.as_json() if result.verdict is not None else None,
        "counts": result.counts,
        "again": again(scenario, result),
    }


def again(scenario: str, result: Result) -> str:
    """Return the command that runs a result again."""
    return f"hive sim run {scenario} --seed {result.seed}"


def screen(scenario: str, result: Result) -> RenderableType:
    """Return a result as a person reads it: what happened, what it cost, what broke."""
    faults = {name.removeprefix(_FAULT): n for name, n in result.counts.items() if name.startswith(_FAULT)}
    grid = Table.grid(padding=(0, 2))
    grid.add_row(
        "[dim]events[/]",
        f"{result.events:,} in {result.cpu_s:.2f} s of a core, {result.events_per_s:,.0f} a second",
    )
    grid.add_row("[dim]virtual time[/]", f"{result.virtual_us / 1e6:.1f} s")
    grid.add_row("[dim]faults[/]", ", ".join(f"{name} {n}" for name, n in faults.items()) or "none")
    if result.verdict is not None:
        said = result.verdict.as_json()
        grid.add_row("[dim]history[/]", ", ".join(f"{name} {n}" for name, n in said.items()))
    grid.add_row("[dim]digest[/]", result.digest)
    if result.ok:
        return Group(grid, Text("every promise was kept", style="green"))
    broken = Table.grid(padding=(0, 2))
    for v in result.violations:
        broken.add_row(Text(v.invariant, style="bold red"), f"{v.at_us / 1e6:.3f} s", Text(v.sentence))
    return Group(grid, broken, Text(f"Again: {again(scenario, result)}", style="dim"))
