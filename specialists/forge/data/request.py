"""From the data part of a recipe to what the readers of files want to know."""

from __future__ import annotations

from pathlib import Path

from hive.errors import HiveError
from specialists.forge.data.files import Reading
from specialists.forge.data.text_files import TextFiles
from specialists.forge.recipe import DataPart


def reading_of(data: DataPart) -> Reading:
    """Return how the recipe wants its files read."""
    return Reading(data.encoding, data.delimiter, data.header)


def text_files_of(data: DataPart, *, needs_label: bool = True) -> TextFiles:
    """Return the labelled texts that the recipe names, by its columns `text` and `label`; it must have a `path`."""
    assert data.path is not None, "a recipe for a user's data has a path"
    return TextFiles(
        Path(data.path),
        Path(data.validation) if data.validation else None,
        Path(data.test) if data.test else None,
        data.columns.get("text"),
        data.columns.get("label"),
        reading_of(data),
        needs_label,
    )


def refuse_unread(task: str, data: DataPart, *fields: str) -> None:
    """Raise HiveError(recipe_invalid) if the recipe sets one of `fields`, which the task does not read.

    What a user gives and the forge leaves unread would be missed only after the build.
    """
    odd = [name for name in fields if getattr(data, name) != DataPart.model_fields[name].default]
    if odd:
        raise HiveError(
            "recipe_invalid", f"The task {task} has no use for {', '.join(f'`data.{name}`' for name in odd)}."
        )
