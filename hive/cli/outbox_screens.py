"""An outbox on a terminal: its entries, one of them with its request, and what a delivery came to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from hive.cli.report import escape, plain
from hive.cli.style import Listing, colour, millis, state_text
from hive.clients.courier import Delivery
from hive.clients.outbox import Entry


def entries_screen(entries: Sequence[Entry], counts: Mapping[str, int]) -> RenderableType:
    """Return the table of `hive outbox list`, with how many there are of each state."""
    total = Text("   ").join(Text(f"{count} {state}", style=colour(state)) for state, count in counts.items())
    if not entries:
        return Group(Text("No entries.", style="dim"), total)
    table = Listing(
        ("no.", "task", "state", "capability", "bytes", "age", "expires", "why"),
        right=("no.", "bytes", "age", "expires"),
        spare=("bytes", "no.", "expires", "age"),
    )
    for entry in entries:
        code = str((entry.error or {}).get("code", ""))
        left = "" if entry.left_ms is None or entry.state != "kept" else millis(max(0, entry.left_ms))
        table.add_row(
            str(entry.number), entry.task, state_text(entry.state), escape(entry.what), str(entry.size_bytes),
            millis(entry.age_ms), left, escape(code),
        )  # fmt: skip
    return Group(table, total)


def entry_screen(entry: Entry) -> RenderableType:
    """Return what to show of one entry."""
    lines: list[RenderableType] = [
        Text.assemble(state_text(entry.state), f"  {plain(entry.what)}", (f"  task {entry.task}", "dim"))
    ]
    if entry.error:
        lines.append(Text(plain(f"  {entry.error.get('code')}: {entry.error.get('detail')}"), style="red"))
    if entry.body:
        lines.append(Text(plain(json.dumps(entry.body, indent=2, ensure_ascii=False))))
    waited = f"  {millis(entry.age_ms)} old"
    if entry.left_ms is not None:
        waited += f", may wait {millis(max(0, entry.left_ms))} more"
    lines.append(Text(waited + (", may have been sent" if entry.sent else ", never sent"), style="dim"))
    return Group(*lines)


def delivery_line(came: Delivery) -> str:
    """Return one line about a delivery."""
    parts = [f"[green]{came.accepted} accepted[/]"]
    if came.refused:
        parts.append(f"[red]{came.refused} refused[/]")
    if came.kept:
        why = f" ({escape(came.error.code)})" if came.error else ""
        parts.append(f"[yellow]{came.kept} still kept[/]{why}")
    return "   ".join(parts)
