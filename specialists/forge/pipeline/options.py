"""The options of a task's stages: a recipe's over the defaults, with a sentence for each that does not fit."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from hive.errors import HiveError
from specialists.forge.pipeline.stages import OWN, Task
from specialists.forge.recipe import Recipe

Options = Mapping[str, Mapping[str, object]]


def options_of(recipe: Recipe, task: Task) -> Options:
    """Return all options by stage; raise HiveError(recipe_invalid) with every unknown name and every wrong type."""
    problems = list(_problems(recipe.options, task.defaults))
    if problems:
        raise HiveError("recipe_invalid", "\n".join(problems), problems=problems)
    return {stage: {**task.defaults.get(stage, {}), **recipe.options.get(stage, {})} for stage in OWN}


def _problems(given: Options, defaults: Options) -> list[str]:
    found = []
    for stage, options in given.items():
        if stage not in defaults:
            found.append(f"options.{stage}: {_unknown(stage, defaults, 'this task has options for')}")
            continue
        for name, value in options.items():
            if name not in defaults[stage]:
                found.append(f"options.{stage}.{name}: {_unknown(name, defaults[stage], 'known are')}")
            elif not _fits(value, defaults[stage][name]):
                example = defaults[stage][name]
                found.append(f"options.{stage}.{name}: want a value like {example!r}, got {value!r}")
    return found


def _unknown(name: str, known: Mapping[str, object], words: str) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    return f"{name!r} is not known; " + (
        f"did you mean {near[0]!r}?" if near else f"{words} {', '.join(known)}"
    )


def _fits(value: object, example: object) -> bool:
    """Say whether a value has the type of the default; where that is None, anything goes."""
    if example is None:
        return True
    if isinstance(example, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(example, bool)
    if isinstance(example, float):
        return isinstance(value, int | float)
    if isinstance(example, list | tuple):
        return isinstance(value, list | tuple)
    return isinstance(value, type(example))


def integer(options: Mapping[str, object], name: str) -> int:
    """Return an option whose default is a whole number; `options_of` has checked its type."""
    value = options[name]
    assert isinstance(value, int), f"{name} is a whole number"
    return value


def number(options: Mapping[str, object], name: str) -> float:
    """Return an option whose default is a number."""
    value = options[name]
    assert isinstance(value, int | float), f"{name} is a number"
    return float(value)


def text(options: Mapping[str, object], name: str) -> str:
    """Return an option whose default is a string."""
    value = options[name]
    assert isinstance(value, str), f"{name} is a string"
    return value


def texts(options: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Return an option whose default is a list of strings."""
    value = options[name]
    assert isinstance(value, list | tuple), f"{name} is a list"
    return tuple(map(str, value))
