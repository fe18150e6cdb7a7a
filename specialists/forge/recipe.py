"""Recipes: what to build, from which data, in which time. A file that people write, or a few options of a command."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from hive.config_explain import mistakes
from hive.config_source import parse_source
from hive.errors import HiveError

FOLDER: Final = Path(__file__).resolve().parent / "recipes"
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(s|m|h)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_SHORTEST_S: Final = 5
_LONGEST_S: Final = 7 * 24 * 3600

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Task = Literal["classify", "tag", "redact", "anomaly", "describe", "risk", "regress", "embed"]


class Part(BaseModel):
    """A part of the file: unknown keys are mistakes, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DataPart(Part):
    """Where the data is: a public data set by name (`source`), or files of one's own."""

    source: Annotated[str | None, Field(description="A public data set that the forge reads by name.")] = None
    also: Annotated[
        tuple[str, ...],
        Field(strict=False, description="Public data sets beside it, such as unlabelled texts."),
    ] = ()
    path: Annotated[
        str | None, Field(description="CSV, TSV, JSONL, Parquet or CoNLL; a folder of series.")
    ] = None
    test: Annotated[str | None, Field(description="A file to measure on, instead of a part of `path`.")] = (
        None
    )
    validation: Annotated[str | None, Field(description="A file to choose by, likewise.")] = None
    unlabelled: Annotated[str | None, Field(description="Texts without labels, for distillation.")] = None
    outside: Annotated[str | None, Field(description="Texts that belong to no class.")] = None
    encoding: Annotated[str | None, Field(description="Of the files' text. Default: found out.")] = None
    delimiter: Annotated[
        str | None, Field(min_length=1, max_length=1, description="Between fields. Default: found out.")
    ] = None
    header: Annotated[bool, Field(description="Whether the first row of a table names its columns.")] = True
    columns: Annotated[
        dict[str, str], Field(description="Which column is what: text, label, spans, time, series, ...")
    ] = Field(default_factory=dict)


class TeacherPart(Part):
    """A teacher that labels more texts: a model in a directory, or an endpoint that answers chats as OpenAI's does."""

    path: Annotated[
        str | None,
        Field(description="A directory with model.onnx, or one of transformers; config.json names classes."),
    ] = None
    endpoint: Annotated[
        str | None,
        Field(description="The address of an OpenAI-compatible API, such as http://127.0.0.1:8000/v1."),
    ] = None
    model: Annotated[str, Field(description="Which model the endpoint is asked for.")] = ""
    key_variable: Annotated[str, Field(description="The environment's variable that holds its key.")] = ""
    may_see_data: Annotated[
        bool, Field(description="Your word that the texts may leave this machine for it.")
    ] = False
    most_asked: Annotated[int, Field(ge=1, description="The most texts that it is asked about.")] = 5000
    at_once: Annotated[
        int, Field(ge=1, le=64, description="How many it is asked about at the same time.")
    ] = 4
    least: Annotated[
        float, Field(ge=0, le=1, description="How sure it must be of a text for its label to count.")
    ] = 0.6


class CardPart(Part):
    """Sentences for the card."""

    summary: Annotated[str, Field(description="One sentence: what it does. Default: the task's.")] = ""
    limits: Annotated[
        tuple[str, ...], Field(strict=False, description="What it cannot do, before what the task says.")
    ] = ()
    citations: Annotated[
        tuple[str, ...], Field(strict=False, description="The data's authors and licences.")
    ] = ()
    licence: Annotated[str, Field(description="Of the weights.")] = "LicenseRef-unspecified"


class Recipe(Part):
    """A whole recipe. `options` are the task's own, by stage; `hive forge options TASK` lists them."""

    name: Annotated[Name, Field(description="Of the specialist.")]
    version: Annotated[Name, Field(description="Of the specialist.")] = "1.0.0"
    task: Annotated[Task, Field(description="The kind of problem.")]
    capability: Annotated[
        str, Field(pattern=r"^([a-z0-9_]+(\.[a-z0-9_]+)+)?$", description="Default: the task's.")
    ] = ""
    output: Annotated[str, Field(description="The data type of the answer. Default: the task's.")] = ""
    data: Annotated[DataPart, Field(description="Where the data is, see below.")]
    teacher: Annotated[
        TeacherPart | None,
        Field(description="A teacher of your own that labels texts without labels, see below."),
    ] = None
    budget: Annotated[str, Field(description="Such as 90s, 15m or 2h; default: the task's.")] = ""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1, description="The result follows from it.")] = 0
    options: Annotated[
        dict[str, dict[str, object]],
        Field(description="The task's own, by stage; `hive forge options TASK` lists them."),
    ] = Field(default_factory=dict)
    card: Annotated[CardPart, Field(description="Sentences for the card, see below.")] = CardPart()

    @property
    def budget_s(self) -> float | None:
        """The budget in seconds, None where the recipe names none. Raises HiveError(recipe_invalid)."""
        return seconds_of(self.budget) if self.budget else None


