"""A task on a terminal: its answer, and its attempts on a line of time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from rich.console import Group, RenderableType
from rich.text import Text

from hive.cli.report import escape, plain
from hive.cli.style import Listing, bar, colour, millis, plain_table, state_text
from hive.clients.result import Result

_SCORES_SHOWN: Final = 3
_WIDTH: Final = 20
_VALUE_WIDTH: Final = 80
_UNFAMILIAR: Final = "unfamiliar"


def outcome_screen(result: Result) -> RenderableType:
    """Return what to show of a result, in a few lines."""
    lines: list[RenderableType] = [_headline(result)]
    if result.ok:
        lines.append(_answer(result.as_json()["output"]))
    elif result.error:
        lines.append(Text(plain(str(result.error.get("detail", ""))), style="red"))
    attempts = cast("Sequence[Mapping[str, Any]]", result.provenance.get("attempts", ()))
    if attempts:
        lines.append(_timeline(attempts, cast("Sequence[str]", result.provenance.get("plan", ()))))
    lines += _beyond(result.provenance)
    lines.append(_footnote(result))
    return Group(*lines)


def event_line(what: str, data: Mapping[str, object]) -> str:
    """Return one line about something that happened to a task."""
    where = f"[bold]{data['node']}[/]" if data.get("node") else ""
    number = f"attempt {data['attempt']}" if data.get("attempt") else ""
    why = str(data.get("why") or ("hedge" if data.get("hedge") else ""))
    parts = (f"[{colour(what)}]●[/] {what}", where, number, why)
    return "  ".join(part for part in parts if part)


def kept_line(result: Result, outbox: str) -> str:
    """Return one line about a submission that no mesh has accepted yet, with the reason where there is one."""
    why = f" ({escape(str(result.error['code']))})" if result.error else ""
    return f"[yellow]● kept[/]{why}  `hive outbox deliver {escape(outbox)}` delivers it"


def tasks_screen(rows: Sequence[Mapping[str, Any]], none: str = "No tasks.") -> RenderableType:
    """Return the table of `hive task list`; `none` says that there are none."""
    if not rows:
        return Text(none, style="dim")
    table = Listing(
        ("task", "state", "code", "capability", "attempts", "nodes", "age"),
        right=("attempts", "age"),
        spare=("attempts", "nodes", "age"),
    )
    for row in rows:
        age = millis(float(row.get("age_ms", 0)))
        nodes = ", ".join(row.get("nodes", ()))
        cells = (
            str(row["id"]),
            state_text(str(row["state"])),
            str(row.get("code", "")),
            str(row["capability"]),
        )
        table.add_row(*cells, str(row["attempts"]), nodes, age)
    return table


def _headline(result: Result) -> Text:
    words = Text.assemble(("● ", colour(result.state)), (result.state.replace("_", "-"), "bold"))
    if result.error:
        words.append(f"  {result.error.get('code', '')}", style="red")
    if result.capability:
        words.append(f"  {result.capability}", style="dim")
    if result.ok and result.confidence is not None:
        words.append("  confidence ", style="dim").append(f"{result.confidence:.2f} ")
        words.append_text(bar(result.confidence, 1, 10, "yellow" if result.unsure else "green"))
    if result.unsure:
        words.append(" unsure", style="yellow")
    if isinstance(result.output, dict) and result.output.get(_UNFAMILIAR) is True:
        words.append(", the input is unlike what it learned from", style="yellow")
    return words


def _answer(output: object) -> RenderableType:
    """Return an answer: a text as it is, an object as its fields."""
    if isinstance(output, str):
        return Text(f"  {plain(output)}", style="bold")
    if not isinstance(output, dict):
        return Text(f"  {json.dumps(output)}", style="bold")
    table = plain_table(("", ""))
    table.show_header = False
    table.columns[0].min_width = 2 + max(map(len, output), default=0)
    for key, value in output.items():
        if key == _UNFAMILIAR and isinstance(value, bool):
            continue  # the headline says it
        table.add_row(f"  [dim]{escape(key)}[/]", _value(value))
    return table


def _value(value: object) -> Text:
    if isinstance(value, float):
        return Text(f"{value:.4g}", style="bold")
    if isinstance(value, dict) and value and all(isinstance(v, int | float) for v in value.values()):
        best = sorted(value.items(), key=lambda item: -item[1])[:_SCORES_SHOWN]
        return Text("   ").join(Text.assemble(plain(name), (f" {score:.3f}", "dim")) for name, score in best)
    if isinstance(value, str):
        return Text(plain(value), style="bold", overflow="fold")
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        words = [plain(item) for item in value]
        long = sum(map(len, words)) > _VALUE_WIDTH
        return Text(("\n" if long else ", ").join(words), overflow="fold")
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return Text("\n").join(Text("  ".join(_short(v) for v in item.values())) for item in value)
    text = plain(json.dumps(value, ensure_ascii=False))
    return Text(text if len(text) <= _VALUE_WIDTH else text[: _VALUE_WIDTH - 1] + "…", overflow="ellipsis")


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else plain(str(value))


def _timeline(attempts: Sequence[Mapping[str, Any]], plan: Sequence[str]) -> RenderableType:
    """Return one row per attempt; waiting is pale, running is solid, both on the scale of the longest attempt."""
    longest = max(float(a["queued_ms"]) + float(a["run_ms"]) for a in attempts) or 1.0
    away = len({attempt.get("site") for attempt in attempts}) > 1
    table = Listing(
        ("  step", "try", "node", *(["site"] if away else []), "ended", "waited", "ran", ""),
        right=("try", "waited", "ran"),
        spare=("", "try", "waited"),
    )
    tries: dict[tuple[str, int], int] = {}
    home = str(attempts[0].get("conductor", ""))
    for attempt in attempts:
        step, giver = int(attempt["step"]), str(attempt.get("conductor", ""))
        what = str(attempt.get("capability") or (plan[step] if step < len(plan) else step))
        waited, ran = float(attempt["queued_ms"]), float(attempt["run_ms"])
        ended = str(attempt["ended"] or "running")
        said = f"{ended}, hedge" if attempt.get("hedge") else ended
        columns = round(waited / longest * _WIDTH)
        line = Text("░" * columns, style="dim")
        line.append_text(Text("█" * max(1, round(ran / longest * _WIDTH)), style=colour(ended)))
        ending = Text(said, style=colour(ended))
        # Attempt numbers count through the whole site; a person wants to know which try of this step it was.
        tries[giver, step] = number = tries.get((giver, step), 0) + 1
        # What a linked site tried is shown behind the attempt that went there.
        depth = "  " if giver == home else "    "
        site = [escape(str(attempt.get("site", "")))] if away else []
        table.add_row(
            f"{depth}{escape(what)}", str(number), escape(str(attempt["node"])), *site, ending,
            millis(waited), millis(ran), line,
        )  # fmt: skip
    return table


def _beyond(provenance: Mapping[str, object]) -> list[RenderableType]:
    """Return what went from one site to another under which rule, and which sites could not be asked."""
    lines: list[RenderableType] = []
    crossings = cast("Sequence[Mapping[str, Any]]", provenance.get("crossings", ()))
    if crossings:
        table = Listing(("  from", "to", "labels", "bytes", "rule"), right=("bytes",), spare=("bytes",))
        for c in crossings:
            labels, size = escape(", ".join(map(str, c["labels"]))), str(c["bytes"])
            table.add_row(
                f"  {escape(str(c['from']))}", escape(str(c["to"])), labels, size, escape(str(c["rule"]))
            )
        lines.append(table)
    alone = cast("Sequence[str]", provenance.get("alone", ()))
    if alone:
        names = plain(", ".join(alone))
        lines.append(
            Text(f"  answered here alone: {names} could not be asked for a better one", style="yellow")
        )
    via = cast("Sequence[str]", provenance.get("via", ()))
    if via:
        lines.append(Text(f"  came by {plain(' > '.join(via))}", style="dim"))
    if provenance.get("trace"):
        lines.append(Text(f"  trace {plain(str(provenance['trace']))}", style="dim"))
    return lines


def _footnote(result: Result) -> Text:
    labels = ", ".join(result.labels) or "none"
    return Text(f"  task {result.id}   labels {labels}   type {result.output_type or '-'}", style="dim")
