"""One trial of a sweep: a build up to the quantized model, judged by what its choice said on validation data.

The test part is not looked at: whoever picks the best of many by it has no honest figure left.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hive.errors import HiveError
from specialists.forge.pipeline.build import Place, build
from specialists.forge.pipeline.progress import Reporter
from specialists.forge.pipeline.stages import Task
from specialists.forge.recipe import Recipe
from specialists.forge.sweep.space import Choice, with_choice

_LAST: Final = "quantize"
_TRIED: Final = ("trials", "tried")
_CHOSEN: Final = ("way", "chosen")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a trial: the quality of its quantized model on validation data (more is better) and its size.

    `seconds` is what it took here, from the cache or not. `failed` is a sentence if it has no quality.
    """

    choice: Choice
    quality: float | None
    size_bytes: int | None
    seconds: float
    failed: str = ""

    def as_json(self) -> dict[str, object]:
        """Return it as a JSON object."""
        facts = {"quality": self.quality, "bytes": self.size_bytes, "failed": self.failed or None}
        return {"settings": dict(self.choice), **{k: v for k, v in facts.items() if v is not None}}


def run_trial(recipe: Recipe, choice: Choice, task: Task, place: Place, reporter: Reporter) -> Outcome:
    """Build the recipe with `choice` as far as the quantized model. Options that do not fit are its failure."""
    begun = time.monotonic()
    try:
        built = build(with_choice(recipe, choice), task, place, reporter, until=_LAST)
        quality, size = validated(built.of(_LAST))
    except HiveError as error:
        return Outcome(choice, None, None, time.monotonic() - begun, error.detail)
    return Outcome(choice, quality, size, time.monotonic() - begun)


def validated(folder: Path) -> tuple[float, int]:
    """Return quality on validation data and bytes of the model that a quantize stage chose.

    The stage leaves a JSON document that lists what it tried, each with `way`, `quality` and `bytes`, and names the
    chosen `way`; where it names none, the best is meant. Raises HiveError(recipe_invalid) if it left none.
    """
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_text("utf-8"))
        if not isinstance(document, dict):
            continue
        for trials in [document[name] for name in _TRIED if name in document]:
            chosen = _chosen(document, trials)
            return float(chosen["quality"]), int(chosen["bytes"])
    raise HiveError(
        "recipe_invalid", "This task chooses its quantized model without validation data: no sweep of it."
    )


def _chosen(document: Mapping[str, object], trials: list[dict[str, float]]) -> dict[str, float]:
    way = next((document[name] for name in _CHOSEN if name in document), None)
    named = [trial for trial in trials if trial["way"] == way]
    return named[0] if named else max(trials, key=lambda trial: trial["quality"])


def ranked(outcomes: list[Outcome]) -> list[Outcome]:
    """Return the outcomes, best first: by quality, and of equals the smaller model; failures last."""
    return sorted(
        outcomes,
        key=lambda o: (o.quality is None, -(o.quality or 0.0), o.size_bytes or 0),
    )
