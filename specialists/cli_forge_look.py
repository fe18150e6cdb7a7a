"""`hive forge list` and `hive forge options`: what there is to build, and what can be set."""

from __future__ import annotations

from typing import Annotated

import typer

from hive.cli.report import JsonOption, emit, escape, out, reported
from hive.cli.style import plain_table


def list_recipes(as_json: JsonOption = False) -> None:
    """List the recipes that come with Hive: those of the bundled specialists."""
    from specialists.forge.recipe import load, names  # noqa: PLC0415 - keeps `hive --help` quick

    with reported(as_json=as_json):
        recipes = {name: load(name) for name in names()}
        if as_json:
            emit([recipe.model_dump(mode="json") for recipe in recipes.values()])
            return
        table = plain_table(("recipe", "version", "task", "capability", "data"))
        for name, recipe in recipes.items():
            data = ", ".join(
                part for part in (recipe.data.source or recipe.data.path or "", *recipe.data.also) if part
            )
            cells = (recipe.version, recipe.task, recipe.capability or "the task's", data)
            table.add_row(f"[bold]{escape(name)}[/]", *map(escape, cells))
        out.print(table)


def options(
    task: Annotated[
        str, typer.Argument(help="classify, tag, redact, anomaly, describe, risk, regress or embed.")
    ],
    as_json: JsonOption = False,
) -> None:
    """List the options of a task by stage, with their defaults; set them in a recipe or with --set."""
    from specialists.forge.tasks import load  # noqa: PLC0415

    with reported(as_json=as_json):
        found = load(task)
        if as_json:
            emit({stage: dict(values) for stage, values in found.defaults.items()})
            return
        table = plain_table(("option", "default"))
        for stage, values in found.defaults.items():
            for name, value in values.items():
                table.add_row(f"{stage}.[bold]{escape(name)}[/]", escape(str(value)))
        out.print(table)
        out.print(
            f"[dim]A build of this task takes about {found.budget_s / 60:.0f} min where no --budget is given.[/]"
        )
