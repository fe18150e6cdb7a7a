"""`hive forge`: from a teacher and data to a small, quantized specialist that a node can serve."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from hive.cli.report import JsonOption, emit, err, out, reported
from hive.errors import HiveError
from specialists import cli_forge_look, cli_forge_sweep
from specialists import cli_forge_options as given

if TYPE_CHECKING:
    from specialists.forge.recipe import Recipe

forge_app = typer.Typer(
    help="Make a small specialist from your own data, or make the bundled ones again.",
    no_args_is_help=True,
    add_completion=False,
)
_COLUMNS: Final = ("text", "label", "spans", "tags", "tokens", "sentence", "time", "series", "group")


@forge_app.command()
def build(  # noqa: PLR0913, PLR0917 - each is an option
    recipe: given.RecipeName = None,
    task: given.TaskName = None,
    data: given.Data = None,
    text_column: given.TextColumn = None,
    label_column: given.LabelColumn = None,
    column: given.Columns = None,
    test_data: given.TestData = None,
    validation_data: given.ValidationData = None,
    unlabelled_data: given.Unlabelled = None,
    outside_data: given.Outside = None,
    teacher: given.Teacher = None,
    teacher_model: given.TeacherModel = None,
    teacher_key: given.TeacherKey = None,
    may_see_data: given.MaySeeData = False,
    encoding: given.Encoding = None,
    delimiter: given.Delimiter = None,
    settings: given.Settings = None,
    out_dir: given.Out = None,
    name: given.Name = None,
    capability: given.Capability = None,
    budget: given.Budget = None,
    seed: given.Seed = None,
    data_root: given.DataRoot = None,
    cache: given.CacheFolder = None,
    threads: given.Threads = None,
    fresh: given.Fresh = False,
    as_json: JsonOption = False,
) -> None:
    """Build a specialist: check the data, train a teacher, distil, prune and quantize a student, measure, publish.

    A build that was killed goes on where it was. What it prints last, and in DIR.report/, says how good the specialist
    is beside its teacher, and what it costs.
    """
    from specialists.forge.data.files import find_file  # noqa: PLC0415
    from specialists.forge.recipe import changed, teacher_fields  # noqa: PLC0415
    from specialists.forge.settings import with_settings  # noqa: PLC0415 - keeps `hive --help` quick

    with reported(as_json=as_json):
        wanted = _recipe(recipe, task, data, name)
        files = {"test": test_data, "validation": validation_data}
        files |= {"unlabelled": unlabelled_data, "outside": outside_data}
        columns = {key: value for key, value in (("text", text_column), ("label", label_column)) if value}
        changes: dict[str, object] = {
            "data": wanted.data.model_dump()
            | {key: value for key, value in (("encoding", encoding), ("delimiter", delimiter)) if value}
            | {key: str(find_file(path).resolve()) for key, path in files.items() if path}
            | {"columns": dict(wanted.data.columns) | columns | _columns(column or [])},
            "options": with_settings(wanted.options, settings or []),
        }
        if teacher is not None:
            changes["teacher"] = teacher_fields(
                teacher, teacher_model, teacher_key, may_see_data=may_see_data
            )
        changes |= {"capability": capability, "budget": budget, "seed": seed, "name": name}
        _run(changed(wanted, changes), out_dir, data_root, cache, threads, fresh=fresh, as_json=as_json)


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
    from specialists.forge.pipeline.cache import Cache, default_root  # noqa: PLC0415
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
    place = Place(Cache(cache or default_root()), root_of(data_root), count, fresh)
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


def _recipe(recipe: str | None, task: str | None, data: Path | None, name: str | None) -> Recipe:
    """Return the recipe that is named, or the one that the options describe."""
    from specialists.forge.data.files import find_file  # noqa: PLC0415
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
    files = {"path": str(find_file(data).resolve())}
    return from_options({"name": name or _name_of(data), "task": task, "data": files})


def _name_of(data: Path) -> str:
    """Return a specialist's name from a file's."""
    letters = [c if c.isascii() and c.isalnum() else "-" for c in data.name.partition(".")[0].lower()]
    return "-".join(part for part in "".join(letters).split("-") if part)[:63] or "specialist"


def _columns(entries: list[str]) -> dict[str, str]:
    named = {}
    for entry in entries:
        role, sign, name = entry.partition("=")
        if not sign or role not in _COLUMNS:
            raise HiveError(
                "bad_request", f"--column {entry}: write ROLE=NAME; the roles are {', '.join(_COLUMNS)}."
            )
        named[role] = name
    return named


forge_app.command("list")(cli_forge_look.list_recipes)
forge_app.command("options")(cli_forge_look.options)
forge_app.command("sweep")(cli_forge_sweep.sweep)
