"""The options of `hive forge`, each with its help, as the commands share them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Opt = typer.Option
RecipeName = Annotated[
    str | None,
    typer.Argument(metavar="[RECIPE]", help="A recipe file, or the name of one that comes with Hive."),
]
TaskName = Annotated[
    str | None, Opt(help="Without a recipe: classify, tag, anomaly, risk, regress or embed.")
]
Data = Annotated[Path | None, Opt(help="Your data: CSV, TSV, JSON, JSON lines or Parquet.")]
TextColumn = Annotated[str | None, Opt(help="The column with the text.")]
LabelColumn = Annotated[str | None, Opt(help="The column to be predicted.")]
Columns = Annotated[list[str] | None, Opt(help="Any other role, as ROLE=NAME: time=stamp, series=device.")]
TestData = Annotated[Path | None, Opt(help="A file to measure on, instead of a part of the data.")]
ValidationData = Annotated[Path | None, Opt(help="A file to choose by, instead of a part of the data.")]
Unlabelled = Annotated[Path | None, Opt(help="Texts without labels, to learn more from.")]
Outside = Annotated[Path | None, Opt(help="Texts of no class, to learn from when to be unsure.")]
Teacher = Annotated[
    str | None,
    Opt(
        help="What labels the unlabelled data: a model's directory, or the address of an OpenAI-compatible API."
    ),
]
TeacherModel = Annotated[str | None, Opt(help="Which model the API is asked for.")]
TeacherKey = Annotated[str | None, Opt(help="The environment's variable that holds the API's key.")]
MaySeeData = Annotated[
    bool, Opt("--endpoint-may-see-data", help="Your word that texts may leave this machine for the API.")
]
Encoding = Annotated[str | None, Opt(help="Of the data. Default: found out.")]
Delimiter = Annotated[str | None, Opt(help="Between fields. Default: found out.")]
Settings = Annotated[
    list[str] | None,
    Opt("--set", help="An option of a stage, as STAGE.OPTION=VALUE; `hive forge options` lists them."),
]
Out = Annotated[Path | None, Opt("--out", help="Where the specialist goes. Default: ./NAME.")]
Name = Annotated[str | None, Opt(help="Its name. Default: that of the data's file.")]
Capability = Annotated[str | None, Opt(help="The capability that it serves, domain.verb.")]
Budget = Annotated[
    str | None, Opt(help="How much work to put in, such as 15m: minutes of a machine with 2 cores.")
]
Seed = Annotated[int | None, Opt(min=0, help="The result follows from it.")]
DataRoot = Annotated[
    str | None, Opt(help="Where the public data sets of bundled recipes lie. Default: $HIVE_DATA.")
]
CacheFolder = Annotated[
    Path | None, Opt("--cache", help="Where finished stages are kept. Default: $HIVE_FORGE_CACHE.")
]
Threads = Annotated[int | None, Opt(min=1, help="Default: as many as there are cores.")]
Fresh = Annotated[bool, Opt("--fresh", help="Use nothing from the cache.")]
