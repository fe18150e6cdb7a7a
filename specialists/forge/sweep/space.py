"""What a sweep tries: each combination of the values that options are given, or some of them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence

from hive.errors import HiveError
from specialists.forge.recipe import Recipe
from specialists.forge.settings import setting, value_of

Choice = Mapping[str, object]
"""One combination: a value for each STAGE.OPTION."""


def choices_of(settings: Sequence[str], most: int | None, seed: int) -> list[Choice]:
    """Return the combinations of STAGE.OPTION=VALUE,VALUE,...; of more than `most` a seeded draw, in the same order.

    Raises HiveError(recipe_invalid) if something is no setting, or if there is nothing to choose from.
    """
    axes: dict[str, Sequence[object]] = {}
    for text in settings:
        stage, option, values = setting(text)
        listed = value_of(f"[{values}]")
        assert isinstance(listed, list), "it stands in brackets"
        axes[f"{stage}.{option}"] = listed
    grid: list[Choice] = [
        dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())
    ]
    if len(grid) < 2:
        raise HiveError(
            "recipe_invalid", "A sweep needs something to choose from, such as --set distill.width=96,128."
        )
    if most is None or most >= len(grid):
        return grid
    return [grid[n] for n in sorted(random.Random(seed).sample(range(len(grid)), most))]


def with_choice(recipe: Recipe, choice: Choice) -> Recipe:
    """Return the recipe with the values of a combination in its options."""
    options = {stage: dict(values) for stage, values in recipe.options.items()}
    for name, value in choice.items():
        stage, _, option = name.partition(".")
        options.setdefault(stage, {})[option] = value
    return recipe.model_copy(update={"options": options})


def told(choice: Choice) -> str:
    """Return a combination in words."""
    return ", ".join(f"{name}={value}" for name, value in choice.items())
