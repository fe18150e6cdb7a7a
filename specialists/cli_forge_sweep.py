"""`hive forge sweep`: many trials of one recipe, and the recipe of the best."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hive.cli.report import JsonOption, emit, err, escape, note, out, reported
from hive.cli.style import bar, plain_table
from specialists import cli_forge_options as given
from specialists.describe import size_text

if TYPE_CHECKING:
    from specialists.forge.sweep.run import Sweep
    from specialists.forge.sweep.trial import Outcome

Recipe = Annotated[str, typer.Argument(help="A recipe file, or the name of one that comes with Hive.")]
Axes = Annotated[
    list[str],
    typer.Option(
        "--set", help="An option and the values to try, as STAGE.OPTION=VALUE,VALUE; may be repeated."
    ),
]
Trials = Annotated[int | None, typer.Option(min=1, help="At most so many combinations, drawn by the seed.")]
Ray = Annotated[
    str,
    typer.Option(
        help="A Ray cluster, host:port, or `local` for this machine; `no` runs trials in turn without Ray."
    ),
]
Folder = Annotated[Path | None, typer.Option("--out", help="Where results go. Default: ./NAME.sweep.")]


def sweep(  # noqa: PLR0913, PLR0917 - each is an option
    recipe: Recipe,
    axes: Axes,
    trials: Trials = None,
    ray: Ray = "local",
    out_dir: Folder = None,
    budget: given.Budget = None,
    seed: given.Seed = None,
    data_root: given.DataRoot = None,
    cache: given.CacheFolder = None,
    threads: given.Threads = 1,
    as_json: JsonOption = False,
) -> None:
    """Try options of a recipe, and write the recipe of the best trial, chosen on validation data.

    Each trial is a build as far as the quantized model. Trials share a cache, so the teacher is trained once.
    """
    from specialists.forge.pipeline.build import Place  # noqa: PLC0415 - keeps `hive --help` quick
    from specialists.forge.pipeline.cache import Cache, default_root  # noqa: PLC0415
    from specialists.forge.recipe import changed, load  # noqa: PLC0415
    from specialists.forge.sources.folders import root_of  # noqa: PLC0415
    from specialists.forge.sweep.run import Sweep, write_results  # noqa: PLC0415
    from specialists.forge.sweep.space import choices_of  # noqa: PLC0415
    from specialists.forge.tasks import load as load_task  # noqa: PLC0415

    with reported(as_json=as_json):
        wanted = changed(load(recipe), {"budget": budget, "seed": seed})
        choices = choices_of(axes, trials, wanted.seed)
        place = Place(Cache(cache or default_root()), root_of(data_root), threads or 1)
        plan = Sweep(wanted, choices, load_task(wanted.task), place)
        note(f"{len(choices)} trials of {wanted.name}", as_json=as_json)
        ended = _run(plan, ray, as_json=as_json)
        folder = out_dir or Path(f"{wanted.name}.sweep")
        best = write_results(plan, ended, folder)
        if as_json:
            emit(
                {
                    "best": best.as_json(),
                    "recipe": str(folder / "best.yaml"),
                    "trials": [o.as_json() for o in ended],
                }
            )
            return
        _show(ended)
        out.print(
            f"\nBuild the best: [bold]hive forge build {escape(str(folder / 'best.yaml'))}[/]", soft_wrap=True
        )


def _run(plan: Sweep, ray: str, *, as_json: bool) -> list[Outcome]:
    from specialists.forge.pipeline.progress import reporter_for  # noqa: PLC0415
    from specialists.forge.sweep.run import one_by_one  # noqa: PLC0415

    if ray == "no":
        return list(one_by_one(plan, reporter_for(err)))
    from specialists.forge.sweep.on_ray import on_ray  # noqa: PLC0415 - Ray is optional

    cores = os.cpu_count() or 1
    note(f"[dim]on Ray ({escape(ray)}); this machine has {cores} cores[/]", as_json=as_json)
    return on_ray(plan, ray)


def _show(ended: Sequence[Outcome]) -> None:
    from specialists.forge.sweep.trial import ranked  # noqa: PLC0415

    order = ranked(list(ended))
    names = list(order[0].choice)
    table = plain_table((*names, "", "validation", "size", "s"), right=("validation", "size", "s"))
    for outcome in order:
        cells = [escape(str(outcome.choice[name])) for name in names]
        if outcome.quality is None:
            table.add_row(*cells, "", "[red]failed[/]", "", f"{outcome.seconds:.0f}")
            continue
        share = bar(outcome.quality, 1, 10) if 0 <= outcome.quality <= 1 else ""
        size = size_text(outcome.size_bytes or 0)
        table.add_row(*cells, share, f"{outcome.quality:.4f}", size, f"{outcome.seconds:.0f}")
    out.print(table)
    for outcome in order:
        if outcome.failed:
            err.print(f"[red]●[/] {escape(outcome.failed)}", soft_wrap=True)
