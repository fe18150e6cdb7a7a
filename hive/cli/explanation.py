"""`hive explain` on a terminal: each step of the plan with its rule and its candidates, or the refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from rich.console import RenderableType
from rich.tree import Tree

from hive.cli.report import escape

Json = Mapping[str, Any]


def explanation_screen(found: Json) -> RenderableType:
    """Return what to show of an explanation."""
    refused = found.get("refused")
    if refused:
        return _refusal(cast("Json", refused))
    tree = Tree("[green]●[/] [bold]would run[/]", guide_style="dim")
    for number, step in enumerate(cast("Sequence[Json]", found.get("steps", ())), 1):
        tree.children.append(_step(number, step))
    return tree


def _refusal(refused: Json) -> Tree:
    tree = Tree(f"[red]●[/] [bold]would be refused[/]  [red]{refused.get('code', '')}[/]", guide_style="dim")
    tree.add(escape(str(refused.get("detail", ""))))
    if refused.get("rule"):
        tree.add(f"rule [bold]{escape(str(refused['rule']))}[/]")
    for candidate in refused.get("candidates") or ():
        tree.add(escape(str(candidate)))
    return tree


def _step(number: int, step: Json) -> Tree:
    gained = f" → {step.get('output', '')}"
    branch = Tree(f"{number}. [bold]{step.get('capability', '')}[/]{gained}", guide_style="dim")
    labels = ", ".join(step.get("labels", ())) or "none"
    removed = ", ".join(step.get("removes", ()))
    branch.add(f"labels {labels}" + (f", removes [bold]{removed}[/]" if removed else ""))
    if step.get("rule"):
        why = f": {step['why']}" if step.get("why") else ""
        branch.add(f"rule [bold]{escape(str(step['rule']))}[/][dim]{escape(why)}[/]")
    if step.get("hedge_after_ms"):
        branch.add(f"[dim]a second node is asked after {step['hedge_after_ms']:.1f} ms[/]")
    for row in step.get("candidates", ()):
        mark = "[green]✓[/]" if row["allowed"] else "[red]✗[/]"
        branch.add(f"{mark} {escape(str(row['node']))}  [dim]{escape(str(row['reason']))}[/]")
    return branch
