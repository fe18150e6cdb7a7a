"""What is seen while an experiment runs: what goes on, counts, and the last faults. Nothing with --json."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table

from simulation.chaos.strikes import Mark
from simulation.history.checker import BROKEN

_LAST: Final = 8
_TELL_S: Final = 5.0
_COUNTS: Final = ("asked", "acknowledged", "finished", "fail", "unknown")
_NAMES: Final = {"fail": "refused", "unknown": "unknown"}


class Screen:
    """On a terminal a picture that is drawn again and again, elsewhere a line every few seconds."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        """Show nothing yet."""
        self._console = console
        self._quiet = quiet
        self._told_s = 0.0
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._console.is_terminal and not self._quiet:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        self._live.stop()

    def say(self, sentence: str) -> None:
        """Say one thing."""
        if not self._quiet:
            self._console.print(sentence, soft_wrap=True)

    def show(self, what: str, passed_s: float, counts: Mapping[str, int], marks: Sequence[Mark]) -> None:
        """Show how things stand."""
        if self._quiet:
            return
        if self._live.is_started:
            self._live.update(_picture(what, passed_s, counts, marks), refresh=True)
        elif self._due():
            said = ", ".join(f"{counts[name]} {_NAMES.get(name, name)}" for name in _COUNTS)
            self._console.print(f"{passed_s:5.0f} s  {what}: {said}, {len(marks)} faults", soft_wrap=True)

    def reading(self, done: int, of: int) -> None:
        """Show how many tasks have been read at the end."""
        sentence = f"reading every task: {done:,} of {of:,}"
        if self._quiet:
            return
        if self._live.is_started:
            self._live.update(sentence, refresh=True)
        elif self._due():
            self._console.print(sentence)

    def _due(self) -> bool:
        """Say whether it is time for another line."""
        due = time.monotonic() >= self._told_s + _TELL_S
        if due:
            self._told_s = time.monotonic()
        return due


def _picture(what: str, passed_s: float, counts: Mapping[str, int], marks: Sequence[Mark]) -> RenderableType:
    head = f"[bold]{passed_s:.0f} s[/]  {what}"
    grid = Table.grid(padding=(0, 3))
    for _ in _COUNTS:
        grid.add_column(justify="right")
    grid.add_row(*(f"[dim]{_NAMES.get(name, name)}[/]" for name in _COUNTS))
    grid.add_row(*(f"[bold]{counts.get(name, 0):,}[/]" for name in _COUNTS))
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(Counter(m.kind for m in marks).items()))
    faults = Table.grid(padding=(0, 2))
    for mark in marks[-_LAST:]:
        faults.add_row(_ago(mark), f"[red]{mark.kind}[/]", mark.target, mark.way)
    return Group(head, "", grid, "", f"[dim]faults[/]  {kinds or 'none yet'}", faults)


def _ago(mark: Mark) -> str:
    return f"[dim]{time.monotonic() - mark.at_us / 1e6:4.1f} s ago[/]"


def summary(result: Mapping[str, Any], where: str) -> RenderableType:
    """Return the reckoning after the run."""
    grid = Table.grid(padding=(0, 3))
    grid.add_column(style="dim")
    grid.add_column()
    for name in ("acknowledged", "finished", *BROKEN):
        mark = "[red]" if name in BROKEN and result[name] else "[green]" if name in BROKEN else "[bold]"
        grid.add_row(name, f"{mark}{result[name]:,}[/]")
    move = result["move_ms"]
    grid.add_row("faults", ", ".join(f"{kind} {count}" for kind, count in result["faults"].items()) or "none")
    grid.add_row("outcomes", ", ".join(f"{name} {count:,}" for name, count in result["outcomes"].items()))
    grid.add_row("ran more than once", f"{result['repeated']:,}")
    moved = sum(row["count"] for row in result["moves"].values())
    times = f"p50 {move['p50']} ms, p99 {move['p99']} ms, max {move['max']} ms"
    grid.add_row("moved", f"{moved:,}, {times}" if moved else "0")
    grid.add_row("report", where)
    problems = [f"[red]{p['kind']}[/]  {p['payload']}: {p['sentence']}" for p in result["problems"]]
    return Group(grid, *problems)
