"""What a terminal shows of a sweep and of a plan that was made small."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from hive.cli.report import escape
from simulation.sim.shrink import Shrunk
from simulation.sim.sweep import Sweep

_STORIES: Final = 3
"""Stories that are shown whole; of the other seeds the command that shows theirs."""


def screen(done: Sweep, scenario: str) -> RenderableType:
    """Return the sum of a sweep, its first stories, and how to go on with the others."""
    return Group(*_lines(done, scenario))


def _lines(done: Sweep, scenario: str) -> Iterator[RenderableType]:
    broken = sorted({found.seed for found in done.violations})
    hours = done.virtual_us / 3_600_000_000
    colour, word = ("red", "broke an invariant") if broken else ("green", "every invariant held")
    said = f"{len(broken)} of {done.seeds:,} seeds {word}" if broken else f"{done.seeds:,} seeds: {word}"
    yield Text.from_markup(f"[bold {colour}]●[/] [bold]{said}[/]")
    speed = f"{done.events_per_s:,.0f} events/s a core"
    yield Text(f"  {done.events:,} events, {hours:,.1f} virtual hours, {speed}", style="dim")
    if done.interrupted:
        yield Text("  interrupted; this is what was done so far", style="yellow")
    told = {found.seed: found for found in reversed(done.violations)}
    for seed in broken[:_STORIES]:
        found = told[seed]
        yield Text.from_markup(f"\n[bold red]seed {seed}[/] [bold]{escape(found.invariant)}[/]")
        yield Text(found.story)
    for seed in broken[_STORIES:]:
        yield Text.from_markup(f"[red]seed {seed}[/] {escape(told[seed].invariant)}")
    if broken:
        of = f"{scenario} --seed {broken[0]}"
        yield Text.from_markup(f"\n[dim]again:[/] hive sim run {of}\n[dim]small:[/] hive sim shrink {of}")


def screen_of_shrunk(found: Shrunk, scenario: str, path: Path) -> RenderableType:
    """Return what is left of a plan and its story."""
    faults, asked = len(found.plan.faults), len(found.plan.submissions)
    before = f"of {len(found.whole.faults)} and {len(found.whole.submissions)}"
    least = (
        "no single one of them can go" if found.minimal else "the time was over before it was the smallest"
    )
    return Group(
        Text.from_markup(
            f"[bold]{faults} faults and {asked} submissions are left[/] {before}, after {found.tries} runs: {least}"
        ),
        Text("\n" + "\n".join(found.result.story)),
        Text.from_markup(f"\n[dim]again:[/] hive sim run {scenario} --plan {path}"),
    )
