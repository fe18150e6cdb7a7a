"""Runs the trials of a sweep one after the other, and writes what came of them, wherever they ran."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from hive.errors import HiveError
from specialists.forge.pipeline.build import Place
from specialists.forge.pipeline.progress import Reporter
from specialists.forge.pipeline.stages import Task
from specialists.forge.recipe import Recipe
from specialists.forge.sweep.space import Choice, with_choice
from specialists.forge.sweep.trial import Outcome, ranked, run_trial

RESULTS_FILE: Final = "sweep.json"
BEST_FILE: Final = "best.yaml"


@dataclass(frozen=True, slots=True)
class Sweep:
    """A recipe and the combinations of options to try.

    `place` is shared, so that what trials have in common is made once.
    """

    recipe: Recipe
    choices: Sequence[Choice]
    task: Task
    place: Place


def one_by_one(sweep: Sweep, reporter: Reporter) -> Iterator[Outcome]:
    """Yield the outcome of each trial, in order."""
    for choice in sweep.choices:
        yield run_trial(sweep.recipe, choice, sweep.task, sweep.place, reporter)


def write_results(sweep: Sweep, outcomes: Sequence[Outcome], folder: Path) -> Outcome:
    """Write sweep.json and the recipe of the best trial, best.yaml, to `folder`; return the best.

    Raises HiveError(recipe_invalid) with the first failure if no trial ended well.
    """
    order = ranked(list(outcomes))
    folder.mkdir(parents=True, exist_ok=True)
    results = {"recipe": sweep.recipe.name, "trials": [outcome.as_json() for outcome in order]}
    (folder / RESULTS_FILE).write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", "utf-8")
    best = order[0]
    if best.quality is None:
        raise HiveError("recipe_invalid", f"None of {len(order)} trials ended well. The first: {best.failed}")
    document = with_choice(sweep.recipe, best.choice).model_dump(mode="json", exclude_defaults=True)
    (folder / BEST_FILE).write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), "utf-8")
    return best
