"""How things look on a terminal: colours of states, bars, tables. Sober: colour says only what matters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

_ENDED_BADLY: Final = ("lost", "gone", "failed", "dead_lettered", "expired", "refused")
_COLOURS: Final = {
    "green": ("ready", "running", "done", "answered", "up", "linked", "accepted"),
    "yellow": (
        "joining",
        "starting",
        "suspect",
        "queued",
        "restarting",
        "stopping",
        "unsure",
        "connecting",
        "kept",
    ),
    "red": (*_ENDED_BADLY, "stopped", "frozen", "down", "unreachable"),
    "blue": ("draining", "cancelled"),
    "magenta": ("quarantined",),
}
_STATES: Final = {name: colour for colour, names in _COLOURS.items() for name in names}
_ROOMY: Final = 10_000
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"


def colour(state: str) -> str:
    """Return the colour of a state, of a node or process or task."""
    return _STATES.get(state, "default")


def state_text(state: str) -> Text:
    """Return a state with a coloured dot."""
    return Text.assemble(("● ", colour(state)), state)


def bar(part: float, whole: float, width: int = 8, style: str = "cyan") -> Text:
    """Return a bar that is filled by part / whole, in steps of an eighth of a column."""
    share = min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0
    eighths = round(share * width * 8)
    if share > 0:
        eighths = max(1, eighths)
    full, rest = divmod(eighths, 8)
    filled = "█" * full + (_EIGHTHS[rest] if rest else "")
    return Text.assemble((filled, style), ("·" * (width - len(filled)), "dim"))


def plain_table(headings: Iterable[str], right: Iterable[str] = ()) -> Table:
    """Return a table without lines; the columns named in `right` are aligned to the right."""
    table = Table(
        box=box.SIMPLE_HEAD, header_style="dim", padding=(0, 1, 0, 0), pad_edge=False, show_edge=False
    )
    numbers = set(right)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in numbers else "left", no_wrap=True)
    return table


class Listing:
    """A table that leaves out columns, the first of `spare` first, until it fits the terminal."""

    def __init__(self, headings: Sequence[str], right: Sequence[str] = (), spare: Sequence[str] = ()) -> None:
        """Begin without rows."""
        self._headings = tuple(headings)
        self._right = right
        self._spare = spare
        self._rows: list[tuple[str | Text, ...]] = []

    def add_row(self, *cells: str | Text) -> None:
        """Add a row with a cell for each heading."""
        self._rows.append(cells)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the widest table that fits."""
        roomy = options.update_width(_ROOMY)
        table = self._table(())
        for count in range(1, len(self._spare) + 1):
            if console.measure(table, options=roomy).maximum <= options.max_width:
                break
            table = self._table(self._spare[:count])
        yield table

    def _table(self, without: Sequence[str]) -> Table:
        kept = [n for n, heading in enumerate(self._headings) if heading not in without]
        table = plain_table([self._headings[n] for n in kept], self._right)
        for row in self._rows:
            table.add_row(*(row[n] for n in kept))
        return table


def millis(value: float) -> str:
    """Return a duration of so many milliseconds, short."""
    if value >= 10_000:  # noqa: PLR2004 - from here on seconds read better
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.2g} ms" if value < 1 else f"{value:.1f} ms"  # noqa: PLR2004
