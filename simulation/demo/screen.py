"""What the demo shows: the nodes, the latest tasks, what was done to whom, and at the end the reckoning."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from simulation.demo.story import Story, percentile

_COLOURS: Final = {
    "ready": "green",
    "suspect": "yellow",
    "joining": "yellow",
    "lost": "red",
    "quarantined": "red",
}
_TASKS: Final = 12
_RECENT: Final = 200


def screen(
    story: Story, nodes: list[dict[str, Any]], links: list[dict[str, Any]], began_s: float, seconds: float
) -> RenderableType:
    """Return the whole picture at this moment."""
    top = Table.grid(expand=True, padding=(0, 2))
    top.add_column(ratio=2)
    top.add_column(ratio=3)
    top.add_row(Group(_nodes(nodes), *(_link(story, link) for link in links)), _tasks(story))
    return Group(_head(story, began_s, seconds), top, _events(story))


def summary(story: Story) -> RenderableType:
    """Return the reckoning after the run."""
    said = story.as_json()
    grid = Table.grid(padding=(0, 3))
    grid.add_column(style="dim")
    grid.add_column()
    for name, value in (
        ("tasks sent", said["sent"]), ("finished", said["finished"]), ("moved to another node", said["moved"]),
        ("unsure of their answer", said["unsure"]), ("p50, the cut link aside", f"{said['p50_ms']} ms"),
        ("p99", f"{said['p99_ms']} ms"),
    ):  # fmt: skip
        grid.add_row(name, f"[bold]{value}[/bold]")
    faults: Any = said["faults"]
    for fault in faults:
        took = (
            f"moved in {fault['move_ms_p50']} ms (p50), {fault['move_ms_max']} ms (max)"
            if fault["moved"]
            else "idle"
        )
        back = f"back after {fault['back_s']} s" if fault["back_s"] is not None else "[red]not back[/red]"
        grid.add_row(
            f"{fault['kind']} {fault['node']}", f"[bold]{fault['moved']}[/bold] tasks {took}; {back}"
        )
    for what, text in _beyond(said):
        grid.add_row(what, text)
    colour = "green" if not said["lost"] else "red"
    grid.add_row("lost", f"[bold {colour}]{said['lost']}[/bold {colour}]")
    return Panel(grid, title="the reckoning", border_style=colour, expand=False)


def _beyond(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is said of the link that was cut, and of the text that was redacted before it left."""
    link, redacted = said["link"], said["redacted"]
    if link is not None:
        drained = (
            f"drained in {link['drained_s']} s" if link["drained_s"] is not None else "[red]not drained[/red]"
        )
        waited = f"[bold]{link['waited']}[/bold] waited for {link['to']}, {drained}"
        answered = f"answered [bold]{link['answered_alone']}[/bold] by itself"
        yield f"{link['site']} alone for {link['cut_s']} s", f"{answered}; {waited}"
    if redacted is not None:
        yield f"said in {redacted['site']}", escape(redacted["said"])
        yield f"seen in {redacted['other']}", f"{escape(redacted['left'])}  [dim]by {redacted['rule']}[/dim]"


def _head(story: Story, began_s: float, seconds: float) -> Text:
    elapsed = min(seconds, time.monotonic() - began_s)
    recent = [task.latency_ms for task in story.finished()[-_RECENT:]]
    open_now = sum(not task.state for task in story.tasks)
    bar = "━" * int(30 * elapsed / seconds)
    text = Text.from_markup(f"[cyan]{bar}[/cyan][dim]{'━' * (30 - len(bar))}[/dim]  {elapsed:4.1f} s  ")
    text.append(f"{len(story.tasks)} tasks, {open_now} open, ")
    text.append(f"p50 {percentile(recent, 50) or 0:.1f} ms, p99 {percentile(recent, 99) or 0:.1f} ms, ")
    text.append(f"{len(story.moved())} moved")
    return text


def _nodes(nodes: list[dict[str, Any]]) -> Panel:
    table = Table(box=None, show_header=False, pad_edge=False)
    for row in nodes:
        colour = _COLOURS.get(row["state"], "yellow")
        used = min(10, round(10 * row["inflight"] / max(1, row["credit"])))
        load = "▰" * used + "▱" * (10 - used)
        table.add_row(
            f"[{colour}]●[/{colour}]", row["id"], f"[{colour}]{row['state']}[/{colour}]", f"[dim]{load}[/dim]"
        )
    return Panel(table, title="nodes", border_style="dim")


def _link(story: Story, link: dict[str, Any]) -> Panel:
    """Return how the link that is played with is: up, or cut with what waits for the other side."""
    up = link["state"] == "up"
    colour = "green" if up else "red"
    alone = len(story.alone())
    line = Text.from_markup(f"[{colour}]●[/{colour}] {link['to']}  [{colour}]{link['state']}[/{colour}]")
    line.append(f"   {link['outbox']} tasks wait for it")
    line.append(f", {alone} answered alone" if alone else "")
    return Panel(line, title=f"link of {story.cut.site if story.cut else 'the plant'}", border_style="dim")


def _tasks(story: Story) -> Panel:
    table = Table(box=None, show_header=False, pad_edge=False, expand=True)
    table.add_column(width=22, no_wrap=True, style="cyan")
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(justify="right", width=5)
    table.add_column(justify="right", width=9)
    for task in [task for task in story.tasks if task.state][-_TASKS:]:
        colour = "yellow" if task.moves else "white" if task.state == "done" else "red"
        doubt = "?" if task.unsure else ""
        answer = escape(task.answer) if task.state == "done" else f"{task.state} {escape(task.error)}"
        table.add_row(
            task.capability, escape(task.about), f"[{colour}]{answer}[/{colour}]",
            f"{task.confidence:.2f}{doubt}", f"{task.latency_ms:.1f} ms",
        )  # fmt: skip
    return Panel(table, title="latest answers", border_style="dim")


def _events(story: Story) -> Panel:
    return Panel(
        Text.from_markup("\n".join(story.lines[-6:]) or "[dim]all is well[/dim]"),
        title="faults",
        border_style="dim",
    )
