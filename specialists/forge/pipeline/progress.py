"""What a build tells meanwhile: bars on a terminal, lines elsewhere, nothing where a script reads JSON."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from specialists.forge.pipeline.stages import Bar

_LINES: Final = 5
_NAME: Final = 10


class Reporter(Protocol):
    """Tells a person how far a build is."""

    def begun(self, stage: str) -> None:
        """A stage begins."""
        ...

    def done(self, stage: str, seconds: float) -> None:
        """It is done."""
        ...

    def kept(self, stage: str) -> None:
        """It was done by an earlier build and is used again."""
        ...

    def said(self, stage: str, sentence: str) -> None:
        """A stage found something worth telling."""
        ...

    def bar(self, text: str, total: int) -> Bar:
        """Show a bar of `total` steps."""
        ...

    def shown(self) -> AbstractContextManager[object]:
        """Return what must be open while anything is shown."""
        ...


class Screen:
    """On a terminal: a line per finished stage, bars of the one that runs below them."""

    def __init__(self, console: Console) -> None:
        """Show on `console`."""
        self._console = console
        columns = (
            TextColumn("  [dim]{task.description}[/]"),
            BarColumn(30),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[note]}[/]"),
        )
        self._progress = Progress(*columns, console=console, transient=True)
        self._bars: list[TaskID] = []

    def shown(self) -> AbstractContextManager[object]:
        """Return the live display."""
        return self._progress

    def begun(self, stage: str) -> None:
        """Say which stage runs."""
        self._bars = [self._progress.add_task(stage, total=None, note="")]

    def done(self, stage: str, seconds: float) -> None:
        """Replace its bars by a line."""
        self._clear()
        self._console.print(f"[green]●[/] {stage:{_NAME}} [dim]{_time(seconds)}[/]")

    def kept(self, stage: str) -> None:
        """Say that it needed no work."""
        self._clear()
        self._console.print(f"[cyan]●[/] {stage:{_NAME}} [dim]from the cache[/]")

    def said(self, stage: str, sentence: str) -> None:  # noqa: ARG002 - the line above says which
        """Print a finding."""
        self._console.print(f"  {escape(sentence)}", soft_wrap=True)

    def bar(self, text: str, total: int) -> Bar:
        """Show a bar."""
        ident = self._progress.add_task(text, total=total, note="")
        self._bars.append(ident)
        return _ScreenBar(self._progress, ident)

    def _clear(self) -> None:
        for ident in self._bars:
            self._progress.remove_task(ident)
        self._bars = []


class _ScreenBar:
    def __init__(self, progress: Progress, ident: TaskID) -> None:
        self._progress = progress
        self._ident = ident

    def advance(self, steps: int = 1, note: str = "") -> None:
        self._progress.update(self._ident, advance=steps, note=note)


class Lines:
    """In a pipe or a log: a line per stage and finding, and a few per bar."""

    def __init__(self, console: Console) -> None:
        """Print to `console`."""
        self._console = console

    def shown(self) -> AbstractContextManager[object]:
        """Return nothing to open."""
        return nullcontext()

    def begun(self, stage: str) -> None:
        """Print it."""
        self._print(f"{stage}: begins")

    def done(self, stage: str, seconds: float) -> None:
        """Print it."""
        self._print(f"{stage}: done in {_time(seconds)}")

    def kept(self, stage: str) -> None:
        """Print it."""
        self._print(f"{stage}: from the cache")

    def said(self, stage: str, sentence: str) -> None:
        """Print it."""
        self._print(f"{stage}: {sentence}")

    def bar(self, text: str, total: int) -> Bar:
        """Return a bar that prints now and then."""
        return _LineBar(self, text, total)

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)


class _LineBar:
    def __init__(self, lines: Lines, text: str, total: int) -> None:
        self._lines = lines
        self._text = text
        self._total = max(1, total)
        self._done = 0

    def advance(self, steps: int = 1, note: str = "") -> None:
        before = self._done * _LINES // self._total
        self._done += steps
        if self._done * _LINES // self._total > before:
            self._lines.said(self._text, f"{self._done} of {self._total}{f', {note}' if note else ''}")


def reporter_for(console: Console) -> Reporter:
    """Return what fits the console."""
    return Screen(console) if console.is_terminal else Lines(console)


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
