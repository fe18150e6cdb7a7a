"""A specialist before it is published: evaluated as it will be served, and held to its answers when it is.

An evaluate stage that uses `rehearse` measures what a node will run, and not a model beside it; with `record_answers`
it leaves some answers, which the published specialist must give again.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from hive.errors import HiveError
from specialists.forge.pipeline.draft import Draft
from specialists.forge.pipeline.manifest_of import write_manifest
from specialists.forge.recipe import Recipe
from specialists.kinds.base import Answer, Inputs
from specialists.load import Specialist, load

ANSWERS_FILE: Final = "answers.json"
ANSWERS: Final = 20
_CLOSE: Final = 1e-5


def rehearse(recipe: Recipe, draft: Draft, folder: Path) -> Specialist:
    """Return the specialist of `draft`, loaded as a node loads it; its files are written to `folder`, which is emptied.

    It has no card and no figures yet, so its digest is not the final one.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, source in draft.files.items():
        shutil.copyfile(source, folder / name)
    write_manifest(folder, recipe, draft, {})
    return load(folder)


def record_answers(specialist: Specialist, inputs: Sequence[Inputs], folder: Path) -> None:
    """Leave the answers to the first `ANSWERS` of `inputs`, which must be plain JSON values, in a stage's folder."""
    pairs = [{"inputs": dict(item), "answer": _plain(specialist, item)} for item in inputs[:ANSWERS]]
    (folder / ANSWERS_FILE).write_text(json.dumps(pairs) + "\n", "utf-8")


def hold_to_answers(specialist: Specialist, folder: Path) -> int:
    """Return how many recorded answers were given again; 0 if none were recorded.

    Raises HiveError(model_invalid) if the specialist answers one of them differently.
    """
    path = folder / ANSWERS_FILE
    pairs = json.loads(path.read_text("utf-8")) if path.is_file() else []
    for number, pair in enumerate(pairs):
        given = json.loads(json.dumps(_plain(specialist, pair["inputs"])))
        if not _alike(given, pair["answer"]):
            raise HiveError(
                "model_invalid",
                f"The published specialist answers test input {number} differently from the one that was measured: "
                f"{json.dumps(given)[:200]} instead of {json.dumps(pair['answer'])[:200]}.",
            )
    return len(pairs)


def _plain(specialist: Specialist, item: Inputs) -> object:
    (answer,) = specialist.answer([item])
    if isinstance(answer, Answer):
        return {"output": answer.output, "confidence": answer.confidence, "unsure": answer.unsure}
    return {"refused": answer.code}


def _alike(one: object, other: object) -> bool:
    """Say whether two JSON values are the same, but for rounding."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_alike(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=_CLOSE, abs_tol=_CLOSE)
    return one == other
