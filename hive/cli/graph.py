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
    ready, count = int(row.get("ready", 0)), int(row.get("nodes", 0))
    colour = "green" if ready else "red"
    others = [kind for kind in _inputs(row) if kind != source]
    extra = f" [dim]with {', '.join(others)}[/]" if others else ""
    removes = f"  [magenta]removes {', '.join(row['removes'])}[/]" if row.get("removes") else ""
    line = f"[{colour}]●[/] [bold]{row['capability']}[/]{extra}  [dim]{ready} of {count} ready[/]{removes}"
    tree = Tree(line, guide_style="dim")
    tree.children.append(_type(str(row["output"]), rows, parents, shown))
    return tree


def _inputs(row: Mapping[str, Any]) -> list[str]:
    return [str(kind) for kind in row.get("inputs", {}).values()]
