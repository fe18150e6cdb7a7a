"""The graph of data types and capabilities as a tree: from what comes from outside to what can be made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import typer
from rich.console import Group, RenderableType
from rich.tree import Tree

from hive.cli.report import escape, note
from hive.errors import HiveError

Rows = Sequence[Mapping[str, Any]]


def graph_screen(capabilities: object, types: object) -> RenderableType:
    """Return the tree, from the rows of `/v1/capabilities` and `/v1/types`."""
    rows = cast("Rows", capabilities)
    parents = {str(t["name"]): str(t["is_a"]) for t in cast("Rows", types) if t.get("is_a")}
    if not rows:
        return "[dim]Nothing is offered yet. `hive nodes` shows who has connected.[/]"
    return Group(*(_type(root, rows, parents, set()) for root in roots(rows)))


def write_drawing(drawing: str, target: str) -> None:
    """Write a drawing into a file, or to stdout if `target` is `-`. Raises HiveError(bad_request) if it cannot be."""
    if target == "-":
        typer.echo(drawing, nl=False)
        return
    try:
        Path(target).write_text(drawing, encoding="utf-8")
    except OSError as error:
        raise HiveError("bad_request", f"{target} cannot be written: {error.strerror}.") from error
    note(f"[dim]drawn into[/] {escape(target)}")


def merged(told: Mapping[str, Rows]) -> list[dict[str, Any]]:
    """Return one row per capability of all sites; `at` says how many nodes of which site are ready, out of how many."""
    found: dict[str, dict[str, Any]] = {}
    for site, rows in told.items():
        for row in rows:
            joined = found.setdefault(str(row["capability"]), {**row, "at": {}, "ready": 0, "nodes": 0})
            joined["inputs"] = joined["inputs"] or row.get("inputs", {})
            joined["output"] = joined["output"] or row.get("output", "")
            joined["ready"] += int(row.get("ready", 0))
            joined["nodes"] += int(row.get("nodes", 0))
            joined["removes"] = sorted({*joined.get("removes", ()), *row.get("removes", ())})
            joined["sites"] = sorted({*joined.get("sites", ()), *row.get("sites", ())})
            if row.get("nodes"):
                joined["at"][site] = (row["ready"], row["nodes"])
    return [row for _, row in sorted(found.items())]


def roots(rows: Rows) -> list[str]:
    """Return the types that nothing makes from another type; in a circle, every type that is taken."""
    taken = sorted({kind for row in rows for kind in _inputs(row)})
    made = {str(row["output"]) for row in rows if str(row["output"]) not in _inputs(row)}
    return [kind for kind in taken if kind not in made] or taken


def _type(name: str, rows: Rows, parents: Mapping[str, str], shown: set[str]) -> Tree:
    kind = f" [dim]is a {parents[name]}[/]" if name in parents else ""
    tree = Tree(f"[cyan]{name}[/]{kind}", guide_style="dim")
    if name in shown:
        return tree
    shown.add(name)
    for row in rows:
        if name in _inputs(row):
            tree.children.append(_capability(name, row, rows, parents, shown))
    return tree


def _capability(
    source: str, row: Mapping[str, Any], rows: Rows, parents: Mapping[str, str], shown: set[str]
) -> Tree:
    ready, colour = _ready(row)
    others = [kind for kind in _inputs(row) if kind != source]
    extra = f" [dim]with {', '.join(others)}[/]" if others else ""
    removes = f"  [magenta]removes {', '.join(row['removes'])}[/]" if row.get("removes") else ""
    line = f"[{colour}]●[/] [bold]{row['capability']}[/]{extra}  [dim]{escape(ready)}[/]{removes}"
    tree = Tree(line, guide_style="dim")
    tree.children.append(_type(str(row["output"]), rows, parents, shown))
    return tree


def _ready(row: Mapping[str, Any]) -> tuple[str, str]:
    """Return where how many nodes are ready, and the colour that says whether anybody is."""
    ready, count = int(row.get("ready", 0)), int(row.get("nodes", 0))
    places = row.get("at", {})
    words = [f"{site} {some} of {all_}" for site, (some, all_) in places.items()]
    named = len(words) > 1 or (words and row.get("sites"))
    text = f"{', '.join(words)} ready" if named else f"{ready} of {count} ready"
    beyond = [site for site in row.get("sites", ()) if site not in places]
    if beyond:
        text = f"{text}, by link at {', '.join(beyond)}" if count else f"by link at {', '.join(beyond)}"
    return text, "green" if ready or beyond else "red"


def _inputs(row: Mapping[str, Any]) -> list[str]:
    return [str(kind) for kind in row.get("inputs", {}).values()]