def names() -> list[str]:
    """Return the names of the recipes of the bundled specialists."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(name_or_path: str | Path, environ: Mapping[str, str] = os.environ) -> Recipe:
    """Read a recipe; a relative path in it counts from its own folder, or from the environment's HIVE_DATA.

    Raises HiveError(recipe_invalid) with every mistake and its line, or with near names if there is no such file.
    """
    path = _find(name_or_path)
    try:
        source = parse_source(path.read_text(encoding="utf-8"), path.name)
    except UnicodeDecodeError as error:
        raise HiveError("recipe_invalid", f"{path}: not UTF-8 text at byte {error.start}.") from error
    except HiveError as error:
        raise HiveError("recipe_invalid", error.detail) from error
    try:
        recipe = Recipe.model_validate(source.document)
    except ValidationError as error:
        lines = [f"{source.place(where)}: {sentence}" for where, sentence in mistakes(error, Recipe)]
        raise HiveError("recipe_invalid", "\n".join(lines), problems=lines) from error
    if recipe.budget:
        seconds_of(recipe.budget)
    return _placed(recipe, path.parent, environ)


def from_options(fields: Mapping[str, object]) -> Recipe:
    """Return the recipe that a command's options describe; raise HiveError(recipe_invalid)."""
    try:
        return Recipe.model_validate(fields)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, where))}: {text}" for where, text in mistakes(error, Recipe)]
        raise HiveError("recipe_invalid", "\n".join(lines), problems=lines) from error


def changed(recipe: Recipe, changes: Mapping[str, object]) -> Recipe:
    """Return the recipe with `changes`, but for those that are None; checked again as a whole.

    Raises HiveError(recipe_invalid).
    """
    new = from_options(
        recipe.model_dump() | {key: value for key, value in changes.items() if value is not None}
    )
    if new.budget:
        seconds_of(new.budget)
    return new


def teacher_fields(
    teacher: str, model: str | None, key: str | None, *, may_see_data: bool
) -> dict[str, object]:
    """Return the teacher part of a recipe from a command's options: a directory, or an address with http."""
    if not teacher.startswith(("http://", "https://")):
        return {"path": str(Path(teacher).resolve())}
    return {
        "endpoint": teacher,
        "model": model or "",
        "key_variable": key or "",
        "may_see_data": may_see_data,
    }


def seconds_of(text: str) -> float:
    """Return a duration such as 90s, 15m or 2h in seconds; raise HiveError(recipe_invalid)."""
    match = _DURATION.fullmatch(text)
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not _SHORTEST_S <= seconds <= _LONGEST_S:
        raise HiveError(
            "recipe_invalid",
            f"`budget` is {text!r}; write a duration from {_SHORTEST_S}s to 168h, such as 15m.",
        )
    return seconds


def _find(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.is_file():
        return path.resolve()
    name = str(name_or_path)
    if name in names():
        return FOLDER / f"{name}.yaml"
    near = difflib.get_close_matches(name, names(), 3, 0.5)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise HiveError(
        "recipe_invalid",
        f"There is no recipe {name!r}.{hint} Those that come with Hive: {', '.join(names())}.",
    )


def _where(folder: Path, name: str, environ: Mapping[str, str]) -> str:
    """Return a path of a recipe: from its own folder, or from that of the data sets if it is there and not here."""
    root = environ.get("HIVE_DATA")
    if root and not (folder / name).exists() and (Path(root) / name).exists():
        return str(Path(root) / name)
    return str(folder / name)


def _placed(recipe: Recipe, folder: Path, environ: Mapping[str, str]) -> Recipe:
    """Return the recipe with the paths of its data made absolute."""
    data = recipe.data.model_dump()
    for field in ("path", "test", "validation", "unlabelled", "outside"):
        if data[field] is not None:
            data[field] = _where(folder, data[field], environ)
    teacher = recipe.teacher
    if teacher is not None and teacher.path is not None:
        teacher = teacher.model_copy(update={"path": str(folder / teacher.path)})
    return recipe.model_copy(update={"data": DataPart.model_validate(data), "teacher": teacher})
