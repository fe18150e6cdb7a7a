"""`hive forge`: from a teacher and data to a small, quantized specialist that a node can serve."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hive.cli.report import JsonOption, emit, err, out, reported
from hive.errors import HiveError

if TYPE_CHECKING:
    from specialists.forge.recipe import Recipe

forge_app = typer.Typer(
    help="Make a small specialist from your own data, or make the bundled ones again.",
    no_args_is_help=True,
    add_completion=False,
)
_COLUMNS: Final = ("text", "label", "spans", "tags", "tokens", "sentence", "time", "series", "group")

RecipeArgument = Annotated[
    str | None,
    typer.Argument(metavar="[RECIPE]", help="A recipe file, or the name of one that comes with Hive."),
]


@forge_app.callback()
def _group() -> None:
    """Keep each command's name where there is only one."""


@forge_app.command()
def build(  # noqa: PLR0913, PLR0917 - each is an option
    recipe: RecipeArgument = None,
    task: Annotated[
        str | None, typer.Option(help="Without a recipe: classify, tag, anomaly, risk, regress or embed.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Your data: CSV, TSV, JSONL or Parquet.")] = None,
    text_column: Annotated[str | None, typer.Option(help="The column with the text.")] = None,
    label_column: Annotated[str | None, typer.Option(help="The column to be predicted.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="Any other role, as ROLE=NAME: time=stamp, series=device.")
    ] = None,
    test_data: Annotated[
        Path | None, typer.Option(help="A file to measure on, instead of a part of the data.")
    ] = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Where the specialist goes. Default: ./NAME.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Its name. Default: that of the data's file.")] = None,
    capability: Annotated[
        str | None, typer.Option(help="The capability that it serves, domain.verb.")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(help="How much work to put in, such as 15m: minutes of a machine with 2 cores."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="The result follows from it.")] = None,
    data_root: Annotated[
        str | None,
        typer.Option(help="Where the public data sets of bundled recipes lie. Default: $HIVE_DATA."),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Where finished stages are kept. Default: $HIVE_FORGE_CACHE.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Default: as many as there are cores.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Use nothing from the cache.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Build a specialist: check the data, train a teacher, distil, prune and quantize a student, measure, publish.

    A build that was killed goes on where it was. What it prints last, and in DIR.report/, says how good the specialist
    is beside its teacher, and what it costs.
    """
    with reported(as_json=as_json):
        wanted = _recipe(recipe, task, data, test_data, name)
        columns = dict(wanted.data.columns) | _columns(text_column, label_column, column or [])
        changes: dict[str, object] = {
            "data": wanted.data.model_copy(update={"columns": columns}),
            **({"capability": capability} if capability else {}),
            **({"budget": budget} if budget else {}),
            **({"seed": seed} if seed is not None else {}),
            **({"name": name} if name else {}),
        }
        _run(_changed(wanted, changes), out_dir, data_root, cache, threads, fresh=fresh, as_json=as_json)


def _run(
    recipe: Recipe,
    out_dir: Path | None,
    data_root: str | None,
    cache: Path | None,
    threads: int | None,
    *,
    fresh: bool,
    as_json: bool,
) -> None:
    from specialists.forge.pipeline.build import Place, build  # noqa: PLC0415 - keeps `hive --help` quick
    from specialists.forge.pipeline.cache import Cache  # noqa: PLC0415
    from specialists.forge.pipeline.disk import full_disk_told  # noqa: PLC0415
    from specialists.forge.pipeline.evaluation import read_evaluation  # noqa: PLC0415
    from specialists.forge.pipeline.install import install, refuse_foreign  # noqa: PLC0415
    from specialists.forge.pipeline.progress import reporter_for  # noqa: PLC0415
    from specialists.forge.pipeline.screen import screen  # noqa: PLC0415
    from specialists.forge.report.folder import refuse_foreign_report  # noqa: PLC0415
    from specialists.forge.sources.folders import root_of  # noqa: PLC0415
    from specialists.forge.tasks import load, missing  # noqa: PLC0415

    target = out_dir or Path(recipe.name)
    refuse_foreign(target)
    refuse_foreign_report(target)
    count = threads or len(os.sched_getaffinity(0))
    place = Place(Cache(cache or cache_root()), root_of(data_root), count, fresh)
    try:
        with full_disk_told(place.cache.root, target.absolute().parent):
            built = build(recipe, load(recipe.task), place, reporter_for(err))
            from specialists.forge.report.write import write_report  # noqa: PLC0415 - it draws, and needs matplotlib

            report = write_report(built, recipe, target)
            install(built.of("publish"), target)
    except ModuleNotFoundError as error:
        raise missing(error) from error
    evaluation = read_evaluation(built.of("evaluate"))
    emit(evaluation.summary()) if as_json else out.print(screen(evaluation, target, report))


def cache_root() -> Path:
    """Return where finished stages are kept: $HIVE_FORGE_CACHE, else hive/forge below the user's cache folder."""
    given = os.environ.get("HIVE_FORGE_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(given) if given else Path(home) / "hive" / "forge"


def _recipe(
    recipe: str | None, task: str | None, data: Path | None, test: Path | None, name: str | None
) -> Recipe:
    """Return the recipe that is named, or the one that the options describe."""
    from specialists.forge.recipe import from_options, load  # noqa: PLC0415

    if recipe is not None:
        if task or data:
            raise HiveError("bad_request", "Give a recipe, or --task and --data; a recipe has both.")
        return load(recipe)
    if not task or not data:
        raise HiveError(
            "bad_request",
            "Give a recipe, or --task and --data, as in: hive forge build --task classify --data my.csv",
        )
    files = {"path": str(data.resolve())} | ({"test": str(test.resolve())} if test else {})
    return from_options({"name": name or _name_of(data), "task": task, "data": files})


def _name_of(data: Path) -> str:
    """Return a specialist's name from a file's."""
    letters = [c if c.isascii() and c.isalnum() else "-" for c in data.name.partition(".")[0].lower()]
    return "-".join(part for part in "".join(letters).split("-") if part)[:63] or "specialist"


def _columns(text: str | None, label: str | None, others: list[str]) -> dict[str, str]:
    named = {role: name for role, name in (("text", text), ("label", label)) if name}
    for entry in others:
        role, sign, name = entry.partition("=")
        if not sign or role not in _COLUMNS:
            raise HiveError(
                "bad_request", f"--column {entry}: write ROLE=NAME; the roles are {', '.join(_COLUMNS)}."
            )
        named[role] = name
    return named


def _changed(recipe: Recipe, changes: dict[str, object]) -> Recipe:
    """Return the recipe with what the command's options say instead; checked again as a whole."""
    from specialists.forge.recipe import from_options, seconds_of  # noqa: PLC0415

    fields = recipe.model_dump() | {
        key: value.model_dump() if hasattr(value, "model_dump") else value for key, value in changes.items()
    }
    changed = from_options(fields)
    if changed.budget:
        seconds_of(changed.budget)
    return changed
