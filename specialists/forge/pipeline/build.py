"""Runs a recipe: stage after stage, each from the cache where it is there, and at the end a specialist's directory."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from hive.errors import HiveError
from specialists.forge.pipeline.cache import Cache, Entry, content_hash, key_of
from specialists.forge.pipeline.common import COMMON
from specialists.forge.pipeline.options import Options, options_of
from specialists.forge.pipeline.progress import Reporter
from specialists.forge.pipeline.stages import OWN, STAGES, Bar, Task, Workbench
from specialists.forge.recipe import Recipe
from specialists.forge.sources.folders import folder_of

_LABELLED: Final = ("classify",)
_FOLDERS: Final = ("encoder", "directory")
"""Options that may name a folder of a user's own, whose content then counts and not its name alone."""
_FORMAT: Final = 1
"""Part of every key; changes when the pipeline itself would leave other files."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a build finds and leaves things, and how many threads it may use. `fresh` uses nothing from the cache."""

    cache: Cache
    data_root: Path | None
    threads: int
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Built:
    """The finished stages of a build, by name; `publish` is the specialist's directory, still in the cache."""

    entries: Mapping[str, Entry]

    def of(self, stage: str) -> Path:
        """Return the folder of a stage."""
        return self.entries[stage].folder


@dataclass(slots=True)
class _Bench:
    """The workbench of one stage."""

    recipe: Recipe
    task: Task
    stage: str
    folder: Path
    scratch: Path
    seed: int
    threads: int
    budget_s: float
    kept: Path
    data_root: Path | None
    reporter: Reporter
    entries: Mapping[str, Entry]
    all_options: Options
    sentences: list[str] = field(default_factory=list)

    def of(self, stage: str) -> Path:
        return self.entries[stage].folder

    def options(self, stage: str = "") -> Mapping[str, object]:
        return self.all_options[stage or self.stage]

    def said(self) -> Mapping[str, tuple[str, ...]]:
        return {name: entry.said for name, entry in self.entries.items()}

    def say(self, sentence: str) -> None:
        self.sentences.append(sentence)
        self.reporter.said(self.stage, sentence)

    def bar(self, text: str, total: int) -> Bar:
        return self.reporter.bar(text, total)


def build(recipe: Recipe, task: Task, place: Place, reporter: Reporter, until: str = STAGES[-1]) -> Built:
    """Run the stages up to and with `until`.

    Raises HiveError: recipe_invalid for options that the task does not have, data_invalid for data that cannot be
    learned from, forge_missing if a library is not installed.
    """
    options = options_of(recipe, task)
    if recipe.teacher is not None and recipe.task not in _LABELLED:
        raise HiveError(
            "recipe_invalid", f"`teacher` labels texts for {', '.join(_LABELLED)}, not for {recipe.task}."
        )
    entries: dict[str, Entry] = {}
    key = key_of({"format": _FORMAT, "libraries": _libraries(), "data": _inputs(recipe, place.data_root)})
    with reporter.shown():
        for stage in STAGES[: STAGES.index(until) + 1]:
            key = key_of({"before": key, "stage": stage, **_settings(recipe, task, place, options, stage)})
            waits = partial(
                reporter.said, stage, "Another build is at this stage; this one waits for its result."
            )
            with place.cache.only_one(stage, key, waits):
                entries[stage] = _stage(recipe, task, place, reporter, options, entries, stage, key)
    return Built(entries)


def _stage(
    recipe: Recipe,
    task: Task,
    place: Place,
    reporter: Reporter,
    options: Options,
    entries: Mapping[str, Entry],
    stage: str,
    key: str,
) -> Entry:
    """Return a finished stage, from the cache or made now."""
    if place.fresh:
        place.cache.forget(stage, key)
    elif kept := place.cache.find(stage, key):
        reporter.kept(stage)
        for sentence in kept.said:
            reporter.said(stage, sentence)
        return kept
    unfinished = place.cache.begin(stage, key)
    bench = _Bench(
        recipe,
        task,
        stage,
        unfinished.folder,
        unfinished.scratch,
        recipe.seed,
        place.threads,
        _budget_s(recipe, task) * task.shares.get(stage, 0.0),
        place.cache.kept(),
        place.data_root,
        reporter,
        entries,
        options,
    )
    begun = time.monotonic()
    reporter.begun(stage)
    if stage in OWN:
        task.stages()[stage](bench)
    else:
        COMMON[stage](task, bench)
    reporter.done(stage, time.monotonic() - begun)
    return place.cache.finish(stage, key, unfinished, bench.sentences)


def _settings(recipe: Recipe, task: Task, place: Place, options: Options, stage: str) -> Mapping[str, object]:
    """Return what a stage's result hangs on, beside what came before it."""
    if stage not in OWN:
        return {"recipe": recipe.model_dump(mode="json", exclude={"data"})}
    folders = {
        name: content_hash(Path(value))
        for name, value in options[stage].items()
        if name in _FOLDERS and isinstance(value, str) and value and Path(value).is_dir()
    }
    return {
        **({"folders": folders} if folders else {}),
        "task": [task.name, task.version],
        "options": dict(options[stage]),
        "seed": recipe.seed,
        "threads": place.threads,
        "seconds": _budget_s(recipe, task) * task.shares.get(stage, 0.0),
    }


def _libraries() -> Mapping[str, str]:
    """Return the versions of what computes: another one may give other numbers."""
    found = {}
    for name in ("numpy", "onnxruntime", "scikit-learn", "tokenizers", "torch", "transformers"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _budget_s(recipe: Recipe, task: Task) -> float:
    return recipe.budget_s or task.budget_s


def _inputs(recipe: Recipe, root: Path | None) -> Mapping[str, object]:
    """Return what the data stage hangs on: the columns, and the content of every file, wherever it lies."""
    data = recipe.data
    given = {"path": data.path, "test": data.test, "validation": data.validation}
    given |= {"unlabelled": data.unlabelled, "outside": data.outside}
    files = {name: content_hash(Path(path)) for name, path in given.items() if path and Path(path).exists()}
    for name in (*([data.source] if data.source else []), *data.also):
        folder = folder_of(name, root)
        files[f"source {name}"] = content_hash(folder) if folder else "generated"
    reading = [data.encoding, data.delimiter, data.header]
    facts: dict[str, object] = {"columns": data.columns, "reading": reading, "files": files}
    if recipe.teacher is not None:
        facts["teacher"] = recipe.teacher.model_dump(mode="json", include={"endpoint", "model", "least"})
        files["teacher"] = content_hash(_there(recipe.teacher.path)) if recipe.teacher.path else ""
    return facts


def _there(teacher: str) -> Path:
    path = Path(teacher)
    if not path.exists():
        raise HiveError("recipe_invalid", f"`teacher.path`: there is no {path}.")
    return path


_: type[Workbench] = _Bench
